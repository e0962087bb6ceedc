//! Trust on first use: which bytes a repository without a pin had when they were first used.
//!
//! ```toml
//! [[file]]
//! repository = "timm/resnet18.a1_in1k"
//! revision = "main"
//! commit = "491b427b45c94c7fb0e78b5474cc919aff584bbf"
//! file = "model.safetensors"
//! bytes = 46807446
//! sha256 = "..."
//! endpoint = "https://huggingface.co"
//! day = "2026-01-31"
//! licenses = ["apache-2.0"]
//! ```
//!
//! From then on the revision means that commit and the file of that commit those bytes, whatever the Hub has later, and by
//! whichever name the commit is asked for. What another endpoint sent says nothing of this one.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use rekindle_base::{date_of_day, is_private, write_private};
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    layout::create_parent,
    lock::{Lock, Patience},
    names::{is_commit, is_hexadecimal},
};

/// One file of one revision, as it was first used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The repository on the Hub.
    pub repository: String,
    /// What was asked for: a branch, a tag or a commit.
    pub revision: String,
    /// The commit that this was.
    pub commit: String,
    /// The file within the repository.
    pub file: String,
    /// The file's size in bytes.
    pub bytes: u64,
    /// The file's SHA-256, in lower case.
    pub sha256: String,
    /// The Hub or mirror that it came from; empty where it was found in the cache, or brought there by hand.
    #[serde(default)]
    pub endpoint: String,
    /// The day of the first use, `2026-01-31`; empty where an older version recorded it.
    #[serde(default)]
    pub day: String,
    /// The licenses that the Hub stated that day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
}

/// Every record, at one moment.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    #[serde(default, rename = "file")]
    pub(crate) records: Vec<Record>,
}

impl Record {
    /// Whether it is of a repository, whose name may be written in any case, as the Hub takes it.
    pub(crate) fn is_of(&self, repository: &str) -> bool {
        self.repository.eq_ignore_ascii_case(repository)
    }

    /// Whether it says something of what an endpoint sends: one of nobody knows where says something of all.
    pub(crate) fn is_from(&self, endpoint: &str) -> bool {
        self.endpoint.is_empty() || self.endpoint == endpoint
    }

    /// Whether both say the same of one file by one name.
    fn says_the_same(&self, other: &Self) -> bool {
        self.is_of(&other.repository)
            && (&self.revision, &self.commit, &self.file, self.bytes, &self.sha256, &self.endpoint)
                == (
                    &other.revision,
                    &other.commit,
                    &other.file,
                    other.bytes,
                    &other.sha256,
                    &other.endpoint,
                )
    }

    /// Whether both cannot be right: a commit has other bytes, or a revision was another commit.
    fn contradicts(&self, other: &Self) -> bool {
        let about_one = self.is_of(&other.repository)
            && self.file == other.file
            && (self.is_from(&other.endpoint) || other.is_from(&self.endpoint));
        let other_bytes = (self.bytes, &self.sha256) != (other.bytes, &other.sha256);
        let same_commit = self.commit == other.commit;
        about_one
            && ((same_commit && other_bytes) || (!same_commit && self.revision == other.revision))
    }
}

impl Ledger {
    /// Reads the ledger; there is none before the first use, and none is believed that others may write.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let bad = |problem| Error::Layout { path: path.to_owned(), problem };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        if !is_private(path) {
            let problem = "others may write to it, so what it says is not believed";
            return Err(bad(problem.to_owned()));
        }
        let ledger: Self =
            toml::from_str(&text).map_err(|error| bad(error.message().to_owned()))?;
        let malformed = |record: &&Record| {
            !is_commit(&record.commit)
                || record.sha256.len() != 64
                || !is_hexadecimal(&record.sha256)
        };
        match ledger.records.iter().find(malformed) {
            Some(Record { repository, file, .. }) => {
                Err(bad(format!("{repository}: {file}: commit or sha256 is no hash")))
            }
            None => Ok(ledger),
        }
    }

    /// What is known of a repository's files.
    pub(crate) fn of(&self, repository: &str) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.is_of(repository))
    }

    /// Adds records; one that contradicts what another process has written meanwhile is returned, and none added.
    pub(crate) fn add(
        path: &Path,
        new: &[Record],
        patience: Patience,
    ) -> Result<Option<Record>, Error> {
        let _lock = lock(path, patience)?;
        let mut ledger = Self::read(Some(path))?;
        let before = ledger.records.len();
        for record in new {
            if let Some(known) = ledger.records.iter().find(|known| known.contradicts(record)) {
                return Ok(Some(known.clone()));
            }
            if !ledger.records.iter().any(|known| known.says_the_same(record)) {
                ledger.records.push(record.clone());
            }
        }
        if ledger.records.len() > before {
            ledger.write(path)?;
        }
        Ok(None)
    }

    /// Forgets a repository; says how many files that were.
    pub(crate) fn remove(
        path: &Path,
        repository: &str,
        patience: Patience,
    ) -> Result<usize, Error> {
        let _lock = lock(path, patience)?;
        let mut ledger = Self::read(Some(path))?;
        let before = ledger.records.len();
        ledger.records.retain(|record| !record.is_of(repository));
        let forgotten = before - ledger.records.len();
        if forgotten > 0 {
            ledger.write(path)?;
        }
        Ok(forgotten)
    }

    fn write(&self, path: &Path) -> Result<(), Error> {
        let text = toml::to_string(self)
            .map_err(|error| Error::Layout { path: path.to_owned(), problem: error.to_string() })?;
        let title = "# What rekindle trusted on first use. Remove a repository's lines to trust it anew.\n\n";
        write_private(path, format!("{title}{text}")).map_err(Error::io("write", path))
    }
}

