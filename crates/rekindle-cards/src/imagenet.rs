//! The thousand classes of ImageNet-1k, in the order in which checkpoints put them out.
//!
//! Russakovsky et al. 2015, <https://arxiv.org/abs/1409.0575>: synsets of WordNet, and the first lemma of each;
//! three are said apart from others that share theirs (two cranes, a tank suit).

use std::sync::OnceLock;

/// How many classes there are.
pub const CLASSES: usize = 1000;

/// A line a class: its synset, a tab, its name.
const LINES: &str = include_str!("imagenet.tsv");

/// The name of a class, a short English lemma: `tench`.
#[must_use]
pub fn name(class: usize) -> Option<&'static str> {
    rows().get(class).map(|(_, name)| *name)
}

/// The synset of a class, WordNet's identifier: `n01440764`.
#[must_use]
pub fn synset(class: usize) -> Option<&'static str> {
    rows().get(class).map(|(synset, _)| *synset)
}

fn rows() -> &'static [(&'static str, &'static str)] {
    static ROWS: OnceLock<Vec<(&str, &str)>> = OnceLock::new();
    ROWS.get_or_init(|| LINES.lines().filter_map(|line| line.split_once('\t')).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_class_has_a_name_and_a_synset_of_its_own() {
        assert_eq!(rows().len(), CLASSES);
        let names: BTreeSet<_> = (0..CLASSES).map(|class| name(class).unwrap()).collect();
        let synsets: Vec<_> = (0..CLASSES).map(|class| synset(class).unwrap()).collect();
        assert_eq!(names.len(), CLASSES);
        // The order of the classes is that of the synsets.
        assert!(synsets.is_sorted_by(|one, next| one < next));
        for synset in synsets {
            let digits = synset.strip_prefix('n').unwrap_or_default();
            assert!(
                digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()),
                "{synset}"
            );
        }
    }

    #[test]
    fn well_known_classes_are_where_they_belong() {
        for (class, expected) in [
            (0, Some("tench")),
            (207, Some("golden retriever")),
            (281, Some("tabby")),
            (999, Some("toilet tissue")),
            (1000, None),
        ] {
            assert_eq!(name(class), expected, "{class}");
        }
    }
}
