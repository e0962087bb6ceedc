//! What is learned, as it is judged: the one place that knows the difference between a label, several labels and numbers.

use std::collections::BTreeSet;

use rekindle_data::Target;
use rekindle_data::label::listed;

use crate::{
    Finding, Kind, LabelCount, NumberSpread, case::Case, contents::Contents, doubts, labels,
    neighbors::Neighborhood, numbers, several,
};

/// What copies of a picture are.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Copies {
    Exact,
    Near,
}

/// What copies say that cannot be right of all of them.
pub(crate) struct Contradiction {
    pub(crate) kind: Kind,
    pub(crate) what: String,
    pub(crate) remedy: &'static str,
}

/// What is learned of a picture, and what is asked of it.
pub(crate) trait Judged: Target {
    /// What a list calls its columns.
    fn columns(names: &[String]) -> Vec<String>;

    /// How many pictures have each label.
    fn counts(contents: &Contents<Self>) -> Vec<LabelCount>;

    /// Where numbers lie.
    fn spreads(contents: &Contents<Self>) -> Vec<NumberSpread>;

    /// Whether copies of one picture say what cannot be right of all.
    fn contradiction(
        case: &Case<'_, Self>,
        items: &[usize],
        copies: Copies,
    ) -> Option<Contradiction>;

    /// How much there is of what, in which part.
    fn balance(case: &Case<'_, Self>) -> Vec<Finding>;

    /// What the pictures most like one contradict.
    fn doubts(case: &Case<'_, Self>, near: &Neighborhood) -> Vec<Finding>;
}

impl Judged for usize {
    fn columns(_: &[String]) -> Vec<String> {
        vec!["label".to_owned()]
    }

    fn counts(contents: &Contents<Self>) -> Vec<LabelCount> {
        labels::count(contents)
    }

    fn spreads(_: &Contents<Self>) -> Vec<NumberSpread> {
        Vec::new()
    }

    fn contradiction(case: &Case<'_, Self>, items: &[usize], _: Copies) -> Option<Contradiction> {
        let found: BTreeSet<usize> =
            items.iter().map(|item| case.contents.items[*item].target).collect();
        let names: Vec<String> =
            found.iter().map(|label| format!("`{}`", case.contents.names[*label])).collect();
        (names.len() > 1).then(|| Contradiction {
            kind: Kind::TwoLabels,
            what: format!("labelled {}", names.join(" and ")),
            remedy: "decide which label is right, and remove the others",
        })
    }

    fn balance(case: &Case<'_, Self>) -> Vec<Finding> {
        labels::findings(case)
    }

    fn doubts(case: &Case<'_, Self>, near: &Neighborhood) -> Vec<Finding> {
        doubts::of_label(case, near)
    }
}

impl Judged for Vec<usize> {
    fn columns(_: &[String]) -> Vec<String> {
        vec!["labels".to_owned()]
    }

    fn counts(contents: &Contents<Self>) -> Vec<LabelCount> {
        labels::count(contents)
    }

    fn spreads(_: &Contents<Self>) -> Vec<NumberSpread> {
        Vec::new()
    }

    fn contradiction(case: &Case<'_, Self>, items: &[usize], _: Copies) -> Option<Contradiction> {
        let found: BTreeSet<&[usize]> =
            items.iter().map(|item| case.contents.items[*item].target.as_slice()).collect();
        let name = |label: &usize| case.contents.names[*label].as_str();
        let sets: Vec<String> =
            found.iter().map(|labels| listed(labels.iter().map(name))).collect();
        (sets.len() > 1).then(|| Contradiction {
            kind: Kind::DifferentLabels,
            what: format!("labelled {}", sets.join(" and ")),
            remedy: "decide which labels are right, and keep one of them with those",
        })
    }

    fn balance(case: &Case<'_, Self>) -> Vec<Finding> {
        let mut findings = labels::findings(case);
        findings.extend(several::findings(case));
        findings
    }

    fn doubts(case: &Case<'_, Self>, near: &Neighborhood) -> Vec<Finding> {
        doubts::of_labels(case, near)
    }
}

impl Judged for Vec<f32> {
    fn columns(names: &[String]) -> Vec<String> {
        names.to_vec()
    }

    fn counts(_: &Contents<Self>) -> Vec<LabelCount> {
        Vec::new()
    }

    fn spreads(contents: &Contents<Self>) -> Vec<NumberSpread> {
        numbers::spreads(contents)
    }

    /// Copies of the same bytes say one thing; what only looks the same may differ a little.
    fn contradiction(
        case: &Case<'_, Self>,
        items: &[usize],
        copies: Copies,
    ) -> Option<Contradiction> {
        let differ = (0..case.contents.names.len()).filter_map(|column| {
            let least = match copies {
                Copies::Exact => 0.0,
                Copies::Near => numbers::noticeable(case, column),
            };
            let values = items.iter().map(|item| case.contents.items[*item].target[column]);
            let values = values.filter(|value| value.is_finite());
            let low = values.clone().min_by(f32::total_cmp)?;
            let high = values.max_by(f32::total_cmp)?;
            let name = &case.contents.names[column];
            (f64::from(high) - f64::from(low) > least)
                .then(|| format!("`{name}` from {low} to {high}"))
        });
        let differ: Vec<String> = differ.collect();
        (!differ.is_empty()).then(|| Contradiction {
            kind: Kind::DifferentNumbers,
            what: format!("with {}", differ.join(" and ")),
            remedy: "decide which numbers are right, and keep one of them with those",
        })
    }

    fn balance(case: &Case<'_, Self>) -> Vec<Finding> {
        numbers::findings(case)
    }

    fn doubts(case: &Case<'_, Self>, near: &Neighborhood) -> Vec<Finding> {
        doubts::of_numbers(case, near)
    }
}
