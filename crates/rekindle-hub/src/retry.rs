//! When a request that failed is sent again.

use std::{
    thread,
    time::{Duration, SystemTime},
};

use rekindle_base::causes;

use crate::{DownloadEvent, Error, watch::Watch};

/// A request that failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Box<Error>,
    pub(crate) again: Again,
}

/// Whether sending a request again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    /// After the usual wait.
    Later,
    /// After the wait that the server asked for.
    After(Duration),
}

impl Error {
    /// A request that failed of this.
    pub(crate) fn again(self, again: Again) -> Failure {
        Failure { error: Box::new(self), again }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error: Box::new(error), again: Again::Never }
    }
}

/// How often and how long one is ready to wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) attempts: u32,
    pub(crate) wait: Duration,
    pub(crate) longest: Duration,
}

/// The tries of one request.
#[derive(Debug)]
pub(crate) struct Tries<'a> {
    patience: &'a Patience,
    failed: u32,
}

impl<'a> Tries<'a> {
    pub(crate) fn new(patience: &'a Patience) -> Self {
        Self { patience, failed: 0 }
    }

    /// Forgets failures: the last try got further.
    pub(crate) fn progressed(&mut self) {
        self.failed = 0;
    }

    /// Waits, or gives the failure back where waiting is of no use any more.
    pub(crate) fn wait(&mut self, failure: Failure, watch: Watch<'_>) -> Result<(), Error> {
        self.failed += 1;
        let asked = match failure.again {
            Again::Never => return Err(*failure.error),
            Again::Later => Duration::ZERO,
            Again::After(wait) => wait,
        };
        if self.failed >= self.patience.attempts {
            return Err(match *failure.error {
                Error::Network { url, problem, bytes, .. } => {
                    Error::Network { url, problem, attempts: self.failed, bytes }
                }
                error => error,
            });
        }
        let wait = self.backoff().max(asked).min(self.patience.longest);
        let (url, problem) = match failure.error.as_ref() {
            Error::Network { url, problem, .. } => (url.as_str(), problem.clone()),
            Error::Status { url, status, .. } => {
                (url.as_str(), format!("the server answered {status}"))
            }
            error => ("", causes(error)),
        };
        watch(DownloadEvent::Retry { url, problem: &problem, wait });
        thread::sleep(wait);
        Ok(())
    }

    /// Twice as long each time, and a little more that differs between processes.
    fn backoff(&self) -> Duration {
        let doubled = self.patience.wait.saturating_mul(1 << (self.failed - 1).min(10));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let jitter = now.subsec_micros() % 256;
        doubled.saturating_add(doubled.saturating_mul(jitter) / 1024)
    }
}

/// How long `Retry-After` asks to wait: seconds, or a date by the server's own clock.
pub(crate) fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    // Ours may be wrong, and the server's says what it means by the date.
    let now = date.and_then(|date| httpdate::parse_http_date(date).ok());
    until.duration_since(now.unwrap_or_else(SystemTime::now)).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_date_is_meant_by_the_servers_clock() {
        let date = "Thu, 01 Jan 2099 00:00:00 GMT";
        let check = |value: &str, date: Option<&str>, seconds: Option<u64>| {
            assert_eq!(retry_after(value, date).map(|wait| wait.as_secs()), seconds, "{value}");
        };
        check("7", None, Some(7));
        check("Thu, 01 Jan 2099 00:00:30 GMT", Some(date), Some(30));
        check("Wed, 31 Dec 2098 23:00:00 GMT", Some(date), None);
        check("Thu, 01 Jan 1970 00:00:00 GMT", None, None);
        check("-1", None, None);
        check("soon", Some(date), None);
    }

    #[test]
    fn waits_double_up_to_a_limit_and_the_servers_wish_is_heard() {
        let millis = Duration::from_millis;
        let patience = Patience { attempts: 6, wait: millis(4), longest: millis(20) };
        let failure = |again| {
            let (url, problem) = ("u".to_owned(), "p".to_owned());
            Error::Network { url, problem, attempts: 1, bytes: 0 }.again(again)
        };
        let waits = Mutex::new(Vec::new());
        let watch = |event: DownloadEvent<'_>| match event {
            DownloadEvent::Retry { wait, .. } => waits.lock().unwrap().push(wait),
            event => panic!("{event:?}"),
        };
        let mut tries = Tries::new(&patience);
        for again in
            [Again::Later, Again::Later, Again::After(millis(12)), Again::After(millis(9999))]
        {
            tries.wait(failure(again), &watch).unwrap();
        }
        tries.progressed();
        tries.wait(failure(Again::Later), &watch).unwrap();
        let waits = waits.lock().unwrap().clone();
        let least = [4, 8, 16, 20, 4];
        for (wait, least) in waits.iter().zip(least) {
            assert!(
                *wait >= millis(least) && *wait < millis(least) * 5 / 4 + millis(1),
                "{waits:?}"
            );
        }
        assert!(tries.wait(failure(Again::Never), &watch).is_err());
        let mut last = Ok(());
        let mut tries = Tries::new(&patience);
        for _ in 0..6 {
            last = tries.wait(failure(Again::Later), &|_| ());
        }
        assert!(last.unwrap_err().to_string().contains("6 times"));
    }
}
