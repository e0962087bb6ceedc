//! Texts that are the same, or almost.
//!
//! | texts | are alike where |
//! |---|---|
//! | any | they are the same but for case, blanks, addresses and punctuation |
//! | of [`LEAST_WORDS`] words and more | of their words and pairs of neighboring words a share is in both (Jaccard) |
//!
//! Pairs to compare are found by MinHash (Broder 1997) with [`BANDS`] bands of [`ROWS`] values: of two texts that share 0.8 of
//! their words 98 in 100 are found, of those that share 0.9 all but 2 in 10,000. Time is linear in the number of texts.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use rekindle_base::mix;
use rekindle_text::Text;

use crate::near::Sets;

/// Fewest words that are compared one by one: of fewer, one word more is another text.
const LEAST_WORDS: usize = 5;
/// Most words and pairs of a text that are compared: the least by their hashes, the same for like texts.
const MOST_FEATURES: usize = 400;
const BANDS: usize = 8;
const ROWS: usize = 4;
/// Most texts of a bucket that another is compared with.
const MOST_COMPARED: usize = 8;

/// Texts by their digests, in the order of the first of each; empty ones are none's copies.
pub(super) fn same(digests: &[Option<[u8; 32]>], texts: &[&Text]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<[u8; 32], Vec<usize>> = BTreeMap::new();
    for (item, (digest, text)) in digests.iter().zip(texts).enumerate() {
        if let Some(digest) = digest.filter(|_| !text.text.trim().is_empty()) {
            groups.entry(digest).or_default().push(item);
        }
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_unstable();
    groups
}

/// Groups of two and more of the `shown` texts that are almost the same.
pub(super) fn groups(shown: &[usize], texts: &[&Text], least: f64) -> Vec<Vec<usize>> {
    let sketches: Vec<Sketch> = shown.par_iter().map(|item| Sketch::of(texts[*item])).collect();
    let mut sets = Sets::new(shown.len());
    let mut plain: HashMap<u64, usize> = HashMap::new();
    for (place, sketch) in sketches.iter().enumerate().filter(|(_, it)| it.words > 0) {
        let first = *plain.entry(sketch.whole).or_insert(place);
        sets.join(first, place);
    }
    for band in 0..BANDS {
        let mut buckets: HashMap<&[u64], Vec<usize>> = HashMap::new();
        for (place, sketch) in sketches.iter().enumerate() {
            let Some(key) = sketch.mins.get(band * ROWS..(band + 1) * ROWS) else { continue };
            let bucket = buckets.entry(key).or_default();
            let like = |other: &&usize| {
                sets.root(**other) == sets.root(place)
                    || shared(&sketches[**other].features, &sketch.features) >= least
            };
            match bucket.iter().find(like) {
                Some(&other) => sets.join(other, place),
                None if bucket.len() < MOST_COMPARED => bucket.push(place),
                None => {}
            }
        }
    }
    let groups = sets.groups().into_iter().map(|group| {
        let mut items: Vec<usize> = group.into_iter().map(|place| shown[place]).collect();
        items.sort_unstable();
        items
    });
    groups.collect()
}

/// What a text is compared by.
struct Sketch {
    words: usize,
    /// Of all words in their order.
    whole: u64,
    /// Words and pairs of neighbors, by their hashes in order; none of a short text.
    features: Vec<u64>,
    /// The least of the features by each of some orders; none of a short text.
    mins: Vec<u64>,
}

impl Sketch {
    fn of(text: &Text) -> Self {
        let mut words: Vec<u64> = Vec::new();
        for text in [Some(&text.text), text.pair.as_ref()].into_iter().flatten() {
            words.extend(plain_words(text).iter().map(|word| hash(word)));
            // Between the two of a pair.
            words.push(1);
        }
        words.pop();
        let whole = words.iter().fold(0, |state, word| mix(state ^ word));
        let short = words.len() < LEAST_WORDS;
        let pairs = words.windows(2).map(|pair| mix(pair[0].rotate_left(1) ^ pair[1]));
        let mut features: Vec<u64> = words.iter().copied().chain(pairs).collect();
        features.sort_unstable();
        features.dedup();
        features.truncate(if short { 0 } else { MOST_FEATURES });
        let least = |order: u64| {
            let salt = mix(order + 1);
            features.iter().map(|feature| mix(feature ^ salt)).min().unwrap_or_default()
        };
        let orders = if short { 0 } else { (BANDS * ROWS) as u64 };
        let mins = (0..orders).map(least).collect();
        Self { words: words.len(), whole, features, mins }
    }
}

/// Words in lower case without punctuation; addresses are left out.
pub(super) fn plain_words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let is_address =
        |word: &&str| ["http://", "https://", "www."].iter().any(|start| word.starts_with(start));
    let apart = |letter: char| !letter.is_alphanumeric();
    let words = lower.split_whitespace().filter(|word| !is_address(word));
    // What is within a word is left out, as in `don't`.
    words
        .map(|word| word.split(apart).collect::<String>())
        .filter(|word| !word.is_empty())
        .collect()
}

