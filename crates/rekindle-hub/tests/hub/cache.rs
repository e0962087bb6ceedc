//! What the cache holds: listed, checked, cleared, and filled by hand.

use std::{fs, thread, time::Duration};

use rekindle_hub::{
    Error, Files, Hub, HubSettings, NetworkAccess, Prune, PruneRun, Trust, unwatched,
};
use rekindle_loopback::{Fault, Rule, sha256};

use crate::support::{CONFIG, REPOSITORY, Stage, bytes, card, list};

const FOLDER: &str = "models--timm--resnet18.a1_in1k";

#[test]
fn a_list_names_what_there_is_and_who_vouches_for_it() {
    let stage = Stage::pinned();
    assert_eq!(stage.hub().list().unwrap(), []);
    stage.fetch().unwrap();
    stage
        .server
        .publish("owner/other", &[("a.txt", b"one"), ("b.txt", b"one"), ("deep/c.txt", b"three")]);
    let names = &["a.txt", "b.txt", "deep/c.txt"];
    let files = Files { repository: "owner/other", revision: "main", names };
    let located = stage.hub().fetch_files(&files, &unwatched).unwrap();
    fs::write(located.folder.join("d.txt"), "four").unwrap();
    fs::create_dir_all(stage.cache().join("datasets--a--b")).unwrap();
    fs::create_dir_all(stage.cache().join("models--..--b")).unwrap();

    let [other, resnet] = &stage.hub().list().unwrap()[..] else { panic!() };
    assert_eq!((other.name.as_str(), resnet.name.as_str()), ("owner/other", REPOSITORY));
    // `one` lies there once, under two names.
    assert_eq!((other.bytes, other.incomplete), (3 + 5 + 4, 0));
    let rows: Vec<_> = other.revisions[0]
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.bytes, file.trust))
        .collect();
    let recorded = Some(Trust::Recorded);
    assert_eq!(
        rows,
        [
            ("a.txt", Some(3), recorded),
            ("b.txt", Some(3), recorded),
            ("d.txt", Some(4), None),
            ("deep/c.txt", Some(5), recorded)
        ]
    );
    assert_eq!(other.revisions[0].names, ["main"]);
    let trusts: Vec<_> = resnet.revisions[0].files.iter().map(|file| file.trust).collect();
    assert_eq!(trusts, [recorded, Some(Trust::Pinned)]);
    assert_eq!(resnet.revisions[0].commit, stage.commit);
}

#[test]
fn verifying_finds_every_damage_whatever_the_index_says() {
    for pinned in [Stage::new, Stage::pinned] {
        let stage = pinned();
        let located = stage.fetch().unwrap();
        let verified = stage.hub().verify().unwrap();
        assert!(verified.problems.is_empty(), "{:?}", verified.problems);
        assert_eq!((verified.files, verified.bytes), (2, 300_007 + CONFIG.len() as u64));

        // The index is told that the damaged file is the old one.
        thread::sleep(Duration::from_millis(20));
        let path = located.folder.join("model.safetensors");
        let mut content = fs::read(&path).unwrap();
        content[9] ^= 1;
        fs::write(&path, &content).unwrap();
        let blobs = stage.cache().join(FOLDER).join("blobs");
        fs::write(blobs.join("0".repeat(64)), "nobody's").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("../../blobs/gone", located.folder.join("lost")).unwrap();
        #[cfg(not(unix))]
        fs::write(blobs.join("f".repeat(64)), "lost").unwrap();
        let problems = stage.hub().verify().unwrap().problems;
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let lost = if cfg!(unix) { "lost".to_owned() } else { "f".repeat(64) };
        for part in ["model.safetensors", &lost, &"0".repeat(64)] {
            assert!(found.iter().any(|problem| problem.contains(part)), "no {part}: {found:?}");
        }
        assert_eq!(found.len(), 3, "{found:?}");
    }
}

