//! Weights of many cards, one after the other: what commands that fetch, check or plan have in common.

use std::{
    fmt::Write as _,
    fs,
    io::{IsTerminal, Stderr, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rekindle_cards::{Card, Policy};

use crate::{Error, Event, Hub, Located, Trust, watch::Watch};

/// What is to be done about a card's weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Downloads what is missing or damaged.
    Fetch,
    /// Looks whether they are in the cache, and are what they are to be. Opens no socket.
    Check,
    /// Says whether they would be downloaded. Opens no socket.
    Plan,
}

/// What became of a card's weights.
#[derive(Debug)]
pub struct Row {
    /// The card's name.
    pub card: String,
    /// Bytes of all files: of those that are there, else about as many as will be.
    pub bytes: u64,
    /// The commit of the files that are there.
    pub commit: Option<String>,
    /// Why they are believed.
    pub trust: Option<Trust>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How it ended.
    pub outcome: Result<Done, Error>,
}

/// How it ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// They were downloaded.
    Fetched,
    /// They were in the cache already.
    Cached,
    /// They would be downloaded.
    Planned,
}

/// Why bytes are believed, in a word or two.
const TRUST: [(Trust, &str); 4] = [
    (Trust::Pinned, "pinned"),
    (Trust::Recorded, "recorded"),
    (Trust::FirstUse, "first use"),
    (Trust::Unrecorded, "unrecorded"),
];

/// How often a progress line is worth showing.
const OFTEN: Duration = Duration::from_millis(100);

/// The licenses that are accepted: those of the file that `REKINDLE_LICENSES` names, and these.
///
/// # Errors
///
/// [`Error::Io`] where the file cannot be read, [`Error::Cards`] where it is no policy or a name is no license's.
pub fn policy(accepted: &[String]) -> Result<Policy, Error> {
    let mut policy = match std::env::var_os(Policy::VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => {
            let text = fs::read_to_string(&path).map_err(Error::io("read the policy", &path))?;
            Policy::parse(&path.to_string_lossy(), &text)?
        }
        None => Policy::default(),
    };
    for name in accepted {
        policy.accept(name)?;
    }
    Ok(policy)
}

impl Hub {
    /// Does something about a card's weights, if their license allows to use them.
    pub fn act(&self, act: Act, card: &Card, policy: &Policy, watch: Watch<'_>) -> Row {
        let start = Instant::now();
        let found = policy.check(card).map_err(Error::from).and_then(|()| match act {
            Act::Fetch => self.fetch(card, watch).map(Some),
            Act::Check => self.locate(card).map(Some),
            Act::Plan => match self.locate(card) {
                Ok(located) => Ok(Some(located)),
                Err(Error::Absent { .. } | Error::Damaged { .. }) => Ok(None),
                Err(error) => Err(error),
            },
        });
        let mut row = Row {
            card: card.name(),
            bytes: self.expected_bytes(card),
            commit: None,
            trust: None,
            seconds: start.elapsed().as_secs_f64(),
            outcome: Ok(Done::Planned),
        };
        match found {
            Ok(Some(Located { files, commit, trust, downloaded, .. })) => {
                row.bytes = files.iter().map(|file| file.bytes).sum();
                (row.commit, row.trust) = (Some(commit), Some(trust));
                row.outcome = Ok(if downloaded > 0 { Done::Fetched } else { Done::Cached });
            }
            Ok(None) => {}
            Err(error) => row.outcome = Err(error),
        }
        row
    }

    /// The pins' sizes, or four bytes a parameter.
    fn expected_bytes(&self, card: &Card) -> u64 {
        let name = card.name();
        let pins = self.settings.pins.iter().filter(|pin| pin.card == name);
        match pins.map(|pin| pin.bytes).sum() {
            0 => 4 * card.parameters as u64,
            bytes => bytes,
        }
    }
}

