//! Which bytes are believed, and why.

use std::{fs, thread, time::Duration};

use rekindle_cards::{Pin, PinnedFile};
use rekindle_hub::{
    DownloadEvent, Error, Files, Hashing, Hub, HubSettings, Links, NetworkAccess, Trust, unwatched,
};
use rekindle_loopback::{Fault, Rule, sha256};

use crate::support::{CONFIG, REPOSITORY, Stage, bytes, card, list};

const FOLDER: &str = "models--timm--resnet18.a1_in1k";

#[test]
fn to_look_for_weights_is_no_use_of_them() {
    let stage = Stage::new();
    assert!(!stage.hub().holds(card()), "an empty cache");
    stage.fetch().unwrap();
    // Somebody else's, as far as this machine knows.
    let ledger = stage.hub().ledger();
    fs::remove_file(&ledger).unwrap();
    stage.server.requests();
    assert!(stage.hub().holds(card()));
    assert!(stage.hub().records().unwrap().is_empty() && !ledger.exists());
    assert!(stage.server.requests().is_empty());
    assert_eq!(stage.hub().locate(card()).unwrap().trust, Trust::FirstUse);
    assert_eq!(stage.hub().records().unwrap().len(), 2);
}

#[test]
fn the_first_use_is_said_and_then_enforced() {
    let stage = Stage::new();
    stage.server.set_license(REPOSITORY, "Apache-2.0");
    let first = stage.fetch().unwrap();
    assert_eq!((first.trust, first.downloaded), (Trust::FirstUse, 300_007 + CONFIG.len() as u64));
    assert_eq!(
        first.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
        ["config.json", "model.safetensors"]
    );
    let records = stage.hub().records().unwrap();
    assert_eq!(records.len(), 2);
    assert!(
        records.iter().all(|record| record.commit == stage.commit && record.revision == "main")
    );

    // Upstream moves on; what was used stays.
    let other = bytes(1000, 9);
    let newer =
        stage.server.publish(REPOSITORY, &[("config.json", b"{}"), ("model.safetensors", &other)]);
    assert_ne!(newer, stage.commit);
    let info = stage.hub().repository(REPOSITORY, "main").unwrap();
    assert_eq!(
        (info.commit.as_str(), info.license.as_deref()),
        (newer.as_str(), Some("apache-2.0"))
    );
    stage.server.requests();
    let again = stage.fetch().unwrap();
    assert_eq!((again.trust, again.downloaded), (Trust::Recorded, 0));
    stage.check(&again);
    assert!(stage.server.requests().is_empty(), "what is there is not asked for");

    // Even when the cache is lost but for the record.
    fs::remove_dir_all(stage.cache().join("models--timm--resnet18.a1_in1k")).unwrap();
    let again = stage.fetch().unwrap();
    assert_eq!(again.trust, Trust::Recorded);
    stage.check(&again);

    // Forgetting is a decision.
    assert_eq!(stage.hub().remove_trust(REPOSITORY).unwrap(), 2);
    fs::remove_dir_all(stage.cache().join("models--timm--resnet18.a1_in1k")).unwrap();
    let anew = stage.fetch().unwrap();
    assert_eq!((anew.trust, anew.commit), (Trust::FirstUse, newer));
}

#[test]
fn a_pin_is_obeyed_or_nothing_is_used() {
    let stage = Stage::pinned();
    let other = bytes(1000, 9);
    let newer =
        stage.server.publish(REPOSITORY, &[("config.json", b"{}"), ("model.safetensors", &other)]);
    let located = stage.fetch().unwrap();
    assert_eq!(located.trust, Trust::Pinned);
    stage.check(&located);

    for name in ["sha256", "bytes", "commit"] {
        let mut fresh = Stage::pinned();
        let pin = &mut fresh.pins[0];
        match name {
            "sha256" => pin.sha256 = "f".repeat(64),
            "bytes" => pin.bytes += 1,
            _ => pin.commit.clone_from(&newer),
        }
        fresh.server.publish(REPOSITORY, &[("config.json", b"{}"), ("model.safetensors", &other)]);
        let message = fresh.fetch().unwrap_err().to_string();
        assert!(
            message.contains("pin") && message.contains("model.safetensors"),
            "{name}: {message}"
        );
        fresh.check_cache();
        assert!(matches!(fresh.hub().locate(card()), Err(Error::Absent { .. })), "{name}");
        // What is in the cache is held against the pin as well.
        if name != "commit" {
            let mut cached = Stage::new();
            cached.fetch().unwrap();
            cached.pins = fresh.pins.clone();
            let error = cached.hub().locate(card()).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{name}: {error}");
            assert!(error.to_string().contains("rekindle fetch resnet18.a1_in1k"), "{error}");
        }
    }
}