#[test]
fn pruning_takes_leftovers_and_leaves_what_is_used_or_locked() {
    let stage = Stage::new();
    stage.fetch().unwrap();
    let blobs = stage.cache().join(FOLDER).join("blobs");
    let locks = stage.cache().join(".locks").join(FOLDER);
    let good = list(&blobs);
    let write = |name: &str, bytes: usize| fs::write(blobs.join(name), vec![0; bytes]).unwrap();
    write("aaa.incomplete", 10);
    write("bbb.1a2b3c4d.incomplete", 20);
    write("ccc", 30);
    write("ddd.incomplete", 40);
    write("eee", 50);
    let held = ["ddd.lock", "eee.lock"].map(|name| {
        let file = fs::File::create(locks.join(name)).unwrap();
        file.lock().unwrap();
        file
    });
    let dry = stage.hub().prune(Prune::Leftovers, PruneRun::Dry).unwrap();
    assert_eq!(list(&blobs).len(), good.len() + 5);
    let real = stage.hub().prune(Prune::Leftovers, PruneRun::Real).unwrap();
    assert_eq!(dry, real);
    assert_eq!((real.bytes, real.files.len(), real.locked.len()), (60, 3, 2));
    held.iter().for_each(|file| file.unlock().unwrap());
    assert_eq!(stage.hub().prune(Prune::Leftovers, PruneRun::Real).unwrap().bytes, 90);
    assert_eq!(list(&blobs), good);
    stage.check(&stage.hub().locate(card()).unwrap());
}

#[test]
fn a_repository_is_removed_unless_it_is_being_downloaded() {
    let stage = Stage::new();
    stage.fetch().unwrap();
    let lock =
        stage.cache().join(".locks").join(FOLDER).join(format!("{}.lock", sha256(&stage.weights)));
    let held = fs::File::open(&lock).unwrap();
    held.lock().unwrap();
    let pruned = stage.hub().prune(Prune::Repository(REPOSITORY), PruneRun::Real).unwrap();
    assert_eq!((pruned.files.len(), pruned.locked), (0, vec![lock]));
    stage.check(&stage.hub().locate(card()).unwrap());
    // Dropping it may not do: a process that another test is starting has it for a moment as well.
    held.unlock().unwrap();
    let dry = stage.hub().prune(Prune::Repository(REPOSITORY), PruneRun::Dry).unwrap();
    stage.check(&stage.hub().locate(card()).unwrap());
    let real = stage.hub().prune(Prune::Repository(REPOSITORY), PruneRun::Real).unwrap();
    assert_eq!(dry, real);
    assert!(!stage.cache().join(FOLDER).exists());
    let error = stage.hub().prune(Prune::Repository(REPOSITORY), PruneRun::Real).unwrap_err();
    assert!(matches!(error, Error::Absent { .. }), "{error}");
    assert!(matches!(
        stage.hub().prune(Prune::Repository("../x"), PruneRun::Real),
        Err(Error::Name { .. })
    ));
    // What was trusted is still what is used.
    assert_eq!(stage.fetch().unwrap().trust, Trust::Recorded);
}

#[test]
fn files_from_elsewhere_become_what_a_download_would_have_been() {
    for (name, pinned, trust) in
        [("pinned", true, Trust::Pinned), ("unpinned", false, Trust::Recorded)]
    {
        let mut stage = if pinned { Stage::pinned() } else { Stage::new() };
        let source = stage.folder.path().join("stick");
        fs::create_dir_all(&source).unwrap();
        let offline = Hub::new(HubSettings { network: NetworkAccess::Offline, ..stage.settings() });
        fs::write(source.join("model.safetensors"), &stage.weights).unwrap();
        let message = offline.import(card(), &source).unwrap_err().to_string();
        assert!(
            message.contains("config.json") && message.contains("cache import resnet18"),
            "{message}"
        );
        fs::write(source.join("config.json"), CONFIG).unwrap();
        let by_folder = offline.import(card(), &source).unwrap();
        fs::rename(source.join("model.safetensors"), source.join("weights.bin.safetensors"))
            .unwrap();
        let by_file = offline.import(card(), &source.join("weights.bin.safetensors")).unwrap();
        assert_eq!(by_folder.folder, by_file.folder);
        if trust == Trust::Recorded {
            assert_eq!(
                (by_folder.trust, by_file.commit.as_str()),
                (Trust::FirstUse, &sha256(&stage.weights)[..40])
            );
            stage.commit.clone_from(&by_folder.commit);
        }
        let found = offline.locate(card()).unwrap();
        assert_eq!(found.trust, trust, "{name}");
        stage.check(&found);
        stage.check(&stage.fetch().unwrap());
        assert!(stage.server.requests().is_empty());

        // Other bytes are refused, and leave no trace.
        let mut other = stage.weights.clone();
        other[7] ^= 1;
        fs::write(source.join("model.safetensors"), &other).unwrap();
        let message = offline.import(card(), &source).unwrap_err().to_string();
        assert!(message.contains(&sha256(&other)), "{name}: {message}");
        stage.check(&offline.locate(card()).unwrap());
        assert!(!stage.cache().join(FOLDER).join("blobs").join(sha256(&other)).exists());
    }
    // Shards, with their index.
    let stage = Stage::new();
    let source = stage.folder.path().join("stick");
    fs::create_dir_all(&source).unwrap();
    let index = "{\"weight_map\": {\"a\": \"m-1.safetensors\", \"b\": \"m-2.safetensors\"}}";
    for (name, content) in [
        ("config.json", CONFIG),
        ("model.safetensors.index.json", index.as_bytes()),
        ("m-1.safetensors", b"1"),
    ] {
        fs::write(source.join(name), content).unwrap();
    }
    let message = stage.hub().import(card(), &source).unwrap_err().to_string();
    assert!(message.contains("m-2.safetensors") && !message.contains("m-1"), "{message}");
    fs::write(source.join("m-2.safetensors"), bytes(5, 5)).unwrap();
    assert_eq!(stage.hub().import(card(), &source).unwrap().files.len(), 4);
    stage.check_cache();
}

