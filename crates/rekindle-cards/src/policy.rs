//! Which restrictive licenses a user has read and takes on: weights under any other are not fetched or used.
//!
//! ```toml
//! accept = ["cc-by-nc-4.0", "unstated"]
//! ```

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::family::parse_toml;
use crate::license::{POLICY_FILE, restriction, unmet};
use crate::{Card, Error, Terms};

/// The name by which the lack of a license is accepted.
const UNSTATED: &str = "unstated";

/// The name by which terms are accepted that have no name.
const OTHER: &str = "other";

/// The restrictive licenses that are accepted; permissive ones always are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LicensePolicy {
    accepted: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    accept: Vec<String>,
}

impl LicensePolicy {
    /// The environment variable that names a policy file.
    pub const VARIABLE: &str = POLICY_FILE;

    /// Reads the text of a policy file; `file` names it in errors.
    ///
    /// # Errors
    ///
    /// [`Error::Toml`] where the text is not TOML, lacks `accept` or has another key, [`Error::Rows`] with
    /// every name that no license could have.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let File { accept } = parse_toml(file, text)?;
        let mut policy = Self::default();
        let mut problems = Vec::new();
        for name in accept {
            problems.extend(policy.accept(&name).err().map(|error| error.to_string()));
        }
        if problems.is_empty() {
            Ok(policy)
        } else {
            Err(Error::Rows { file: file.to_owned(), problems })
        }
    }

    /// Accepts one license more, by its SPDX identifier in any case, or the lack of one, by `unstated`.
    ///
    /// # Errors
    ///
    /// [`Error::LicenseName`] where the name is empty or not one word.
    pub fn accept(&mut self, name: &str) -> Result<(), Error> {
        if !is_name(name) {
            return Err(Error::LicenseName { name: name.to_owned() });
        }
        self.accepted.insert(name.to_ascii_lowercase());
        Ok(())
    }

    /// The accepted names, in order.
    pub fn accepted(&self) -> impl Iterator<Item = &str> {
        self.accepted.iter().map(String::as_str)
    }

    /// Whether a card's weights may be used: its license is permissive or accepted.
    ///
    /// # Errors
    ///
    /// [`Error::License`] says what the license rules out, and how it is accepted.
    pub fn check(&self, card: &Card) -> Result<(), Error> {
        self.check_license(&card.name(), card.license.as_deref())
    }

    /// As [`LicensePolicy::check`], for weights without a card: `name` is what they are called in the error.
    ///
    /// # Errors
    ///
    /// As [`LicensePolicy::check`].
    pub fn check_license(&self, name: &str, license: Option<&str>) -> Result<(), Error> {
        let met = |license: &str| {
            Terms::of(Some(license)) == Terms::Permissive || self.accepted.contains(license)
        };
        let license = license.map(str::trim).filter(|license| !license.is_empty());
        let Some(unmet) = unmet(license.unwrap_or(UNSTATED), &met) else { return Ok(()) };
        // What could not be accepted by its name has terms of its own.
        let key = if is_name(&unmet) { unmet } else { OTHER.to_owned() };
        if key == OTHER && self.accepted.contains(OTHER) {
            return Ok(());
        }
        let reason = match license {
            Some(_) => {
                let restriction = restriction(Some(&key)).unwrap_or_default();
                format!("is under {key}, which {restriction}")
            }
            None => "states no license, so nothing is granted until its authors are asked".into(),
        };
        Err(Error::License { name: name.to_owned(), license: key, reason })
    }

    /// Whether weights may be used of which several say something: a card, a page, a config. The strictest decides: each
    /// license that is stated is permissive or accepted; where none is, the lack of one is.
    ///
    /// # Errors
    ///
    /// As [`LicensePolicy::check`].
    pub fn check_all<'a>(
        &self,
        name: &str,
        stated: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Error> {
        let mut stated = stated.into_iter().filter(|license| !license.trim().is_empty()).peekable();
        if stated.peek().is_none() {
            return self.check_license(name, None);
        }
        stated.try_for_each(|license| self.check_license(name, Some(license)))
    }
}

