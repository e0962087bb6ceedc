//! A search among cards: what is asked for as plain data, so that every front end asks alike.

use std::str::FromStr;

use crate::{Card, Error, Terms, families, search};

/// Which cards are wanted, and in which order; the default wants all, as they are listed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// What the name matches, as [`search`] takes it.
    pub pattern: String,
    /// The family: `efficientnet`.
    pub family: Option<String>,
    /// The license.
    pub license: Option<LicenseFilter>,
    /// Most parameters, the classifier included.
    pub max_parameters: Option<Count>,
    /// Least top-1 accuracy on ImageNet-1k in percent; checkpoints that have none are left out.
    pub min_top1: Option<f64>,
    /// Largest height or width of the input in pixels; checkpoints that take no images are left out.
    pub max_size: Option<usize>,
    /// The order.
    pub sort: Option<SortBy>,
}

/// Which licenses are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LicenseFilter {
    /// Any that allows any use.
    Permissive,
    /// None that is stated.
    Unstated,
    /// This one, by its SPDX identifier in lower case.
    Named(String),
}

/// A number that may be written short: `10M`, `1.5k`, `2_000_000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub usize);

/// An order of cards; equals stay in the order of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// The most accurate on ImageNet-1k first, those that have no such accuracy last.
    Top1,
    /// The fewest parameters first.
    Parameters,
    /// The smallest input first, those that take no images last.
    Size,
    /// By name.
    Name,
}

/// What an order is called.
const ORDERS: [(&str, SortBy); 4] = [
    ("top1", SortBy::Top1),
    ("params", SortBy::Parameters),
    ("size", SortBy::Size),
    ("name", SortBy::Name),
];

/// What a count's last letter multiplies it with.
const UNITS: [(char, f64); 3] = [('k', 1e3), ('m', 1e6), ('g', 1e9)];

/// Classes of ImageNet-1k.
const IMAGENET_CLASSES: usize = 1000;

impl Query {
    /// The cards that are wanted; none where nothing matches.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFamily`] with those there are; else as [`search`].
    ///
    /// # Examples
    ///
    /// ```
    /// use rekindle_cards::{LicenseFilter, Query, SortBy};
    ///
    /// let query = Query {
    ///     license: Some(LicenseFilter::Permissive),
    ///     max_parameters: Some("10M".parse()?),
    ///     sort: Some(SortBy::Top1),
    ///     ..Query::default()
    /// };
    /// let best = query.run()?;
    /// assert!(best[0].parameters <= 10_000_000 && best[0].top1 >= best[1].top1);
    /// # Ok::<(), rekindle_cards::Error>(())
    /// ```
    pub fn run(&self) -> Result<Vec<&'static Card>, Error> {
        if let Some(family) = &self.family
            && !families()?.iter().any(|known| known.name == *family)
        {
            let known = families()?.iter().map(|known| known.name.clone()).collect();
            return Err(Error::UnknownFamily { name: family.clone(), known });
        }
        let mut cards = search(&self.pattern)?;
        cards.retain(|card| self.wants(card));
        match self.sort {
            // An accuracy is never NaN nor below zero.
            Some(SortBy::Top1) => {
                let top1 = |card: &Card| top1(card).unwrap_or(-1.0);
                cards.sort_by(|left, right| top1(right).total_cmp(&top1(left)));
            }
            Some(SortBy::Parameters) => cards.sort_by_key(|card| card.parameters),
            Some(SortBy::Size) => cards.sort_by_key(|card| size(card).unwrap_or(usize::MAX)),
            Some(SortBy::Name) => cards.sort_by_key(|card| card.name()),
            None => {}
        }
        Ok(cards)
    }

    /// Whether a card has everything but the name.
    fn wants(&self, card: &Card) -> bool {
        let license = self.license.as_ref().is_none_or(|license| match license {
            LicenseFilter::Permissive => card.terms() == Terms::Permissive,
            LicenseFilter::Unstated => card.terms() == Terms::Unstated,
            LicenseFilter::Named(name) => card.license.as_ref() == Some(name),
        });
        license
            && self.family.as_ref().is_none_or(|family| card.family == *family)
            && self.max_parameters.is_none_or(|Count(most)| card.parameters <= most)
            && self.min_top1.is_none_or(|least| top1(card).is_some_and(|top1| top1 >= least))
            && self.max_size.is_none_or(|most| size(card).is_some_and(|size| size <= most))
    }
}

/// The longer side of an image in pixels; none where the input is something else.
fn size(card: &Card) -> Option<usize> {
    let [_, height, width] = card.image().ok()?.input_size;
    Some(height.max(width))
}

/// Top-1 accuracy on ImageNet-1k in percent: that on other classes compares with nothing here.
fn top1(card: &Card) -> Option<f64> {
    card.top1.filter(|_| card.classes == IMAGENET_CLASSES)
}

impl FromStr for LicenseFilter {
    type Err = Error;

    /// `permissive`, `unstated`, or an SPDX identifier in any case.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase() {
            name if name.is_empty() || name.contains(char::is_whitespace) => {
                Err(Error::LicenseName { name: text.to_owned() })
            }
            name if name == "permissive" => Ok(Self::Permissive),
            name if name == "unstated" => Ok(Self::Unstated),
            name => Ok(Self::Named(name)),
        }
    }
}

impl FromStr for Count {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let lower = text.to_ascii_lowercase().replace('_', "");
        let short = |(letter, factor): &(char, f64)| Some((lower.strip_suffix(*letter)?, *factor));
        let (digits, factor) = UNITS.iter().find_map(short).unwrap_or((&lower, 1.0));
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let count = digits.parse::<f64>().ok().map(|number| number * factor);
        match count.filter(|count| plain && *count >= 1.0 && *count <= 1e15) {
            Some(count) => Ok(Self(count as usize)),
            None => Err(Error::Count { text: text.to_owned() }),
        }
    }
}

