//! Findings about pictures or texts that are there more than once, or belong together and are torn apart.
//!
//! | copies | the same bytes | alike |
//! |---|---|---|
//! | under two labels, with other labels or other numbers | error, all left out | warning, none left out |
//! | in two parts | error, all but one in the later part left out | warning, those in the earlier parts left out |
//! | else | warning, all but the first left out | warning, or note where no split is drawn; none left out |

use std::collections::BTreeMap;

use rekindle_data::Part;

use crate::{
    DataLayout, Finding, Kind, Severity,
    case::{About, Case},
    contents::Content,
    judged::{Copies, Judged},
    near,
    noun::TEXTS,
    signature::Signature,
};

pub(crate) fn findings<L: Judged>(case: &Case<'_, L>) -> Vec<Finding> {
    let same = same(case);
    let exact = same.iter().filter(|group| group.len() > 1);
    let mut findings: Vec<Finding> =
        exact.map(|group| finding(case, group, Copies::Exact)).collect();
    // Of copies, the one that is kept stands for all.
    let shown: Vec<usize> = same.iter().map(|group| kept(case, group)).collect();
    let looks: Vec<&Signature> = shown.iter().filter_map(|item| signature(case, *item)).collect();
    let hashes: Vec<u128> = looks.iter().map(|look| look.hash).collect();
    let (bits, least) = (case.options.near_bits, case.options.near_likeness);
    let alike = |one: usize, other: usize| looks[one].is_like(looks[other], bits, least);
    for group in near::groups(&hashes, bits, alike) {
        let mut items: Vec<usize> = group.into_iter().map(|place| shown[place]).collect();
        items.sort_unstable();
        findings.push(finding(case, &items, Copies::Near));
    }
    findings.extend(torn(case));
    findings
}

/// Groups of a list that are in two parts or more.
pub(crate) fn torn<L: Judged>(case: &Case<'_, L>) -> Vec<Finding> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (item, of) in case.contents.items.iter().enumerate().filter(|(_, of)| !of.group.is_empty())
    {
        groups.entry(&of.group).or_default().push(item);
    }
    let finding = |(group, items): (&str, Vec<usize>)| {
        let parts = parts(case, &items);
        let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
        let what = format!("group `{group}` is in {}", names.join(" and "));
        let remedy = "what belongs together is learned and measured on: keep it in one part";
        let about = About { kind: Kind::TornGroup, severity: Severity::Warning };
        (parts.len() > 1).then(|| case.finding(about, &items, what, remedy))
    };
    groups.into_iter().filter_map(finding).collect()
}

/// The parts that items are in, the one that is looked at last comes last.
fn parts<L: Judged>(case: &Case<'_, L>, items: &[usize]) -> Vec<Part> {
    let mut parts: Vec<Part> = items.iter().map(|item| case.contents.items[*item].part).collect();
    parts.sort_unstable_by_key(|part| rank(*part));
    parts.dedup();
    parts
}

fn signature<'a, L>(case: &'a Case<'_, L>, item: usize) -> Option<&'a Signature> {
    case.measured[item].look.as_ref().ok().map(|look| &*look.signature)
}

/// The readable items by their content, in the order of the first of each.
fn same<L>(case: &Case<'_, L>) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
    for (item, measured) in case.measured.iter().enumerate() {
        if let (Some(digest), Ok(_)) = (measured.digest, &measured.look) {
            groups.entry(digest).or_default().push(item);
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_unstable();
    groups
}

/// The first of the copies in the part that is looked at last.
pub(crate) fn kept<L>(case: &Case<'_, L>, items: &[usize]) -> usize {
    let rank = |item: &usize| std::cmp::Reverse(rank(case.contents.items[*item].part));
    items.iter().copied().min_by_key(|item| (rank(item), *item)).unwrap_or_default()
}

fn rank(part: Part) -> usize {
    match part {
        Part::Train | Part::All => 0,
        Part::Val => 1,
        Part::Test => 2,
    }
}

/// Letters of a text that are told of it.
const BEGIN: usize = 60;

/// How a text begins, in quotes, where it is one.
fn quoted<L>(case: &Case<'_, L>, item: usize) -> String {
    match &case.contents.items[item].content {
        Content::Text(text) => {
            let text = text.text.trim();
            let short: String = text.chars().take(BEGIN).collect();
            let more = if short.len() < text.len() { "..." } else { "" };
            format!(" (\"{short}{more}\")")
        }
        Content::Picture(_) => String::new(),
    }
}

pub(crate) fn finding<L: Judged>(case: &Case<'_, L>, items: &[usize], copies: Copies) -> Finding {
    let of = |item: &usize| &case.contents.items[*item];
    let parts = parts(case, items);
    let kept = kept(case, items);
    let last = of(&kept).part;
    let but = |keep: &dyn Fn(usize) -> bool| -> Vec<usize> {
        items.iter().copied().filter(|item| !keep(*item)).collect()
    };
    let exact = copies == Copies::Exact;
    let words = match copies {
        Copies::Exact if case.contents.layout == DataLayout::Packed => {
            format!("the same pixels {} times", items.len())
        }
        Copies::Exact if case.contents.noun == TEXTS => {
            format!("the same text {} times{}", items.len(), quoted(case, kept))
        }
        Copies::Exact => format!("the same bytes {} times", items.len()),
        Copies::Near if case.contents.noun == TEXTS => {
            format!("{} texts that are almost the same{}", items.len(), quoted(case, kept))
        }
        Copies::Near => format!("{} pictures that look the same", items.len()),
    };
    let severity = if exact { Severity::Error } else { Severity::Warning };
    let contradiction = L::contradiction(case, items, copies);
    let (kind, severity, what, remedy, left_out) = if let Some(contradiction) = contradiction {
        let what = format!("{words}, {}", contradiction.what);
        let left_out = if exact { items.to_vec() } else { Vec::new() };
        (contradiction.kind, severity, what, contradiction.remedy.to_owned(), left_out)
    } else if parts.len() > 1 {
        let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
        let what = format!("{words}, in {}", names.join(" and "));
        let remedy =
            format!("what is learned must not be measured on: keep it in {} alone", last.name());
        let left_out = match copies {
            Copies::Exact => but(&|item| item == kept),
            Copies::Near => but(&|item| of(&item).part == last),
        };
        (Kind::Leak, severity, what, remedy, left_out)
    } else if exact {
        let remedy = format!(
            "keep one: copies count more than other {}, and a split may part them",
            case.contents.noun.many
        );
        let left_out = but(&|item| item == kept);
        (Kind::ExactDuplicate, Severity::Warning, words, remedy, left_out)
    } else {
        let drawn = parts == [Part::Train] && !case.has(Part::Val);
        let (severity, remedy) = if drawn {
            let remedy = "see whether they are; a split drawn by chance may put one on each side";
            (Severity::Warning, remedy)
        } else {
            (Severity::Note, "see whether they are, and keep one")
        };
        (Kind::NearDuplicate, severity, words, remedy.to_owned(), Vec::new())
    };
    let mut finding = case.finding(About { kind, severity }, items, what, remedy);
    finding.left_out = case.files(&left_out);
    finding
}
