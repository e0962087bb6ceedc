//! Weights of many cards, one after the other: what commands that fetch, check or plan have in common.

use std::time::Instant;

use rekindle_cards::{Card, LicensePolicy};

use crate::{Error, Hub, Located, Trust, fetch::fetch, job::Job, locate::locate, watch::Watch};

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
pub struct FetchRow {
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

impl Hub {
    /// Does something about a card's weights, if their license allows to use them.
    pub fn act(&self, act: Act, card: &Card, policy: &LicensePolicy, watch: Watch<'_>) -> FetchRow {
        let start = Instant::now();
        let found = Job::of_card_under(self, card, Some(policy)).and_then(|job| match act {
            Act::Fetch => fetch(self, &job, watch).map(Some),
            Act::Check => locate(self, &job, None).map(Some),
            Act::Plan => match locate(self, &job, None) {
                Ok(located) => Ok(Some(located)),
                Err(Error::Absent { .. } | Error::Damaged { .. } | Error::Elsewhere { .. }) => {
                    Ok(None)
                }
                Err(error) => Err(error),
            },
        });
        let mut row = FetchRow {
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
