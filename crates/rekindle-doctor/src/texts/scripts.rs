//! Which scripts texts are written in.

use rekindle_data::Target;
use rekindle_text::Text;

use crate::{
    Finding, Kind, Severity,
    case::{About, Case},
};

/// A script, and the places of its letters in Unicode.
struct Script {
    name: &'static str,
    ranges: &'static [(u32, u32)],
}

#[rustfmt::skip]
const SCRIPTS: [Script; 26] = [
    Script { name: "Latin", ranges: &[(0x41, 0x5a), (0x61, 0x7a), (0xc0, 0x24f), (0x250, 0x2af), (0x1e00, 0x1eff), (0xff21, 0xff5a)] },
    Script { name: "Greek", ranges: &[(0x370, 0x3ff), (0x1f00, 0x1fff)] },
    Script { name: "Cyrillic", ranges: &[(0x400, 0x52f), (0x1c80, 0x1c8f), (0x2de0, 0x2dff), (0xa640, 0xa69f)] },
    Script { name: "Armenian", ranges: &[(0x530, 0x58f)] },
    Script { name: "Hebrew", ranges: &[(0x590, 0x5ff), (0xfb1d, 0xfb4f)] },
    Script { name: "Arabic", ranges: &[(0x600, 0x6ff), (0x750, 0x77f), (0x8a0, 0x8ff), (0xfb50, 0xfdff), (0xfe70, 0xfeff)] },
    Script { name: "Devanagari", ranges: &[(0x900, 0x97f)] },
    Script { name: "Bengali", ranges: &[(0x980, 0x9ff)] },
    Script { name: "Gurmukhi", ranges: &[(0xa00, 0xa7f)] },
    Script { name: "Gujarati", ranges: &[(0xa80, 0xaff)] },
    Script { name: "Tamil", ranges: &[(0xb80, 0xbff)] },
    Script { name: "Telugu", ranges: &[(0xc00, 0xc7f)] },
    Script { name: "Kannada", ranges: &[(0xc80, 0xcff)] },
    Script { name: "Malayalam", ranges: &[(0xd00, 0xd7f)] },
    Script { name: "Sinhala", ranges: &[(0xd80, 0xdff)] },
    Script { name: "Thai", ranges: &[(0xe00, 0xe7f)] },
    Script { name: "Lao", ranges: &[(0xe80, 0xeff)] },
    Script { name: "Tibetan", ranges: &[(0xf00, 0xfff)] },
    Script { name: "Burmese", ranges: &[(0x1000, 0x109f)] },
    Script { name: "Georgian", ranges: &[(0x10a0, 0x10ff), (0x1c90, 0x1cbf)] },
    Script { name: "Hangul", ranges: &[(0x1100, 0x11ff), (0x3130, 0x318f), (0xac00, 0xd7af)] },
    Script { name: "Ethiopic", ranges: &[(0x1200, 0x139f)] },
    Script { name: "Khmer", ranges: &[(0x1780, 0x17ff)] },
    Script { name: "Kana", ranges: &[(0x3040, 0x30ff), (0x31f0, 0x31ff), (0xff66, 0xff9f)] },
    Script { name: "Han", ranges: &[(0x3400, 0x4dbf), (0x4e00, 0x9fff), (0xf900, 0xfaff), (0x2_0000, 0x3_23af)] },
    Script { name: "other", ranges: &[] },
];
/// The last of them.
const OTHER: usize = SCRIPTS.len() - 1;
/// The two whose letters look the same.
const LATIN: usize = 0;
const CYRILLIC: usize = 2;

/// Texts with words in another script than most texts, and words in two scripts.
pub(super) fn findings<L: Target>(case: &Case<'_, L>, texts: &[&Text]) -> Vec<Finding> {
    let counted: Vec<[usize; SCRIPTS.len()]> = texts.iter().map(|text| words(text)).collect();
    let of = |script: usize| -> Vec<usize> {
        (0..texts.len()).filter(|text| counted[*text][script] > 0).collect()
    };
    let usual = (0..SCRIPTS.len()).rev().max_by_key(|script| of(*script).len()).unwrap_or(LATIN);
    let mut findings = Vec::new();
    for script in (0..SCRIPTS.len()).filter(|script| *script != usual) {
        let items = of(script);
        if items.is_empty() {
            continue;
        }
        let (name, usual) = (SCRIPTS[script].name, SCRIPTS[usual].name);
        let what =
            format!("{name} in {} of {} texts; most are in {usual}", items.len(), texts.len());
        let remedy = "see that the model knows it: a tokenizer may cut it into bytes, or call all of it unknown";
        let about = About { kind: Kind::OtherScript, severity: Severity::Note };
        findings.push(case.finding(about, &items, what, remedy));
    }
    let both = |text: &&usize| {
        [Some(&texts[**text].text), texts[**text].pair.as_ref()]
            .into_iter()
            .flatten()
            .any(|text| has_lookalikes(text))
    };
    let all: Vec<usize> = (0..texts.len()).collect();
    let items: Vec<usize> = all.iter().filter(both).copied().collect();
    if !items.is_empty() {
        let what = "has words with Latin and Cyrillic letters, which look the same".to_owned();
        let remedy = "to a model they are unknown words: write each in one script";
        let about = About { kind: Kind::MixedScript, severity: Severity::Warning };
        findings.push(case.finding(about, &items, what, remedy));
    }
    findings
}

/// Runs of letters.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphabetic()).filter(|run| !run.is_empty())
}

fn script(letter: char) -> usize {
    let code = u32::from(letter);
    let has =
        |script: &Script| script.ranges.iter().any(|(low, high)| (*low..=*high).contains(&code));
    SCRIPTS.iter().position(has).unwrap_or(OTHER)
}

/// How many words of each script a text has; a letter alone is a sign, as in formulas, unless it is a word in its script.
fn words(text: &Text) -> [usize; SCRIPTS.len()] {
    let mut counts = [0; SCRIPTS.len()];
    for text in [Some(&text.text), text.pair.as_ref()].into_iter().flatten() {
        for run in runs(text) {
            let mut letters = run.chars();
            let Some(first) = letters.next() else { continue };
            let script = script(first);
            if letters.next().is_some() || script == LATIN || SCRIPTS[script].name == "Han" {
                counts[script] += 1;
            }
        }
    }
    counts
}

fn has_lookalikes(text: &str) -> bool {
    !text.is_ascii()
        && runs(text).any(|run| {
            let has = |wanted: usize| run.chars().any(|letter| script(letter) == wanted);
            has(LATIN) && has(CYRILLIC)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_of_their_script() {
        for (letters, expected) in [
            ("aZéßœ", "Latin"),
            ("αΩ", "Greek"),
            ("жЯ", "Cyrillic"),
            ("שא", "Hebrew"),
            ("عب", "Arabic"),
            ("हि", "Devanagari"),
            ("ไทย", "Thai"),
            ("한국", "Hangul"),
            ("かカ", "Kana"),
            ("漢字", "Han"),
            ("ꓐ", "other"),
        ] {
            let letters = letters.chars().filter(|letter| letter.is_alphabetic());
            letters
                .for_each(|letter| assert_eq!(SCRIPTS[script(letter)].name, expected, "{letter}"));
        }
        assert!(has_lookalikes("p\u{430}ypal") && !has_lookalikes("paypal жук TNFα"));
    }
}