impl Row {
    /// The state of the weights, in a word or two.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match &self.outcome {
            Ok(Done::Fetched) => "fetched",
            Ok(Done::Cached) => "in the cache",
            Ok(Done::Planned) => "to be fetched",
            Err(Error::Absent { .. }) => "MISSING",
            Err(Error::Damaged { .. }) => "DAMAGED",
            Err(Error::Mismatch { .. }) => "OTHER BYTES",
            Err(Error::Cards(rekindle_cards::Error::License { .. })) => "LICENSE",
            Err(_) => "FAILED",
        }
    }
}

/// Rows as a table, with all that went wrong below it.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<42} {:>9}  {:<12} {:<10} {:>7}  status\n",
        "checkpoint", "size", "commit", "trust", "seconds"
    );
    for row in rows {
        let commit: String = row.commit.as_deref().unwrap_or("-").chars().take(12).collect();
        let trust = TRUST.iter().find(|(trust, _)| row.trust == Some(*trust));
        let trust = trust.map_or("-", |(_, words)| words);
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<42} {:>9}  {commit:<12} {trust:<10} {:>7.1}  {}",
            row.card,
            megabytes(row.bytes),
            row.seconds,
            row.status()
        );
    }
    for error in rows.iter().filter_map(|row| row.outcome.as_ref().err()) {
        let _ = writeln!(text, "\n{error}");
    }
    text
}

/// Turns events into lines that say how far a download is, a few a second.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    /// When the last line was made, and how much was there before the first.
    last: Mutex<Option<(Instant, u64)>>,
}

impl Meter {
    /// Of a download that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), last: Mutex::new(None) }
    }

    /// What is worth showing of an event; nothing where the last line is still fresh.
    pub fn line(&self, event: Event<'_>) -> Option<String> {
        match event {
            Event::Bytes { done, total } => {
                let now = Instant::now();
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                let before = match *last {
                    Some((shown, _)) if now < shown + OFTEN && done < total => return None,
                    Some((_, before)) => before,
                    None => done,
                };
                *last = Some((now, before));
                let seconds = self.start.elapsed().as_secs_f64().max(1e-3);
                let rate = done.saturating_sub(before) as f64 / seconds;
                let left = match rate > 0.0 {
                    true => total.saturating_sub(done) as f64 / rate,
                    false => f64::INFINITY,
                };
                let left = if left < 1e5 { format!(", {left:.0} s left") } else { String::new() };
                let (done, total, rate) = (megabytes(done), megabytes(total), rate / 1e6);
                Some(format!("{done} of {total}, {rate:.1} MB/s{left}"))
            }
            Event::Retry { url, problem, wait } => {
                Some(format!("{url}: {problem}; again in {:.0} s", wait.as_secs_f64().ceil()))
            }
            Event::Locked { file } => {
                Some(format!("{file}: another process downloads it; waiting"))
            }
            Event::Damaged { file } => {
                Some(format!("{file}: damaged in the cache; downloading it again"))
            }
        }
    }
}

/// Runs a task, and writes how far it is to standard error, which the caller gives away: on a terminal a line that each
/// next one replaces, else only what is worth keeping.
pub fn shown<T>(to: &Stderr, name: &str, task: impl FnOnce(Watch<'_>) -> T) -> T {
    let (meter, terminal) = (Meter::new(), to.is_terminal());
    let watch = |event: Event<'_>| {
        let lasting = !matches!(event, Event::Bytes { .. });
        let Some(line) = meter.line(event) else { return };
        // What a server says is shown, and never obeyed by a terminal.
        let line = line.replace(char::is_control, "\u{fffd}");
        let mut to = to.lock();
        // Nobody is to miss a download because nobody reads about it.
        let _ = match (terminal, lasting) {
            (true, true) => writeln!(to, "\r\x1b[K{name}  {line}"),
            (true, false) => write!(to, "\r\x1b[K{name}  {line}"),
            (false, true) => writeln!(to, "{name}  {line}"),
            (false, false) => Ok(()),
        };
    };
    let done = task(&watch);
    if terminal {
        let _ = write!(to.lock(), "\r\x1b[K");
    }
    done
}

impl Default for Meter {
    fn default() -> Self {
        Self::new()
    }
}

/// 46807446 as 46.8 MB.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