/// Whether a license may be accepted by this name.
fn is_name(name: &str) -> bool {
    let of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.+".contains(&byte);
    !name.is_empty() && name.bytes().all(of_a_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find;

    fn refused(policy: &LicensePolicy, name: &str) -> String {
        policy.check(find(name).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn permissive_weights_need_no_policy() {
        let cards = crate::families().unwrap().iter().flat_map(|family| &family.cards);
        let passed = cards.filter(|card| LicensePolicy::default().check(card).is_ok());
        assert!(passed.clone().count() > 140, "{}", passed.clone().count());
        for card in passed {
            assert_eq!(card.terms(), Terms::Permissive, "{}", card.name());
        }
    }

    #[test]
    fn a_refusal_names_card_license_restriction_and_remedy() {
        let message = refused(&LicensePolicy::default(), "resnet50.fb_swsl_ig1b_ft_in1k");
        for part in [
            "resnet50.fb_swsl_ig1b_ft_in1k",
            "cc-by-nc-4.0",
            "commercial use",
            "--accept-license cc-by-nc-4.0",
            "REKINDLE_LICENSES",
        ] {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
        let message = refused(&LicensePolicy::default(), "resnet50.bamboo");
        assert!(message.contains("no license"), "{message}");
        assert!(message.contains("--accept-license unstated"), "{message}");
    }

    #[test]
    fn what_is_accepted_passes_and_nothing_else() {
        let check = |names: &[&str], restricted: bool, unstated: bool| {
            let mut policy = LicensePolicy::default();
            for name in names {
                policy.accept(name).unwrap();
            }
            let passes = |name| policy.check(find(name).unwrap()).is_ok();
            assert_eq!(passes("resnet50.fb_swsl_ig1b_ft_in1k"), restricted, "{names:?}");
            assert_eq!(passes("resnet50.bamboo"), unstated, "{names:?}");
        };
        check(&[], false, false);
        check(&["cc-by-nc-4.0"], true, false);
        check(&["CC-BY-NC-4.0"], true, false);
        check(&["unstated"], false, true);
        check(&["cc-by-nc-sa-4.0", "gpl-3.0"], false, false);
        check(&["unstated", "cc-by-nc-4.0"], true, true);
    }

    #[test]
    fn an_unknown_license_is_refused_until_accepted_by_its_name() {
        let mut policy = LicensePolicy::default();
        let check = |policy: &LicensePolicy| policy.check_license("mine", Some("Strange-1.0"));
        assert!(check(&policy).unwrap_err().to_string().contains("--accept-license strange-1.0"));
        policy.accept("strange-1.0").unwrap();
        check(&policy).unwrap();
    }

    #[test]
    fn the_strictest_of_several_decides() {
        let check = |accepted: &[&str], stated: &[&str], expected: Option<&str>| {
            let mut policy = LicensePolicy::default();
            accepted.iter().for_each(|name| policy.accept(name).unwrap());
            let found = policy.check_all("mine", stated.iter().copied());
            let found = found.err().map(|error| error.to_string());
            let expected = expected.map(|name| format!("`--accept-license {name}`"));
            match (found, expected) {
                (Some(found), Some(expected)) => assert!(found.contains(&expected), "{found}"),
                (found, expected) => assert_eq!(found, expected, "{accepted:?} {stated:?}"),
            }
        };
        check(&[], &["mit", "Apache-2.0"], None);
        check(&[], &["mit", "cc-by-nc-4.0"], Some("cc-by-nc-4.0"));
        check(&[], &["cc-by-nc-4.0", "mit"], Some("cc-by-nc-4.0"));
        check(&["cc-by-nc-4.0"], &["cc-by-nc-4.0", "mit", "gpl-3.0"], Some("gpl-3.0"));
        check(&["cc-by-nc-4.0", "gpl-3.0"], &["cc-by-nc-4.0", "mit", "gpl-3.0"], None);
        check(&[], &["", "mit"], None);
        for nothing in [&[][..], &[""], &[" ", ""]] {
            check(&[], nothing, Some("unstated"));
            check(&["mit"], nothing, Some("unstated"));
            check(&["unstated"], nothing, None);
        }
        // Either, both, and what no name is.
        check(&[], &["mit or apache-2.0"], None);
        check(&[], &["gpl-3.0 or cc-by-nc-4.0"], Some("gpl-3.0"));
        check(&["cc-by-nc-4.0"], &["gpl-3.0 or cc-by-nc-4.0"], None);
        check(&["gpl-3.0"], &["gpl-3.0 and cc-by-nc-4.0"], Some("cc-by-nc-4.0"));
        check(&[], &["terms, as read \u{1b}[2J"], Some("other"));
        check(&["other"], &["terms, as read"], None);
    }

    #[test]
    fn a_policy_file_lists_names_and_nothing_else() {
        let policy =
            LicensePolicy::parse("p.toml", "accept = [\"cc-by-nc-4.0\", \"Unstated\"]").unwrap();
        assert_eq!(policy.accepted().collect::<Vec<_>>(), ["cc-by-nc-4.0", "unstated"]);
        assert_eq!(
            LicensePolicy::parse("p.toml", "accept = []").unwrap(),
            LicensePolicy::default()
        );
        let check = |text: &str, part: &str| {
            let message = LicensePolicy::parse("p.toml", text).unwrap_err().to_string();
            assert!(message.contains("p.toml") && message.contains(part), "{message}");
        };
        check("", "accept");
        check("accept = []\nacept = []", "acept");
        check("accept = \"mit\"", "p.toml:1");
        check("accept = [\"\", \"two words\"]", "2 problems");
        check("accept = [3]", "p.toml:1");
        check("accept", "p.toml:1");
    }
}