/// FNV-1a, mixed.
fn hash(word: &str) -> u64 {
    let fold = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mix(word.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// The share of features that both have; both in order.
fn shared(one: &[u64], other: &[u64]) -> f64 {
    let (mut a, mut b, mut both) = (0, 0, 0);
    while a < one.len() && b < other.len() {
        let (x, y) = (one[a], other[b]);
        a += usize::from(x <= y);
        b += usize::from(y <= x);
        both += usize::from(x == y);
    }
    both as f64 / (one.len() + other.len() - both).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &[&str]) -> Vec<Vec<usize>> {
        let texts: Vec<Text> = texts.iter().map(|text| Text::from(*text)).collect();
        let texts: Vec<&Text> = texts.iter().collect();
        groups(&(0..texts.len()).collect::<Vec<_>>(), &texts, 0.8)
    }

    #[test]
    fn words_are_plain() {
        let found = plain_words("Don't MISS it:  https://t.co/x (www.a.b) now!!! -- Ça va?");
        assert_eq!(found, ["dont", "miss", "it", "wwwab", "now", "ça", "va"]);
    }

    #[test]
    fn what_differs_little_is_found() {
        let long =
            "the old lighthouse keeper wrote a letter to his sister in the valley every winter";
        for (texts, expected) in [
            (vec!["Ant bee!", "ant  BEE http://a.b/c", "ant bee cat", "bee ant"], vec![vec![0, 1]]),
            (vec![long, &long.replace("winter", "summer"), "the old one"], vec![vec![0, 1]]),
            (vec![long, &format!("RT {long}"), &format!("{long} ... more")], vec![vec![0, 1, 2]]),
            (vec![long, &long.replace("keeper wrote a letter", "painter sent a parcel")], vec![]),
            (vec!["!!!", "???", "", " "], vec![]),
        ] {
            assert_eq!(found(&texts), expected, "{texts:?}");
        }
        let pair = |pair: &str| Text { pair: Some(pair.into()), ..Text::new("one two") };
        let pairs = [pair("three"), pair("Three."), Text::new("one two three"), pair("four")];
        let texts: Vec<&Text> = pairs.iter().collect();
        assert_eq!(groups(&[0, 1, 2, 3], &texts, 0.8), [[0, 1]]);
    }

    /// As comparing all pairs finds them, but for the few that MinHash misses; and many alike take no square of time.
    #[test]
    fn bands_miss_little() {
        let mut random = rekindle_data::Random::new(5, 0, 0);
        let mut texts: Vec<String> = Vec::new();
        for place in 0..600 {
            let mut words: Vec<String> =
                (0..25).map(|_| format!("word{}", random.below(400))).collect();
            if place % 2 == 1 {
                words = texts[place - 1].split(' ').map(str::to_owned).collect();
                for _ in 0..place % 5 {
                    let at = random.below(words.len());
                    words[at] = format!("word{}", random.below(400));
                }
            }
            texts.push(words.join(" "));
        }
        let all: Vec<Text> = texts.iter().map(|text| Text::from(text.as_str())).collect();
        let sketches: Vec<Sketch> = all.iter().map(Sketch::of).collect();
        let alike = (0..600)
            .step_by(2)
            .filter(|&place| {
                shared(&sketches[place].features, &sketches[place + 1].features) >= 0.8
            })
            .count();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let groups = found(&texts);
        assert!(groups.iter().all(|group| group.len() == 2 && group[1] == group[0] + 1));
        assert!(alike > 100 && groups.len() <= alike, "{alike}");
        assert!(groups.len() * 100 >= alike * 97, "{} of {alike}", groups.len());
        let many: Vec<String> = (0..20_000)
            .map(|place| format!("a b c d e f g h i j k l m n o p q r s t {place}"))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(found(&many).len(), 1);
    }
}
