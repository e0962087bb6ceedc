//! Whatever lies in a cache that others can write: what is elsewhere is neither removed nor written.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rekindle_hub::{Error, Hub, HubSettings, Prune, PruneRun, unwatched};
use rekindle_loopback::{git_sha1, sha256};

use crate::support::{CONFIG, REPOSITORY, Stage, card, list};

const FOLDER: &str = "models--timm--resnet18.a1_in1k";

/// Files of somebody else, which must be there afterwards as they are.
struct Theirs(PathBuf);

impl Theirs {
    fn of(stage: &Stage) -> Self {
        let folder = stage.folder.path().join("theirs");
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for name in [
            "0a1b",
            "0a1b.incomplete",
            "thesis.pdf",
            "blobs/0a1b",
            "refs/main",
            &format!("snapshots/{commit}/config.json"),
            &format!("{commit}/config.json"),
        ] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "theirs").unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    #[track_caller]
    fn check(&self, name: &str) {
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        assert_eq!(found.len(), 7, "{name}: {found:?}");
        for path in found {
            assert_eq!(fs::read_to_string(&path).unwrap(), "theirs", "{name}: {}", path.display());
        }
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in list(folder) {
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}

/// A place within the repository's folder, or that itself.
fn at(stage: &Stage, place: &str) -> PathBuf {
    let folder = stage.cache().join(FOLDER);
    if place.is_empty() { folder } else { folder.join(place) }
}

/// Puts a link where there may be a folder or a file.
fn plant(at: &Path, to: &Path) {
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    if at.is_dir() {
        fs::remove_dir_all(at).unwrap();
    } else if at.symlink_metadata().is_ok() {
        fs::remove_file(at).unwrap();
    }
    symlink(to, at).unwrap();
}

#[test]
fn pruning_removes_nothing_that_a_link_leads_to() {
    let snapshot = |stage: &Stage| format!("snapshots/{}", stage.commit);
    for (name, place, to) in [
        ("blobs", "blobs".to_owned(), "blobs"),
        ("snapshots", "snapshots".to_owned(), "snapshots"),
        ("refs", "refs".to_owned(), "refs"),
        ("a commit", snapshot(&Stage::new()), ""),
        ("a folder in a commit", format!("{}/onnx", snapshot(&Stage::new())), "blobs"),
        ("a blob", "blobs/0a1b".to_owned(), "0a1b"),
        ("an unfinished one", "blobs/0a1b.incomplete".to_owned(), "0a1b.incomplete"),
        ("a folder as a blob", "blobs/0a1c".to_owned(), "blobs"),
        ("the repository", String::new(), ""),
    ] {
        for what in [Prune::Leftovers, Prune::Repository(REPOSITORY)] {
            let stage = Stage::new();
            stage.fetch().unwrap();
            let theirs = Theirs::of(&stage);
            plant(&at(&stage, &place), &theirs.path(to));
            let dry = stage.hub().prune(what, PruneRun::Dry);
            let real = stage.hub().prune(what, PruneRun::Real);
            theirs.check(name);
            match (dry, real) {
                (Ok(dry), Ok(real)) => {
                    assert_eq!(dry, real, "{name}");
                    let inside = |path: &PathBuf| {
                        fs::canonicalize(path.parent().unwrap()).is_ok_and(|real| {
                            real.starts_with(fs::canonicalize(stage.cache()).unwrap())
                        })
                    };
                    // Parents of what was removed may be gone, and are not elsewhere.
                    let gone = |path: &PathBuf| !path.parent().unwrap().exists();
                    assert!(real.files.iter().all(|path| inside(path) || gone(path)), "{name}");
                }
                (dry, real) => {
                    for error in [dry.unwrap_err(), real.unwrap_err()] {
                        assert!(matches!(error, Error::Outside { .. }), "{name}: {error}");
                        assert!(error.to_string().contains("link"), "{name}: {error}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_has_a_name_that_no_client_gives_is_left_and_said() {
    let stage = Stage::new();
    let located = stage.fetch().unwrap();
    let folder = stage.cache().join(FOLDER);
    let foreign = [
        folder.join("blobs/thesis.pdf"),
        folder.join("blobs/0a1b.old"),
        folder.join("blobs/folder/0a1b"),
        folder.join("notes.txt"),
        folder.join("thesis/chapter.tex"),
        folder.join("snapshots/README"),
        folder.join("snapshots/v1/config.json"),
    ];
    for path in &foreign {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "theirs").unwrap();
    }
    for name in ["0a1b", "0a1b.incomplete", "0a1b.1a2b3c4d.incomplete", ".rekindle-Ab12.tmp"] {
        fs::write(folder.join("blobs").join(name), "ours").unwrap();
    }
    let pruned = stage.hub().prune(Prune::Leftovers, PruneRun::Real).unwrap();
    assert_eq!((pruned.files.len(), pruned.bytes), (4, 16));
    assert_eq!(
        pruned.foreign,
        [&foreign[1], &folder.join("blobs/folder"), &foreign[0]].map(Clone::clone)
    );
    stage.check_snapshot(&located);
    let pruned = stage.hub().prune(Prune::Repository(REPOSITORY), PruneRun::Real).unwrap();
    assert_eq!(pruned.foreign.len(), foreign.len(), "{:?}", pruned.foreign);
    assert!(!located.folder.exists() && !folder.join("refs").exists());
    for path in &foreign {
        assert_eq!(fs::read_to_string(path).unwrap(), "theirs", "{}", path.display());
        fs::remove_file(path).unwrap();
    }
    // Without them it goes as a whole.
    stage.hub().prune(Prune::Repository(REPOSITORY), PruneRun::Real).unwrap();
    assert!(!folder.exists());
}

/// A repository elsewhere is none of ours; others are pruned all the same.
#[test]
fn one_linked_repository_keeps_no_other_from_being_pruned() {
    let stage = Stage::new();
    stage.fetch().unwrap();
    let theirs = Theirs::of(&stage);
    symlink(&theirs.0, stage.cache().join("models--p--q")).unwrap();
    let leftover = stage.cache().join(FOLDER).join("blobs/0a1c");
    fs::write(&leftover, "ours").unwrap();
    let pruned = stage.hub().prune(Prune::Leftovers, PruneRun::Real).unwrap();
    assert_eq!(
        (pruned.files, pruned.foreign),
        (vec![leftover], vec![stage.cache().join("models--p--q")])
    );
    let error = stage.hub().prune(Prune::Repository("p/q"), PruneRun::Real).unwrap_err();
    assert!(matches!(error, Error::Outside { .. }), "{error}");
    theirs.check("p/q");
}

#[test]
fn nothing_is_downloaded_by_way_of_a_link() {
    let weights = sha256(&Stage::new().weights);
    let config = git_sha1(CONFIG);
    let commit = Stage::new().commit;
    for (place, to) in [
        (String::new(), ""),
        ("blobs".to_owned(), "blobs"),
        ("refs".to_owned(), "refs"),
        ("snapshots".to_owned(), "snapshots"),
        (format!("snapshots/{commit}"), "blobs"),
        (format!("blobs/{weights}.incomplete"), "thesis.pdf"),
        (format!("blobs/{config}.incomplete"), "new"),
        (format!("../.locks/{FOLDER}"), "blobs"),
        (format!("../.locks/{FOLDER}/{weights}.lock"), "new.lock"),
        (format!("../.locks/{FOLDER}/{config}.lock"), "thesis.pdf"),
        ("../.locks".to_owned(), "blobs"),
    ] {
        let stage = Stage::new();
        let theirs = Theirs::of(&stage);
        plant(&at(&stage, &place), &theirs.path(to));
        let error = stage.fetch().unwrap_err();
        theirs.check(&place);
        assert!(matches!(error, Error::Outside { .. }), "{place}: {error}");
        assert!(error.to_string().contains("is a link"), "{place}: {error}");
    }
    // Another name of the same file is as bad, and a pipe would be waited for.
    let stage = Stage::new();
    let theirs = Theirs::of(&stage);
    let partial = stage.cache().join(FOLDER).join("blobs").join(format!("{weights}.incomplete"));
    fs::create_dir_all(partial.parent().unwrap()).unwrap();
    fs::hard_link(theirs.path("thesis.pdf"), &partial).unwrap();
    let error = stage.fetch().unwrap_err();
    assert!(matches!(error, Error::Outside { .. }), "{error}");
    theirs.check("a hard link");
    fs::remove_file(&partial).unwrap();
    assert!(Command::new("mkfifo").arg(&partial).status().unwrap().success());
    let error = stage.fetch().unwrap_err();
    assert!(error.to_string().contains("a pipe"), "{error}");
    fs::remove_file(&partial).unwrap();
    stage.check(&stage.fetch().unwrap());
}

/// Reading follows links, and the cache itself may be one.
#[test]
fn a_cache_may_be_elsewhere_as_a_whole() {
    let stage = Stage::new();
    let real = stage.folder.path().join("disk");
    fs::create_dir(&real).unwrap();
    symlink(&real, stage.cache()).unwrap();
    stage.check(&stage.fetch().unwrap());
    fs::write(real.join(FOLDER).join("blobs/0a1b"), "ours").unwrap();
    let pruned = stage.hub().prune(Prune::Leftovers, PruneRun::Real).unwrap();
    assert_eq!((pruned.files.len(), pruned.foreign), (1, vec![]));
    stage.hub().prune(Prune::Repository(REPOSITORY), PruneRun::Real).unwrap();
    assert!(!real.join(FOLDER).exists());
    // A repository that was moved is read where it is.
    stage.check(&stage.fetch().unwrap());
    let moved = stage.folder.path().join("moved");
    fs::rename(real.join(FOLDER), &moved).unwrap();
    symlink(&moved, real.join(FOLDER)).unwrap();
    stage.check(&stage.hub().locate(card()).unwrap());
}

/// By looks at the lock, of which none finds a longer file.
#[test]
fn a_lock_that_is_held_for_ever_is_given_up() {
    let stage = Stage::new();
    let lock =
        stage.cache().join(".locks").join(FOLDER).join(format!("{}.lock", sha256(&stage.weights)));
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    // 24 looks; a machine that is busy may take several tries to answer that fast.
    let stall = Duration::from_millis(100);
    let hub = || Hub::new(HubSettings { stall, attempts: 100, ..stage.settings() });
    let error = hub().fetch(card(), &unwatched).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    assert!(error.to_string().contains(lock.to_str().unwrap()), "{error}");
    stage.check_cache();
    held.unlock().unwrap();
    stage.check(&stage.fetch().unwrap());
    // Weights that are there are used, whoever holds the record's lock; what is new is not recorded, and said so.
    stage.hub().remove_trust(REPOSITORY).unwrap();
    let record = fs::File::create(stage.hub().ledger().with_extension("toml.lock")).unwrap();
    record.lock().unwrap();
    assert_eq!(hub().locate(card()).unwrap().trust, rekindle_hub::Trust::Unrecorded);
    record.unlock().unwrap();
}
