//! Licenses: what each lets its reader do, and which one may follow which.

/// The environment variable that names a policy file.
pub(crate) const POLICY_FILE: &str = "REKINDLE_LICENSES";

/// What a license lets its reader do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Terms {
    /// Any use, a commercial one too, if the notice is kept.
    Permissive,
    /// Something is ruled out or must be given in return: read the license first.
    Restricted,
    /// No license is stated: nothing is granted until the authors are asked.
    Unstated,
}

/// Licenses that allow any use, and whether they ask for their notice to be kept; any other is taken to be
/// restricted.
const PERMISSIVE: [(&str, Notice); 8] = [
    ("0bsd", Notice::None),
    ("apache-2.0", Notice::Kept),
    ("bsd-2-clause", Notice::Kept),
    ("bsd-3-clause", Notice::Kept),
    ("cc-by-4.0", Notice::Kept),
    ("cc0-1.0", Notice::None),
    ("isc", Notice::Kept),
    ("mit", Notice::Kept),
];

/// What a license asks of those who pass the work on.
#[derive(Clone, Copy, PartialEq)]
enum Notice {
    Kept,
    None,
}

/// What a restrictive license rules out or asks for, as the end of "which ...".
const RESTRICTIONS: [(&str, &str); 9] = [
    ("agpl-3.0", "asks that what is built on it be published under the same license"),
    ("cc-by-nc-4.0", "rules out commercial use"),
    ("cc-by-nc-nd-4.0", "rules out commercial use and passing on what is made from it"),
    (
        "cc-by-nc-sa-4.0",
        "rules out commercial use and asks that what is made from it keep the license",
    ),
    ("cc-by-nd-4.0", "rules out passing on what is made from it"),
    ("cc-by-sa-4.0", "asks that what is made from it keep the license"),
    ("gpl-3.0", "asks that what is built on it be published under the same license"),
    ("lgpl-3.0", "asks that changes to it be published under the same license"),
    ("other", "has terms of its own, which its repository states"),
];

/// The restriction of a license that the table lacks.
const UNKNOWN: &str = "has terms that must be read first";

impl Terms {
    /// The terms of a license, given its SPDX identifier in any case, or several of them with `or` and `and` between.
    #[must_use]
    pub fn of(license: Option<&str>) -> Self {
        match license.unwrap_or_default().trim() {
            "" => Self::Unstated,
            license => match unmet(license, &|name| is_permissive(name)) {
                None => Self::Permissive,
                Some(_) => Self::Restricted,
            },
        }
    }
}

fn is_permissive(name: &str) -> bool {
    PERMISSIVE.iter().any(|(permissive, _)| *permissive == name)
}

/// The first license of an expression that is not `met`, in lower case; none where one of its choices is met entirely.
///
/// `mit or apache-2.0` is met by either, `mit and cc-by-4.0` by both. What is written with parentheses is taken as a
/// license of its own, whose terms nobody here knows.
pub(crate) fn unmet(license: &str, met: &dyn Fn(&str) -> bool) -> Option<String> {
    let license = license.trim().to_ascii_lowercase();
    let choices: Vec<&str> = match license.contains(['(', ')']) {
        true => vec![&license],
        false => license.split(" or ").collect(),
    };
    let mut first = None;
    for choice in choices {
        let part = choice.split(" and ").map(str::trim).find(|part| !met(part));
        match part {
            None => return None,
            Some(part) => first = first.or(Some(part.to_owned())),
        }
    }
    first
}

/// What a license rules out or asks for, as the end of "which ..."; `None` where it is permissive or unstated.
#[must_use]
pub fn restriction(license: Option<&str>) -> Option<&'static str> {
    let license = license.filter(|_| Terms::of(license) == Terms::Restricted)?;
    let row = RESTRICTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(license));
    Some(row.map_or(UNKNOWN, |(_, restriction)| restriction))
}

/// Whether the Hub lists a license by this name.
pub(crate) fn is_known(license: &str) -> bool {
    let permissive = PERMISSIVE.iter().map(|(name, _)| *name).filter(|name| *name != "0bsd");
    permissive.chain(RESTRICTIONS.iter().map(|(name, _)| *name)).any(|name| name == license)
}

/// Whether what is made from a work under `base` may be passed on under `license`.
///
/// Only what needs no lawyer is said to be: the same license, or, from a permissive one, any that does not
/// let the notice be dropped which the base asks to keep.
#[must_use]
pub fn may_follow(base: &str, license: &str) -> bool {
    let notice = |license: &str| {
        let row = PERMISSIVE.iter().find(|(name, _)| name.eq_ignore_ascii_case(license));
        row.map(|(_, notice)| *notice)
    };
    base.eq_ignore_ascii_case(license)
        || match notice(base) {
            Some(Notice::None) => true,
            Some(Notice::Kept) => notice(license) != Some(Notice::None),
            None => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_license_decides_the_terms() {
        let check = |license, terms| assert_eq!(Terms::of(license), terms, "{license:?}");
        check(Some("apache-2.0"), Terms::Permissive);
        check(Some("MIT"), Terms::Permissive);
        check(Some("cc-by-nc-4.0"), Terms::Restricted);
        check(Some("gpl-3.0"), Terms::Restricted);
        check(Some("other"), Terms::Restricted);
        check(Some(""), Terms::Unstated);
        check(Some(" "), Terms::Unstated);
        check(None, Terms::Unstated);
        check(Some("MIT OR Apache-2.0"), Terms::Permissive);
        check(Some("cc-by-nc-4.0 or mit"), Terms::Permissive);
        check(Some("mit and cc-by-4.0"), Terms::Permissive);
        check(Some("mit and cc-by-nc-4.0"), Terms::Restricted);
        check(Some("mit and cc-by-nc-4.0 or gpl-3.0"), Terms::Restricted);
        check(Some("cc-by-nc-4.0 and (gpl-3.0 or mit or isc)"), Terms::Restricted);
        check(Some("mit, and more"), Terms::Restricted);
    }

    #[test]
    fn only_a_restricted_license_has_a_restriction() {
        let check = |license, part: Option<&str>| {
            let found = restriction(license);
            let same = match (found, part) {
                (Some(found), Some(part)) => found.contains(part),
                (found, part) => found == part,
            };
            assert!(same, "{license:?}: {found:?}");
        };
        check(Some("CC-BY-NC-4.0"), Some("commercial"));
        check(Some("cc-by-sa-4.0"), Some("keep the license"));
        check(Some("never-heard-of-1.0"), Some("must be read"));
        check(Some("mit"), None);
        check(Some(""), None);
        check(None, None);
        for (name, _) in RESTRICTIONS {
            assert_eq!(Terms::of(Some(name)), Terms::Restricted, "{name}");
        }
    }

    #[test]
    fn what_is_made_from_a_work_is_never_freer_than_the_work() {
        let check = |base, license, expected| {
            assert_eq!(may_follow(base, license), expected, "{base} {license}");
        };
        check("apache-2.0", "Apache-2.0", true);
        check("apache-2.0", "mit", true);
        check("bsd-3-clause", "cc-by-nc-4.0", true);
        check("cc0-1.0", "0bsd", true);
        check("mit", "cc0-1.0", false);
        check("cc-by-nc-4.0", "cc-by-nc-4.0", true);
        check("cc-by-nc-4.0", "mit", false);
        check("cc-by-nc-4.0", "cc-by-4.0", false);
        check("gpl-3.0", "agpl-3.0", false);
        check("", "mit", false);
    }
}