#[test]
fn a_poisoned_cache_is_noticed_and_mended() {
    for pinned in [Stage::new, Stage::pinned] {
        for links in [Links::Symbolic, Links::Copied] {
            for file in ["config.json", "model.safetensors"] {
                let stage = pinned();
                let settings = || HubSettings { links, ..stage.settings() };
                let located = Hub::new(settings()).fetch(card(), &unwatched).unwrap();
                let path = located.folder.join(file);
                thread::sleep(Duration::from_millis(20));
                let mut content = fs::read(&path).unwrap();
                content[5] ^= 1;
                fs::write(&path, &content).unwrap();
                let error = stage.hub().locate(card()).unwrap_err();
                assert!(matches!(error, Error::Damaged { .. }), "{file}: {error}");
                let told = std::sync::Mutex::new(Vec::new());
                let mended = Hub::new(settings()).fetch(card(), &|event| {
                    if let DownloadEvent::Damaged { file } = event {
                        told.lock().unwrap().push(file.to_owned());
                    }
                });
                let mended = mended.unwrap_or_else(|error| panic!("{file}, {links:?}: {error}"));
                stage.check(&mended);
                assert!(told.into_inner().unwrap().iter().all(|name| name == file));
            }
        }
    }
}

/// What nothing is recorded of is held against its name in the cache: bad bytes are not a first use.
#[test]
fn bytes_that_contradict_their_name_are_never_trusted() {
    for file in ["config.json", "model.safetensors"] {
        let stage = Stage::new();
        let located = stage.fetch().unwrap();
        stage.hub().remove_trust(REPOSITORY).unwrap();
        thread::sleep(Duration::from_millis(20));
        let path = located.folder.join(file);
        let mut content = fs::read(&path).unwrap();
        content[5] ^= 1;
        fs::write(&path, &content).unwrap();
        let error = stage.hub().locate(card()).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{file}: {error}");
        assert_eq!(stage.hub().records().unwrap(), []);
        stage.check(&stage.fetch().unwrap());
    }
}

