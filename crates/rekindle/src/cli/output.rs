//! All that the program prints: the one place that knows what a terminal does with text, and what a full disk does.
//!
//! | standard output | what follows |
//! |---|---|
//! | nobody reads it (`\| head -1`) | the command goes on and saves what it saves; the exit code is its own |
//! | it cannot be written (`> /dev/full`) | the command goes on and saves, then ends with an error |
//!
//! Text from elsewhere (labels, names of files, what a server said) may hold control characters. Those that move a
//! terminal's cursor, change its colors or turn text around are shown as escapes; in JSON, as JSON's own. CSV for other
//! programs has them as they are, unless it goes to a terminal.

use std::{
    fmt,
    io::{self, IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rekindle_base::{Breaks, is_obeyed, visible};
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

/// The same for text of several lines that may hold others' text: no line begins at the edge but the first.
pub(crate) fn block(text: &str) {
    print(&visible(text, Breaks::Indented));
}

/// A line of values for other programs: as they are, but where a terminal would obey them.
pub(crate) fn values(line: &str) {
    match stdout().is_terminal() {
        true => print(&visible(line, Breaks::Kept)),
        false => print(line),
    }
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
    // With colors, unless what was mistyped would be obeyed: it may be the name of a file that a pattern stood for.
    let obeyed = |argument: std::ffi::OsString| {
        argument.to_string_lossy().contains(|c| is_obeyed(c) || c == '\n')
    };
    let printed = match std::env::args_os().any(obeyed) {
        false => error.print(),
        true => {
            let text = visible(&error.render().to_string(), Breaks::Indented);
            if error.use_stderr() {
                writeln!(stderr(), "{text}")
            } else {
                writeln!(stdout(), "{text}")
            }
        }
    };
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

#[cfg(test)]
mod tests {
    use super::*;

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