/// A folder of PyTorch's weights, or such a file alone.
#[test]
fn pickled_weights_can_be_imported() {
    for (name, whole) in [("pytorch_model.bin", true), ("best.pth.tar", false), ("a.pt", false)] {
        let stage = Stage::new();
        let source = stage.folder.path().join("source");
        fs::create_dir_all(&source).unwrap();
        fs::write(source.join("config.json"), CONFIG).unwrap();
        let content = bytes(1000, 6);
        fs::write(source.join(name), &content).unwrap();
        let from = if whole { source } else { source.join(name) };
        let located = stage.hub().import(card(), &from).unwrap();
        assert!(fs::read(located.folder.join("pytorch_model.bin")).unwrap() == content, "{name}");
        assert_eq!(stage.hub().locate(card()).unwrap().folder, located.folder);
    }
}

/// What a cut download leaves is listed as such, and a later one takes it up.
#[test]
fn an_unfinished_download_is_listed() {
    let stage = Stage::new();
    stage.server.order(Rule::storage(1, Fault::Cut(100_000)));
    stage.server.order(Rule::storage(usize::MAX, Fault::Cut(0)));
    stage.fetch().unwrap_err();
    let [repository] = &stage.hub().list().unwrap()[..] else { panic!() };
    assert_eq!(repository.incomplete, 100_000);
    assert!(stage.hub().verify().unwrap().problems.is_empty());
    assert_eq!(stage.hub().prune(Prune::Leftovers, PruneRun::Real).unwrap().bytes, 100_000);
}

#[test]
fn a_card_may_name_more_files_than_weights_and_config() {
    for pinned in [Stage::new, Stage::pinned] {
        let mut stage = pinned();
        let tokenizer = "tokenizer.json".to_owned();
        let card = rekindle_cards::Card { files: vec![tokenizer.clone()], ..card().clone() };
        let absent = stage.hub().fetch(&card, &unwatched).unwrap_err().to_string();
        assert!(absent.contains(&tokenizer), "{absent}");

        let files: &[(&str, &[u8])] = &[
            ("config.json", CONFIG),
            ("model.safetensors", &stage.weights),
            ("tokenizer.json", b"{}"),
        ];
        let commit = stage.server.publish(REPOSITORY, files);
        stage.pins.iter_mut().for_each(|pin| pin.commit.clone_from(&commit));
        let settings = HubSettings { cache: stage.folder.path().join("new"), ..stage.settings() };
        let hub = Hub::new(settings);
        let located = hub.fetch(&card, &unwatched).unwrap();
        assert_eq!(fs::read(located.folder.join(&tokenizer)).unwrap(), b"{}");
        let mut names: Vec<_> = located.files.iter().map(|file| file.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);
        assert_eq!(hub.locate(&card).unwrap().folder, located.folder);
    }
}
