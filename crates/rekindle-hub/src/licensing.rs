//! Licenses: the strictest of what the card, the Hub and the weights' config say decides, before there are weights.

use rekindle_cards::{Card, LicensePolicy, StatedLicenses, find_by_repository};

use crate::{Error, RepositoryInfo};

/// What is known of weights' licenses, and what is accepted.
#[derive(Debug)]
pub(crate) struct Licensing {
    /// What the weights are called.
    name: String,
    policy: LicensePolicy,
    /// What cards say, and whoever has been asked; that a card says none is said as well.
    stated: Vec<Option<String>>,
}

impl Licensing {
    /// Of a card's weights.
    pub(crate) fn of_card(
        card: &Card,
        repository: &str,
        policy: &LicensePolicy,
    ) -> Result<Self, Error> {
        let mut licensing = Self::of_repository(repository, policy)?;
        licensing.name = card.name();
        if !licensing.stated.contains(&card.license) {
            licensing.stated.push(card.license.clone());
        }
        Ok(licensing)
    }

    /// Of a repository's weights, which a card may be of.
    pub(crate) fn of_repository(repository: &str, policy: &LicensePolicy) -> Result<Self, Error> {
        let cards = find_by_repository(repository)?;
        let stated = cards.into_iter().map(|card| card.license.clone()).collect();
        Ok(Self { name: repository.to_owned(), policy: policy.clone(), stated })
    }

    /// Takes note of a license that somebody else states.
    pub(crate) fn add(&mut self, license: &str) {
        self.stated.push(Some(license.to_owned()));
    }

    /// Refuses what nobody has accepted of what is stated; that nothing is may yet change.
    pub(crate) fn check_restrictions(&self, more: &[String]) -> Result<(), Error> {
        let more = more.iter().map(|license| Some(license.as_str()));
        let mut stated = self.stated.iter().map(Option::as_deref).chain(more);
        Ok(stated.try_for_each(|license| self.policy.check_license(&self.name, license))?)
    }

    /// Refuses weights that are under a license which nobody has accepted, now that everybody was asked.
    pub(crate) fn check(&self, more: &[String]) -> Result<(), Error> {
        self.check_restrictions(more)?;
        match self.stated.is_empty() && more.is_empty() {
            true => Ok(self.policy.check_license(&self.name, None)?),
            false => Ok(()),
        }
    }

    /// What the Hub's page states, and cards of the name by which the Hub knows the repository.
    pub(crate) fn of_page(&self, info: &RepositoryInfo) -> Result<Vec<String>, Error> {
        let mut licenses = info.licenses.clone();
        let cards = info.id.as_deref().map(find_by_repository).transpose()?;
        let cards = cards.into_iter().flatten().filter_map(|card| card.license.clone());
        licenses.extend(cards);
        Ok(licenses)
    }

    /// Whether a refusal says no more than that nobody states a license, which another may yet do.
    pub(crate) fn is_open(&self, error: &Error) -> bool {
        let refused = matches!(error, Error::Cards(rekindle_cards::Error::License { .. }));
        refused && self.stated.is_empty()
    }
}

/// What the text of a `config.json` states.
pub(crate) fn of_config(text: &[u8]) -> Vec<String> {
    StatedLicenses::of_config(&String::from_utf8_lossy(text)).0
}
