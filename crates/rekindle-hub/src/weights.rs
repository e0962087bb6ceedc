//! Cards in, folders of weights out.

use rekindle_cards::Card;

use crate::{
    Error, Files, Hub, Located,
    fetch::fetch,
    job::Job,
    locate::{locate, present},
    watch::Watch,
};

impl Hub {
    /// Where a card's weights are in the cache. Never opens a socket.
    ///
    /// Weights without a pin are recorded when they are first located, wherever they came from.
    ///
    /// # Errors
    ///
    /// [`Error::Absent`] with every file that is missing and the command that fetches them,
    /// [`Error::Damaged`] where a file is not what its pin, its record or its name in the cache says,
    /// [`Error::NoRepository`] where the card's weights are not on the Hub.
    pub fn locate(&self, card: &Card) -> Result<Located, Error> {
        locate(self, &Job::of_card(self, card)?, None)
    }

    /// Whether a card's weights lie in the cache: for a choice among many, since looking is no use. Their bytes are not compared,
    /// and nothing is recorded; [`Hub::locate`] does both before they are used.
    pub fn holds(&self, card: &Card) -> bool {
        Job::of_card(self, card).is_ok_and(|job| present(self, &job).is_ok())
    }

    /// As [`Hub::locate`], for files of any repository.
    ///
    /// # Errors
    ///
    /// As [`Hub::locate`]; [`Error::Name`] for names that no repository, revision or file has.
    pub fn locate_files(&self, files: &Files<'_>) -> Result<Located, Error> {
        locate(self, &Job::of_files(self, files)?, None)
    }

    /// A card's weights, downloaded where the cache lacks them; offline it is [`Hub::locate`].
    ///
    /// Weights under a license that [`HubSettings::licenses`](crate::HubSettings::licenses) does not accept are neither
    /// downloaded nor located: the strictest of the card, the Hub's page and `config.json`, which comes first.
    ///
    /// A card with a pin gets the pin's bytes or an error. One without gets what the Hub has when it is first
    /// used, and the same ever after; [`Located::trust`] says which it was, and users are to be told.
    ///
    /// # Errors
    ///
    /// As [`Hub::locate`], and whatever a network brings; what was downloaded is kept for the next call.
    pub fn fetch(&self, card: &Card, watch: Watch<'_>) -> Result<Located, Error> {
        fetch(self, &Job::of_card(self, card)?, watch)
    }

    /// As [`Hub::fetch`], for files of any repository.
    ///
    /// # Errors
    ///
    /// As [`Hub::fetch`]; [`Error::Name`] for names that no repository, revision or file has.
    pub fn fetch_files(&self, files: &Files<'_>, watch: Watch<'_>) -> Result<Located, Error> {
        fetch(self, &Job::of_files(self, files)?, watch)
    }
}
