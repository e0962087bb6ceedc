//! How commands that fetch weights show what they do: a line while they do it, a table of what became of it.
//!
//! `cargo xtask` takes this file by its path as well: it shows the same table, and must not depend on this package, which
//! brings Burn along; a crate for two callers of so little would be one more to keep.

use std::{
    fmt::Write as _,
    io::{IsTerminal, Stderr, Write},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rekindle_base::{Breaks, visible};
use rekindle_hub::{Done, DownloadEvent, Error, FetchRow, Trust, Watch};

/// Why bytes are believed, in a word or two.
const TRUST: [(Trust, &str); 4] = [
    (Trust::Pinned, "pinned"),
    (Trust::Recorded, "recorded"),
    (Trust::FirstUse, "first use"),
    (Trust::Unrecorded, "unrecorded"),
];

/// How often a progress line is worth showing.
const OFTEN: Duration = Duration::from_millis(100);

/// The state of a card's weights, in a word or two.
pub(crate) fn status(row: &FetchRow) -> &'static str {
    match &row.outcome {
        Ok(Done::Fetched) => "fetched",
        Ok(Done::Cached) => "in the cache",
        Ok(Done::Planned) => "to be fetched",
        Err(Error::Absent { .. }) => "MISSING",
        Err(Error::Damaged { .. }) => "DAMAGED",
        Err(Error::Mismatch { .. }) => "OTHER BYTES",
        Err(Error::Elsewhere { .. }) => "ELSEWHERE",
        Err(Error::Cards(rekindle_cards::Error::License { .. })) => "LICENSE",
        Err(_) => "FAILED",
    }
}

/// Rows as a table, with all that went wrong below it.
pub(crate) fn table(rows: &[FetchRow]) -> String {
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
            status(row)
        );
    }
    for error in rows.iter().filter_map(|row| row.outcome.as_ref().err()) {
        let _ = writeln!(text, "\n{}", visible(&rekindle_base::causes(error), Breaks::Indented));
    }
    text
}

/// Turns events into lines that say how far a download is, a few a second.
struct Meter {
    start: Instant,
    /// When the last line was made, and how much was there before the first.
    last: Mutex<Option<(Instant, u64)>>,
}

impl Meter {
    /// Of a download that begins now.
    fn new() -> Self {
        Self { start: Instant::now(), last: Mutex::new(None) }
    }

    /// What is worth showing of an event; nothing where the last line is still fresh.
    fn line(&self, event: DownloadEvent<'_>) -> Option<String> {
        match event {
            DownloadEvent::Bytes { done, total } => {
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
            DownloadEvent::Retry { url, problem, wait } => {
                Some(format!("{url}: {problem}; again in {:.0} s", wait.as_secs_f64().ceil()))
            }
            DownloadEvent::Locked { file } => {
                Some(format!("{file}: another process downloads it; waiting"))
            }
            DownloadEvent::Damaged { file } => {
                Some(format!("{file}: damaged in the cache; downloading it again"))
            }
            DownloadEvent::TokenWithheld { endpoint } => Some(format!(
                "the token is not sent: {endpoint} would have it in clear; use https://"
            )),
            // Of what else may come nothing is known here.
            _ => None,
        }
    }
}

/// Runs a task, and writes how far it is to standard error, which the caller gives away: on a terminal a line that each
/// next one replaces, else only what is worth keeping.
pub(crate) fn metered<T>(to: &Stderr, name: &str, task: impl FnOnce(Watch<'_>) -> T) -> T {
    let (meter, terminal) = (Meter::new(), to.is_terminal());
    let watch = |event: DownloadEvent<'_>| {
        let lasting = !matches!(event, DownloadEvent::Bytes { .. });
        let Some(line) = meter.line(event) else { return };
        // What a server says is shown, and never obeyed by a terminal.
        let [name, line] = [name, line.as_str()].map(|text| visible(text, Breaks::Escaped));
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

/// 46807446 as 46.8 MB.
pub(crate) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(outcome: Result<Done, Error>) -> FetchRow {
        FetchRow {
            card: "resnet18.a1_in1k".to_owned(),
            bytes: 46_807_446,
            commit: Some("0123456789abcdef".to_owned()),
            trust: Some(Trust::FirstUse),
            seconds: 1.25,
            outcome,
        }
    }

    #[test]
    fn a_table_says_what_went_wrong_below_it() {
        let refused = rekindle_cards::LicensePolicy::default()
            .check(rekindle_cards::find("resnet18.fb_swsl_ig1b_ft_in1k").unwrap())
            .unwrap_err();
        let rows = [row(Ok(Done::Fetched)), row(Ok(Done::Cached)), row(Err(refused.into()))];
        let text = table(&rows);
        let lines: Vec<&str> = text.lines().collect();
        for part in ["resnet18.a1_in1k ", "46.8 MB", "0123456789ab ", "first use", " 1.2  fetched"]
        {
            assert!(lines[1].contains(part), "no `{part}` in {text}");
        }
        assert!(lines[2].ends_with("in the cache") && lines[3].ends_with("LICENSE"), "{text}");
        assert!(lines[4..].join("").contains("--accept-license"), "{text}");
    }

    #[test]
    fn a_meter_says_how_far_it_is_and_not_too_often() {
        let meter = Meter::new();
        let at = |done| meter.line(DownloadEvent::Bytes { done, total: 2_000_000 });
        assert!(at(1_000_000).is_some_and(|line| line.starts_with("1.0 MB of 2.0 MB, ")));
        assert_eq!(at(1_000_001), None, "the last line is still fresh");
        assert!(at(2_000_000).is_some(), "the end is always told");
        let line = meter.line(DownloadEvent::Damaged { file: "a.bin" });
        assert!(line.is_some_and(|line| line.starts_with("a.bin: damaged")));
    }
}