impl FromStr for SortBy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let row = ORDERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        row.map(|(_, order)| *order).ok_or_else(|| Error::Order {
            name: text.to_owned(),
            known: ORDERS.iter().map(|(name, _)| *name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &Query) -> Vec<String> {
        query.run().unwrap().iter().map(|card| card.name()).collect()
    }

    fn all() -> usize {
        names(&Query::default()).len()
    }

    #[test]
    fn each_wish_leaves_out_what_it_rules_out_and_nothing_else() {
        type Holds = fn(&Card) -> bool;
        let rows: [(Query, Holds); 8] = [
            (Query { pattern: "resnet18*".into(), ..Query::default() }, |card| {
                card.architecture == "resnet18"
            }),
            (Query { family: Some("vgg".into()), ..Query::default() }, |card| card.family == "vgg"),
            (Query { license: Some(LicenseFilter::Permissive), ..Query::default() }, |card| {
                card.terms() == Terms::Permissive
            }),
            (Query { license: Some(LicenseFilter::Unstated), ..Query::default() }, |card| {
                card.license.is_none()
            }),
            (Query { license: "CC-BY-NC-4.0".parse().ok(), ..Query::default() }, |card| {
                card.license.as_deref() == Some("cc-by-nc-4.0")
            }),
            (Query { max_parameters: Some(Count(11_689_512)), ..Query::default() }, |card| {
                card.parameters <= 11_689_512
            }),
            (Query { min_top1: Some(84.0), ..Query::default() }, |card| {
                card.top1.is_some_and(|top1| top1 >= 84.0) && !card.family.contains("cifar")
            }),
            (Query { max_size: Some(176), ..Query::default() }, |card| {
                card.image().is_ok_and(|image| image.input_size[1] <= 176)
            }),
        ];
        for (query, holds) in rows {
            let expected = crate::search("").unwrap();
            let expected: Vec<_> =
                expected.iter().filter(|card| holds(card)).map(|card| card.name()).collect();
            assert!(!expected.is_empty() && expected.len() < all(), "{query:?}");
            assert_eq!(names(&query), expected, "{query:?}");
        }
    }

    #[test]
    fn wishes_add_up() {
        let query = Query {
            family: Some("efficientnet".into()),
            license: Some(LicenseFilter::Permissive),
            max_parameters: Some(Count(10_000_000)),
            min_top1: Some(80.0),
            max_size: Some(240),
            sort: Some(SortBy::Top1),
            ..Query::default()
        };
        let expected = ["tf_efficientnet_b1.ns_jft_in1k", "efficientnet_b1.ra4_e3600_r240_in1k"];
        assert_eq!(names(&query), expected);
        assert!(names(&Query { min_top1: Some(99.0), ..query }).is_empty());
    }

    #[test]
    fn an_order_loses_no_card_and_keeps_equals_as_listed() {
        for (_, order) in ORDERS {
            let sorted = Query { sort: Some(order), ..Query::default() }.run().unwrap();
            assert_eq!(sorted.len(), all(), "{order:?}");
            let listed = crate::search("").unwrap();
            let place = |card: &Card| listed.iter().position(|other| *other == card);
            for pair in sorted.windows(2) {
                let [a, b] = pair else { continue };
                let ordered = match order {
                    SortBy::Top1 => top1(a).unwrap_or(-1.0) >= top1(b).unwrap_or(-1.0),
                    SortBy::Parameters => a.parameters <= b.parameters,
                    SortBy::Size => size(b).is_none_or(|b| size(a).is_some_and(|a| a <= b)),
                    SortBy::Name => a.name() < b.name(),
                };
                let equal = match order {
                    SortBy::Top1 => top1(a) == top1(b),
                    SortBy::Parameters => a.parameters == b.parameters,
                    SortBy::Size => size(a) == size(b),
                    SortBy::Name => false,
                };
                assert!(ordered && (!equal || place(a) < place(b)), "{order:?}: {a:?} {b:?}");
            }
        }
        let largest = Query { sort: Some(SortBy::Size), ..Query::default() }.run().unwrap();
        assert!(largest.last().unwrap().image().is_err(), "texts have no size");
        let worst = Query { sort: Some(SortBy::Top1), ..Query::default() }.run().unwrap();
        assert!(top1(worst.last().unwrap()).is_none());
    }

    #[test]
    fn a_count_may_be_written_short() {
        let check = |text: &str, count: Option<usize>| {
            assert_eq!(text.parse::<Count>().ok(), count.map(Count), "{text}");
        };
        check("10M", Some(10_000_000));
        check("1.5k", Some(1500));
        check("25m", Some(25_000_000));
        check("1G", Some(1_000_000_000));
        check("2_000_000", Some(2_000_000));
        for text in ["", "M", "0", "-5", "1e6", "10MM", "ten", "1.2.3", "inf", "9999999999999G"] {
            check(text, None);
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_an_error_that_says_what_can() {
        let check = |message: String, parts: &[&str]| {
            for part in parts {
                assert!(message.contains(part), "no `{part}` in: {message}");
            }
        };
        check("beauty".parse::<SortBy>().unwrap_err().to_string(), &["`beauty`", "top1", "params"]);
        check("many".parse::<Count>().unwrap_err().to_string(), &["`many`", "10M"]);
        check("no license".parse::<LicenseFilter>().unwrap_err().to_string(), &["`no license`"]);
        let query = Query { family: Some("resnets".into()), ..Query::default() };
        check(query.run().unwrap_err().to_string(), &["`resnets`", "resnet,", "vgg"]);
    }
}
