//! All that the program prints: the one place that knows what a terminal does with text, and what a full disk does.
//!
//! | standard output | what follows |
//! |---|---|
//! | nobody reads it (`\| head -1`) | the command goes on and saves what it saves; the exit code is its own |
//! | it cannot be written (`> /dev/full`) | the command goes on and saves, then ends with an error |
//!
//! Text from elsewhere (labels, names of files, what a server said) may hold control characters. Those that move a
//! terminal's cursor, change its colors or turn text around are shown as escapes; in JSON, as JSON's own.

use std::{
    fmt,
    io::{self, Write, stderr, stdout},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::Serialize;

/// Whether whoever read standard output has gone.
static UNREAD: AtomicBool = AtomicBool::new(false);
/// Why standard output could not be written, the first time.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line; where text that stands in it may hold line breaks, see [`one_line`].
macro_rules! say {
    ($($line:tt)*) => { $crate::cli::output::line(&format!($($line)*)) };
}

/// Prints a line on standard error.
macro_rules! complain {
    ($($line:tt)*) => { $crate::cli::output::complain(&format!($($line)*)) };
}

/// A line of text, or several.
pub(crate) fn line(text: &str) {
    print(&visible(text, Breaks::Kept));
}

/// A line of JSON: the same value, but with every character that a terminal obeys written as JSON's escape.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match is_obeyed(c) {
            // Outside of strings there are none, and `serde_json` writes neither tabs nor line breaks.
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }),
            false => escaped.push(c),
        }
    }
    print(&escaped);
    Ok(())
}

/// A line on standard error; whether anybody reads it changes nothing.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(stderr(), "{}", visible(text, Breaks::Indented));
}

/// An error with its causes, each said once.
pub(crate) fn causes(error: &anyhow::Error) -> String {
    rekindle_base::causes(error.as_ref())
}

/// Says why the arguments are wrong, or shows the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if !error.use_stderr() {
        note(printed);
    }
    end(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)))
}

/// The exit code: the command's own, unless what it printed is lost.
pub(crate) fn end(code: ExitCode) -> ExitCode {
    note(stdout().flush());
    match FAILED.lock().unwrap_or_else(PoisonError::into_inner).take() {
        None => code,
        Some(error) => {
            complain(&format!(
                "error: standard output: cannot be written: {error}; free some space, or print elsewhere"
            ));
            ExitCode::FAILURE
        }
    }
}

/// Whether printing still reaches anybody: a command that does nothing else may stop.
pub(crate) fn is_read() -> bool {
    !UNREAD.load(Ordering::Relaxed)
}

/// Text from elsewhere, on one line whatever it holds.
pub(crate) fn one_line(text: impl fmt::Display) -> String {
    visible(&text.to_string(), Breaks::Escaped)
}

fn print(text: &str) {
    if is_read() {
        note(writeln!(stdout(), "{text}"));
    }
}

/// Remembers what became of printing.
fn note(printed: io::Result<()>) {
    match printed {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            UNREAD.store(true, Ordering::Relaxed);
        }
        Err(error) => {
            FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }
}

/// What becomes of line breaks and tabs.
#[derive(Clone, Copy, PartialEq)]
enum Breaks {
    /// They are ours.
    Kept,
    /// They may be ours; what follows one is indented, so that it is no line of its own.
    Indented,
    /// They are shown as escapes.
    Escaped,
}

fn visible(text: &str, breaks: Breaks) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match (c, breaks) {
            ('\n', Breaks::Indented) => shown.push_str("\n  "),
            ('\n' | '\t', Breaks::Escaped) => shown.extend(c.escape_default()),
            _ if is_obeyed(c) => shown.extend(c.escape_default()),
            _ => shown.push(c),
        }
    }
    shown
}

/// Whether a terminal does something else with a character than showing it; line breaks and tabs apart.
fn is_obeyed(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Line and paragraph separators, marks and overrides of direction (Unicode's Bidi_Control), the byte order mark,
        // and tags, which are not shown at all.
        '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{feff}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_and_everything_else_is_left_alone() {
        for (text, one, several) in [
            ("ant", "ant", "ant"),
            ("Ameise ä 蟻 🐜 \u{200d}", "Ameise ä 蟻 🐜 \u{200d}", "Ameise ä 蟻 🐜 \u{200d}"),
            ("a\x1b[31mb", "a\\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\nb\tc\r", "a\\nb\\tc\\r", "a\nb\tc\\r"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}", "\\u{9b}2J\\u{7f}"),
            ("cod.\u{202e}gpj", "cod.\\u{202e}gpj", "cod.\\u{202e}gpj"),
            ("\u{2066}x\u{e0041}", "\\u{2066}x\\u{e0041}", "\\u{2066}x\\u{e0041}"),
        ] {
            assert_eq!(one_line(text), one, "{text:?}");
            assert_eq!(visible(text, Breaks::Kept), several, "{text:?}");
        }
        assert_eq!(visible("a\nerror: b", Breaks::Indented), "a\n  error: b");
    }

    #[test]
    fn each_cause_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("{name}: cannot be read: {source}; look")]
        struct Wordy {
            name: &'static str,
            source: io::Error,
        }
        #[derive(Debug, thiserror::Error)]
        #[error("{0}: cannot be read; look")]
        struct Terse(&'static str, #[source] io::Error);
        let cause = || io::Error::other("the disk is on fire");
        let wordy = || anyhow::Error::new(Wordy { name: "a.png", source: cause() });
        for (error, expected) in [
            (wordy(), "a.png: cannot be read: the disk is on fire; look"),
            (
                wordy().context("candidate `x`"),
                "candidate `x`: a.png: cannot be read: the disk is on fire; look",
            ),
            (Terse("b.png", cause()).into(), "b.png: cannot be read; look: the disk is on fire"),
            (anyhow::anyhow!("nothing else"), "nothing else"),
        ] {
            assert_eq!(causes(&error), expected);
        }
    }
}