/// The ledger's own lock, beside it.
fn lock(path: &Path, patience: Patience) -> Result<Lock, Error> {
    create_parent(path)?;
    let folder = path.parent().unwrap_or(path);
    Lock::wait(folder, &path.with_extension("toml.lock"), patience, || 0, || ())
}

/// Today in Greenwich, `2026-01-31`.
pub(crate) fn today() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    day(now.unwrap_or_default())
}

/// The day that so much time after the beginning of 1970 lies in.
fn day(since: Duration) -> String {
    let [year, month, day] = date_of_day((since.as_secs() / 86_400).cast_signed());
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(file: &str, digit: &str) -> Record {
        Record {
            repository: "timm/a".to_owned(),
            revision: "main".to_owned(),
            commit: "0".repeat(40),
            file: file.to_owned(),
            bytes: 3,
            sha256: digit.repeat(64),
            endpoint: "https://hub.example".to_owned(),
            day: "2026-01-31".to_owned(),
            licenses: Vec::new(),
        }
    }

    fn add(path: &Path, new: &[Record]) -> Result<Option<Record>, Error> {
        Ledger::add(path, new, Patience::of(Duration::from_secs(10)))
    }

    fn remove(path: &Path) -> usize {
        Ledger::remove(path, "timm/a", Patience::of(Duration::from_secs(10))).unwrap()
    }

    /// From `date -u -d @SECONDS`.
    #[test]
    fn a_day_is_that_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_709_164_800, "2024-02-29"),
            (1_767_225_599, "2025-12-31"),
            (1_767_225_600, "2026-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(day(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(today().len(), 10);
    }

    /// By which commit, of whichever name, from which endpoint, and on which day.
    #[test]
    fn what_cannot_be_both_is_never_recorded() {
        let known = record("a", "a");
        let elsewhere = "https://mirror.example".to_owned();
        let commit = "1".repeat(40);
        let other = || record("a", "b");
        for (name, new, contradicts) in [
            ("again", known.clone(), false),
            ("on another day", Record { day: "2026-02-01".to_owned(), ..known.clone() }, false),
            ("other bytes", other(), true),
            (
                "of the same commit by its hash",
                Record { revision: "0".repeat(40), ..other() },
                true,
            ),
            ("of the same commit by a tag", Record { revision: "v1".to_owned(), ..other() }, true),
            (
                "of a name in another case",
                Record { repository: "TIMM/a".to_owned(), ..other() },
                true,
            ),
            ("of nobody knows where", Record { endpoint: String::new(), ..other() }, true),
            ("another commit", Record { commit: commit.clone(), ..known.clone() }, true),
            (
                "another commit's bytes",
                Record { commit: commit.clone(), revision: commit, ..other() },
                false,
            ),
            ("from elsewhere", Record { endpoint: elsewhere, ..other() }, false),
            ("another file", record("c", "b"), false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger.toml");
            add(&path, std::slice::from_ref(&known)).unwrap();
            let found = add(&path, std::slice::from_ref(&new)).unwrap();
            assert_eq!(found, contradicts.then(|| known.clone()), "{name}");
        }
    }

    #[test]
    fn an_older_ledger_is_read_and_one_that_others_may_write_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.toml");
        let (commit, sha256) = ("0".repeat(40), "a".repeat(64));
        let text = format!(
            "[[file]]\nrepository = \"timm/a\"\nrevision = \"main\"\ncommit = \"{commit}\"\nfile = \"a\"\n\
             bytes = 3\nsha256 = \"{sha256}\"\n"
        );
        fs::write(&path, text).unwrap();
        let read = Ledger::read(Some(&path)).unwrap().records;
        assert!(read.len() == 1 && read[0].is_from("https://hub.example"), "{read:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
            let message = Ledger::read(Some(&path)).unwrap_err().to_string();
            assert!(message.contains("others may write"), "{message}");
        }
        assert_eq!(Ledger::read(None).unwrap().records, []);
    }

    #[test]
    fn the_first_use_is_the_one_that_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.toml");
        let (first, other) = (record("a", "a"), record("b", "b"));
        assert_eq!(add(&path, std::slice::from_ref(&first)).unwrap(), None);
        assert_eq!(add(&path, &[first.clone(), other.clone()]).unwrap(), None);
        // All or none.
        let contradicting = [record("c", "c"), record("a", "f")];
        assert_eq!(add(&path, &contradicting).unwrap(), Some(first.clone()));
        let ledger = Ledger::read(Some(&path)).unwrap();
        assert_eq!(ledger.of("Timm/a").collect::<Vec<_>>(), [&first, &other]);
        assert_eq!(ledger.of("timm/b").count(), 0);
        assert_eq!((remove(&path), remove(&path)), (2, 0));
        assert_eq!(add(&path, &contradicting).unwrap(), None);
    }

    #[test]
    fn a_damaged_ledger_is_an_error_and_never_less_trust() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.toml");
        add(&path, &[record("a", "a"), record("b", "b")]).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        for (from, to) in
            [("sha256 = \"a", "sha256 = \"A"), ("bytes", "byte"), ("= 3", "= -3"), ("[[", "[")]
        {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            fs::write(&path, &bad).unwrap();
            for error in [Ledger::read(Some(&path)).err(), add(&path, &[record("c", "c")]).err()] {
                let message = error.unwrap().to_string();
                assert!(message.contains("ledger.toml"), "{message}");
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), bad, "left as it was");
        }
    }
}