#[test]
fn locating_opens_no_socket_and_says_what_to_do() {
    let stage = Stage::new();
    let offline = Hub::new(HubSettings { network: NetworkAccess::Offline, ..stage.settings() });
    for hub in [&stage.hub(), &offline] {
        let message = hub.locate(card()).unwrap_err().to_string();
        for part in [
            "config.json",
            "model.safetensors",
            "rekindle fetch resnet18.a1_in1k",
            "models--timm--resnet18.a1_in1k",
        ] {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
    }
    let message = offline.fetch(card(), &unwatched).unwrap_err().to_string();
    assert!(message.contains("HF_HUB_OFFLINE") && message.contains("cache import"), "{message}");
    let message = offline.repository(REPOSITORY, "main").unwrap_err().to_string();
    assert!(message.contains("HF_HUB_OFFLINE"), "{message}");
    assert!(stage.server.requests().is_empty());

    stage.fetch().unwrap();
    stage.server.requests();
    stage.check(&stage.hub().locate(card()).unwrap());
    stage.check(&offline.fetch(card(), &unwatched).unwrap());
    let always = Hub::new(HubSettings { hashing: Hashing::Always, ..stage.settings() });
    stage.check(&always.locate(card()).unwrap());
    assert!(stage.server.requests().is_empty());

    let mut file_only = card().clone();
    file_only.repository = None;
    let message = stage.hub().fetch(&file_only, &unwatched).unwrap_err().to_string();
    assert!(message.contains("resnet18.a1_in1k") && message.contains("no repository"), "{message}");
}

#[test]
fn shards_are_fetched_after_their_index() {
    let stage = Stage::new();
    let shards: Vec<Vec<u8>> = (0..5).map(|seed| bytes(70_000, seed)).collect();
    let name = |index: usize| format!("model-{:05}-of-00005.safetensors", index + 1);
    let map: Vec<String> =
        (0..5).map(|index| format!("\"t{index}\": \"{}\"", name(index))).collect();
    let index = format!(
        "{{\"metadata\": {{}}, \"weight_map\": {{{}, \"again\": \"{}\"}}}}",
        map.join(", "),
        name(0)
    );
    let names: Vec<String> = (0..5).map(name).collect();
    let mut files =
        vec![("config.json", CONFIG), ("model.safetensors.index.json", index.as_bytes())];
    files.extend(names.iter().map(String::as_str).zip(shards.iter().map(Vec::as_slice)));
    stage.server.publish(REPOSITORY, &files);
    let located = stage.fetch().unwrap();
    assert_eq!(located.files.len(), 7);
    for (name, bytes) in names.iter().zip(&shards) {
        assert!(fs::read(located.folder.join(name)).unwrap() == *bytes);
    }
    assert_eq!(stage.hub().locate(card()).unwrap().trust, Trust::Recorded);
    // One shard is lost: all that is left is used, and one file downloaded.
    fs::remove_file(located.folder.join(&names[3])).unwrap();
    fs::remove_file(located.folder.join("../../blobs").join(rekindle_loopback::sha256(&shards[3])))
        .unwrap();
    let message = stage.hub().locate(card()).unwrap_err().to_string();
    assert!(message.contains(&names[3]) && !message.contains(&names[2]), "{message}");
    assert_eq!(stage.fetch().unwrap().downloaded, 70_000);

    for bad in ["{}", "{\"weight_map\": {}}", "{\"weight_map\": {\"a\": \"../../../x\"}}", "[", ""]
    {
        let stage = Stage::new();
        let files: [(&str, &[u8]); 2] =
            [("config.json", CONFIG), ("model.safetensors.index.json", bad.as_bytes())];
        stage.server.publish(REPOSITORY, &files);
        let message = stage.fetch().unwrap_err().to_string();
        assert!(message.contains("index") || message.contains("../x"), "{bad}: {message}");
        assert!(!stage.folder.path().join("x").exists());
    }
}

#[test]
fn a_repository_without_our_weights_is_said_to_be_one() {
    let stage = Stage::new();
    stage.server.publish(REPOSITORY, &[("config.json", CONFIG), ("flax_model.msgpack", b"flax")]);
    let message = stage.fetch().unwrap_err().to_string();
    assert!(message.contains("flax_model.msgpack") && message.contains("safetensors"), "{message}");
    stage.server.publish(REPOSITORY, &[("model.safetensors", b"w")]);
    let message = stage.fetch().unwrap_err().to_string();
    assert!(message.contains("404") && message.contains("config.json"), "{message}");
}

#[test]
fn any_repository_and_revision_can_be_had() {
    let stage = Stage::new();
    stage.server.publish("owner/other", &[("README.md", b"old"), ("deep/a b.txt", b"text")]);
    let files = Files {
        repository: "owner/other",
        revision: "main",
        names: &["README.md", "deep/a b.txt"],
    };
    let located = stage.hub().fetch_files(&files, &unwatched).unwrap();
    assert_eq!(fs::read(located.folder.join("deep/a b.txt")).unwrap(), b"text");
    assert_eq!(located.trust, Trust::FirstUse);
    let newer = stage.server.publish("owner/other", &[("README.md", b"new")]);
    let at = Files { revision: &newer, names: &["README.md"], ..files };
    let located = stage.hub().fetch_files(&at, &unwatched).unwrap();
    assert_eq!(fs::read(located.folder.join("README.md")).unwrap(), b"new");
    assert_eq!(
        fs::read(stage.hub().locate_files(&files).unwrap().folder.join("README.md")).unwrap(),
        b"old"
    );
    for (repository, revision, name) in [
        ("../x", "main", "a"),
        ("a/b/c", "main", "a"),
        ("a/b", "../main", "a"),
        ("a/b", "main", "../a"),
        ("a/b", "main", "/a"),
    ] {
        let files = Files { repository, revision, names: &[name] };
        assert!(matches!(stage.hub().fetch_files(&files, &unwatched), Err(Error::Name { .. })));
    }
    let gone = Files { revision: "v9", ..files };
    let message = stage.hub().fetch_files(&gone, &unwatched).unwrap_err().to_string();
    assert!(message.contains("no such revision"), "{message}");
}

/// A record that is damaged is no reason to trust more.
#[test]
fn a_damaged_record_stops_everything_that_needs_it() {
    let stage = Stage::new();
    stage.fetch().unwrap();
    fs::write(stage.hub().ledger(), "[[file").unwrap();
    for error in [stage.fetch().err(), stage.hub().locate(card()).err()] {
        let message = error.unwrap().to_string();
        assert!(message.contains("rekindle-lock.toml"), "{message}");
    }
    assert_eq!(
        list(&stage.cache().join(".locks"))
            .iter()
            .filter(|path| path.ends_with("rekindle-lock.toml"))
            .count(),
        1
    );
}

/// Weights in one file, in several, or as PyTorch pickles them: the best kind that a repository has.
#[test]
fn whichever_weights_a_repository_has_are_fetched() {
    const INDEX: &[u8] = b"{\"weight_map\": {\"a\": \"m-1.safetensors\"}}";
    let (weights, pickle) = (bytes(300_007, 2), bytes(200_003, 3));
    let whole = ("model.safetensors", weights.as_slice());
    let index = ("model.safetensors.index.json", INDEX);
    let shard = ("m-1.safetensors", weights.as_slice());
    let pickled = ("pytorch_model.bin", pickle.as_slice());
    for (files, expected) in [
        (vec![pickled], vec!["pytorch_model.bin"]),
        (vec![pickled, whole], vec!["model.safetensors"]),
        (vec![pickled, index, shard], vec!["model.safetensors.index.json", "m-1.safetensors"]),
    ] {
        let stage = Stage::new();
        let mut published = vec![("config.json", CONFIG)];
        published.extend(&files);
        for (repository, of_card) in [(REPOSITORY, true), ("owner/ants", false)] {
            let commit = stage.server.publish(repository, &published);
            let files = Files { repository, revision: "main", names: &[] };
            let fetch = |hub: &Hub| match of_card {
                true => hub.fetch(card(), &unwatched),
                false => hub.fetch_files(&files, &unwatched),
            };
            let located = fetch(&stage.hub()).unwrap();
            let names: Vec<&str> = located.files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(names, [&["config.json"], expected.as_slice()].concat());
            assert_eq!(
                (located.commit.as_str(), located.trust),
                (commit.as_str(), Trust::FirstUse)
            );
            for (name, content) in &published {
                let file = located.folder.join(name);
                assert_eq!(file.is_file(), names.contains(name), "{name}");
                assert!(!file.is_file() || fs::read(file).unwrap() == *content, "{name}");
            }
            // Again without a network, from records of what was used first.
            let settings = HubSettings { network: NetworkAccess::Offline, ..stage.settings() };
            let again = fetch(&Hub::new(settings)).unwrap();
            assert_eq!((again.folder, again.trust), (located.folder.clone(), Trust::Recorded));
            // Changed bytes are noticed, whatever kind they are of.
            let path = located.folder.join(expected[expected.len() - 1]);
            let mut content = fs::read(&path).unwrap();
            content[5] ^= 1;
            thread::sleep(Duration::from_millis(20));
            fs::write(&path, &content).unwrap();
            let settings = HubSettings { network: NetworkAccess::Offline, ..stage.settings() };
            let error = fetch(&Hub::new(settings)).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
        }
    }
    let stage = Stage::new();
    stage.server.publish("owner/none", &[("config.json", CONFIG), ("notes.txt", b"none")]);
    let files = Files { repository: "owner/none", revision: "main", names: &[] };
    let error = stage.hub().fetch_files(&files, &unwatched).unwrap_err();
    assert!(matches!(error, Error::NoWeights { .. }), "{error}");
    assert!(error.to_string().contains("notes.txt"), "{error}");
}

/// Whichever name a commit is asked for by, its bytes are those that were used first.
#[test]
fn other_bytes_of_a_commit_are_refused_however_it_is_asked_for() {
    let by = |revision: &'static str, name: &'static str| (revision, name);
    let asked =
        [by("main", "by its branch"), by("commit", "by its hash"), by("card", "by the card")];
    for (first, before) in asked {
        for (second, after) in asked {
            let stage = Stage::new();
            let fetch = |how: &str| match how {
                "card" => stage.hub().fetch(card(), &unwatched),
                how => {
                    let revision = if how == "commit" { stage.commit.as_str() } else { how };
                    let files = Files { repository: REPOSITORY, revision, names: &[] };
                    stage.hub().fetch_files(&files, &unwatched)
                }
            };
            let case = format!("{before}, then {after}");
            fetch(first).unwrap();
            assert_eq!(fetch(second).unwrap().trust, Trust::Recorded, "{case}");
            // The cache is lost, and the server has other bytes under the same hash.
            fs::remove_dir_all(stage.cache().join(FOLDER)).unwrap();
            let other = bytes(300_007, 77);
            let etag = format!("\"{}\"", sha256(&other));
            let described = Fault::Headers(vec![("X-Linked-ETag", etag)]);
            stage.server.order(Rule {
                method: Some("HEAD"),
                ..Rule::hub("model.safetensors", 9, described)
            });
            let message = fetch(second).unwrap_err().to_string();
            assert!(message.contains("its first use on this machine"), "{case}: {message}");
            assert!(message.contains(&stage.server.endpoint()), "{case}: {message}");
            // Or somebody has put them there, under the name that they would have.
            stage.server.clear();
            let located = fetch(second).unwrap();
            let blobs = stage.cache().join(FOLDER).join("blobs");
            fs::write(blobs.join(sha256(&other)), &other).unwrap();
            let path = located.folder.join("model.safetensors");
            fs::remove_file(&path).unwrap();
            #[cfg(unix)]
            std::os::unix::fs::symlink(blobs.join(sha256(&other)), &path).unwrap();
            #[cfg(not(unix))]
            fs::write(&path, &other).unwrap();
            let files = Files { repository: REPOSITORY, revision: &stage.commit, names: &[] };
            for error in [stage.hub().locate(card()), stage.hub().locate_files(&files)] {
                let error = error.unwrap_err();
                assert!(matches!(error, Error::Damaged { .. }), "{case}: {error}");
                assert!(error.to_string().contains("first use"), "{case}: {error}");
            }
            stage.check_snapshot(&fetch(second).unwrap());
        }
    }
}

/// A commit that was used by its hash ties the branch to itself when that is first asked for.
#[test]
fn a_branch_stays_where_it_was_when_it_was_first_asked_for() {
    let stage = Stage::new();
    let by_hash = Files { repository: REPOSITORY, revision: &stage.commit, names: &[] };
    assert_eq!(stage.hub().fetch_files(&by_hash, &unwatched).unwrap().trust, Trust::FirstUse);
    assert_eq!(stage.fetch().unwrap().trust, Trust::Recorded);
    stage.server.publish(REPOSITORY, &[("config.json", b"{}"), ("model.safetensors", b"new")]);
    fs::remove_dir_all(stage.cache().join(FOLDER)).unwrap();
    stage.check(&stage.fetch().unwrap());
}

/// What a mirror sent says nothing of the Hub: that is asked, once, and answers for itself.
#[test]
fn a_mirrors_bytes_are_not_taken_for_the_hubs() {
    let hub = Stage::new();
    for same in [true, false] {
        let mirror = Stage::new();
        // Other bytes, at a commit of the same hash: a mirror may say what it likes.
        let theirs = if same { hub.weights.clone() } else { bytes(300_007, 5) };
        let (files, etag) =
            ([("config.json", CONFIG), ("model.safetensors", &theirs[..])], sha256(&theirs));
        let commit = mirror.server.publish(REPOSITORY, &files);
        let renamed = |path, method| Rule {
            method: Some(method),
            ..Rule::hub(
                path,
                usize::MAX,
                Fault::Headers(vec![("X-Repo-Commit", hub.commit.clone())]),
            )
        };
        if !same {
            let listed = format!(
                r#"{{"sha": "{}", "siblings": [{{"rfilename": "config.json"}}, {{"rfilename": "model.safetensors"}}]}}"#,
                hub.commit
            );
            let listed = Fault::Instead(200, Vec::new(), listed.into_bytes());
            mirror.server.order(Rule::hub("api/models", usize::MAX, listed));
            // The mirror knows the commit by its own name alone.
            mirror.server.publish_as(REPOSITORY, &commit, &hub.commit);
            mirror.server.order(renamed("resolve", "HEAD"));
        }
        let cache = mirror.folder.path().join("shared");
        let at = |stage: &Stage, network| {
            Hub::new(HubSettings { cache: cache.clone(), network, ..stage.settings() })
        };
        let online = NetworkAccess::Online;
        let first = at(&mirror, online).fetch(card(), &unwatched).unwrap();
        assert_eq!((first.trust, first.commit.as_str()), (Trust::FirstUse, hub.commit.as_str()));
        let weights = first.files.iter().find(|file| file.name == "model.safetensors").unwrap();
        assert_eq!(weights.sha256, etag);
        let day = at(&mirror, online).records().unwrap()[0].day.clone();
        assert_eq!((day.len(), day.as_bytes()[4]), (10, b'-'));

        // Without a network it is said whose they are.
        let offline = NetworkAccess::Offline;
        let error = at(&hub, offline).fetch(card(), &unwatched).unwrap_err();
        assert!(matches!(error, Error::Elsewhere { .. }), "{error}");
        for part in [mirror.server.endpoint(), hub.server.endpoint(), day, "HF_ENDPOINT".to_owned()]
        {
            assert!(error.to_string().contains(&part), "no `{part}` in: {error}");
        }
        assert!(matches!(at(&hub, offline).locate(card()), Err(Error::Elsewhere { .. })));
        // With one the Hub says what they are to be, and what is right is not downloaded again.
        hub.server.requests();
        let found = at(&hub, online).fetch(card(), &unwatched).unwrap();
        assert_eq!(found.downloaded, if same { 0 } else { 300_007 });
        hub.check_snapshot(&found);
        assert_eq!(found.trust, Trust::FirstUse);
        assert!(!hub.server.requests().is_empty());
        // From then on each is known.
        let again = at(&hub, online).fetch(card(), &unwatched).unwrap();
        assert_eq!((again.trust, again.downloaded), (Trust::Recorded, 0));
        assert!(hub.server.requests().is_empty());
        let back = at(&mirror, online).fetch(card(), &unwatched).unwrap();
        let weights = back.files.iter().find(|file| file.name == "model.safetensors").unwrap();
        assert_eq!((back.trust, weights.sha256.as_str()), (Trust::Recorded, etag.as_str()));
    }
}

/// What was found in the cache, or brought there by hand, came from nobody knows where: it is used for either.
#[test]
fn what_nobody_knows_the_origin_of_is_what_it_was() {
    let stage = Stage::new();
    stage.fetch().unwrap();
    stage.hub().remove_trust(REPOSITORY).unwrap();
    assert_eq!(stage.hub().locate(card()).unwrap().trust, Trust::FirstUse);
    assert!(stage.hub().records().unwrap().iter().all(|record| record.endpoint.is_empty()));
    let endpoint = "https://mirror.example".to_owned();
    let elsewhere = Hub::new(HubSettings { endpoint, ..stage.settings() });
    assert_eq!(elsewhere.fetch(card(), &unwatched).unwrap().trust, Trust::Recorded);
}

/// As if somebody else could write there: what could be forged is not believed.
#[cfg(unix)]
#[test]
fn in_a_shared_cache_neither_index_nor_record_can_be_forged() {
    use std::os::unix::fs::PermissionsExt;
    let open = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for with_state in [false, true] {
        let stage = Stage::new();
        let state = stage.folder.path().join("state");
        let hub = || {
            let state = with_state.then(|| state.clone());
            Hub::new(HubSettings { state, ..stage.settings() })
        };
        hub().fetch(card(), &unwatched).unwrap();
        assert!(hub().ledger().starts_with(stage.cache()), "it is its user's own");
        let record = fs::read_to_string(hub().ledger()).unwrap();
        open(&stage.cache(), 0o777);
        open(&stage.cache().join(".locks"), 0o777);
        // The record that everybody could have written is no record.
        let other = hub().fetch(card(), &unwatched).unwrap();
        let (trust, ledger) = match with_state {
            true => (Trust::FirstUse, &state),
            false => (Trust::Unrecorded, &stage.cache()),
        };
        assert_eq!(other.trust, trust);
        assert!(hub().ledger().starts_with(ledger), "{}", hub().ledger().display());
        assert_eq!(hub().records().unwrap().len(), if with_state { 2 } else { 0 });
        // One of one's own, which is not shared, may be written by nobody else either.
        open(&stage.cache(), 0o755);
        open(&stage.cache().join(".locks"), 0o755);
        assert_eq!(fs::read_to_string(hub().ledger()).unwrap(), record);
        open(&hub().ledger(), 0o666);
        let message = hub().locate(card()).unwrap_err().to_string();
        assert!(message.contains("others may write"), "{message}");
    }
    // An index beside the locks, as older versions kept it, says nothing of a damaged file.
    let stage = Stage::pinned();
    let state = Some(stage.folder.path().join("state"));
    let hub = || Hub::new(HubSettings { state: state.clone(), ..stage.settings() });
    let located = hub().fetch(card(), &unwatched).unwrap();
    let index = stage.folder.path().join("state/hashed.json");
    let good = fs::read_to_string(&index).unwrap();
    thread::sleep(Duration::from_millis(20));
    let path = fs::canonicalize(located.folder.join("model.safetensors")).unwrap();
    let mut content = fs::read(&path).unwrap();
    content[9] ^= 1;
    fs::write(&path, &content).unwrap();
    assert!(hub().locate(card()).is_err());
    let forged =
        fs::read_to_string(&index).unwrap().replace(&sha256(&content), &sha256(&stage.weights));
    assert_ne!(forged, good);
    for name in ["rekindle-hashed.json", "hashed.json"] {
        fs::write(stage.cache().join(".locks").join(name), &forged).unwrap();
    }
    assert!(matches!(hub().locate(card()), Err(Error::Damaged { .. })));
    // The user's own index is believed, and one that others could write is not.
    fs::write(&index, &forged).unwrap();
    hub().locate(card()).unwrap();
    for (path, mode) in [(&index, 0o666), (&index.parent().unwrap().to_owned(), 0o777)] {
        fs::write(&index, &forged).unwrap();
        open(path, mode);
        assert!(matches!(hub().locate(card()), Err(Error::Damaged { .. })), "{}", path.display());
        open(&index, 0o644);
    }
}

/// A pin says what the config is as well: it decides on labels and preprocessing.
#[test]
fn a_pinned_config_is_obeyed_or_nothing_is_used() {
    let mut stage = Stage::pinned();
    let config = |content: &[u8]| PinnedFile {
        name: Pin::CONFIG.to_owned(),
        bytes: content.len() as u64,
        sha256: sha256(content),
    };
    stage.pins[0].files = vec![config(CONFIG)];
    let located = stage.fetch().unwrap();
    assert!(located.files.iter().all(|file| file.trust == Trust::Pinned), "{located:?}");
    stage.check(&located);
    assert_eq!(stage.hub().records().unwrap(), [], "a pin needs no record");

    let other = b"{\"architecture\": \"resnet50\"}";
    let mut fresh = Stage::pinned();
    fresh.pins[0].files = vec![config(other)];
    let message = fresh.fetch().unwrap_err().to_string();
    assert!(message.contains(&sha256(other)) && message.contains("config.json"), "{message}");
    // Nor what lies in the cache under a name that fits.
    let path = located.folder.join("config.json");
    fs::remove_file(&path).unwrap();
    fs::write(&path, other).unwrap();
    let error = stage.hub().locate(card()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }) && error.to_string().contains("pin"), "{error}");
    stage.check(&stage.fetch().unwrap());
}
