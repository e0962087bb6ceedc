//! Finds a card by its name, among the families that are embedded in the crate.

use std::sync::OnceLock;

use crate::{Card, Error, Family, files::FILES};

/// How many names an error suggests.
const SUGGESTIONS: usize = 3;

/// Every family, read once.
///
/// # Errors
///
/// What [`Family::parse`] found wrong with an embedded file; the tests of this crate rule it out.
pub fn families() -> Result<&'static [Family], Error> {
    static FAMILIES: OnceLock<Result<Vec<Family>, Error>> = OnceLock::new();
    let parse = || FILES.iter().map(|(file, text, ..)| Family::parse(file, text)).collect();
    FAMILIES.get_or_init(parse).as_deref().map_err(Error::clone)
}

/// The card of `resnet18.a1_in1k`, the default card of `resnet18`, or that of `all-MiniLM-L6-v2`.
///
/// # Errors
///
/// [`Error::UnknownCard`] with the closest names.
///
/// # Examples
///
/// ```
/// let card = rekindle_cards::find("resnet18")?;
/// assert_eq!(card.name(), "resnet18.a1_in1k");
/// assert_eq!(card.image()?.input_size, [3, 224, 224]);
/// let card = rekindle_cards::find("all-MiniLM-L6-v2")?;
/// assert_eq!(card.input.described(), "texts of up to 256 tokens");
/// # Ok::<(), rekindle_cards::Error>(())
/// ```
pub fn find(name: &str) -> Result<&'static Card, Error> {
    let mut cards = families()?.iter().flat_map(|family| &family.cards);
    match cards.find(|card| card.architecture == name || card.name() == name) {
        Some(card) => Ok(card),
        None => Err(Error::UnknownCard { name: name.to_owned(), closest: closest(name)? }),
    }
}

/// Which cards of a family or an architecture are meant by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The default of each architecture.
    Default,
    /// Every one.
    All,
}

/// The card of a checkpoint's whole name, if there is one: that of an architecture alone stands for no checkpoint.
///
/// # Errors
///
/// As [`families`].
pub fn find_checkpoint(name: &str) -> Result<Option<&'static Card>, Error> {
    Ok(families()?.iter().flat_map(|family| &family.cards).find(|card| card.name() == name))
}

/// The default card of an architecture, if there is one.
pub(crate) fn of_architecture(name: &str) -> Result<Option<&'static Card>, Error> {
    Ok(families()?.iter().flat_map(|family| &family.cards).find(|card| card.architecture == name))
}

/// The cards whose weights are in a repository, whose name may be written in any case, as the Hub takes it.
///
/// # Errors
///
/// As [`families`].
pub fn find_by_repository(repository: &str) -> Result<Vec<&'static Card>, Error> {
    let is = |card: &&Card| {
        card.repository.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(repository))
    };
    Ok(families()?.iter().flat_map(|family| &family.cards).filter(is).collect())
}

/// The cards that a family, an architecture, a card or a pattern with `*` or `?` names; there is at least one.
///
/// A card's own name and a pattern mean what they match, whatever `which` is.
///
/// # Errors
///
/// [`Error::UnknownCard`] with the closest names.
///
/// # Examples
///
/// ```
/// use rekindle_cards::{Which, select};
///
/// assert_eq!(select("resnet18", Which::Default)?.len(), 1);
/// assert!(select("resnet18", Which::All)?.len() > 5);
/// assert_eq!(select("vgg", Which::Default)?.len(), 8);
/// # Ok::<(), rekindle_cards::Error>(())
/// ```
pub fn select(name: &str, which: Which) -> Result<Vec<&'static Card>, Error> {
    if name.contains(['*', '?']) {
        let found = search(name)?;
        return match found.is_empty() {
            true => Err(Error::UnknownCard { name: name.to_owned(), closest: closest(name)? }),
            false => Ok(found),
        };
    }
    let cards = families()?.iter().flat_map(|family| &family.cards);
    let named: Vec<_> =
        cards.filter(|card| card.family == name || card.architecture == name).collect();
    match (named.is_empty(), which) {
        (true, _) => Ok(vec![find(name)?]),
        (false, Which::All) => Ok(named),
        (false, Which::Default) => Ok(defaults(named)),
    }
}

/// The cards that several names mean, each once; those that are on no Hub only where a name is their own.
///
/// # Errors
///
/// As [`select`].
pub fn select_on_hub(names: &[String], which: Which) -> Result<Vec<&'static Card>, Error> {
    let mut cards: Vec<&'static Card> = Vec::new();
    for name in names {
        for card in select(name, which)? {
            let own = [&card.name(), &card.architecture].contains(&name);
            if (card.repository.is_some() || own) && !cards.contains(&card) {
                cards.push(card);
            }
        }
    }
    Ok(cards)
}

/// Of cards as they are listed, the first of each architecture.
fn defaults(mut cards: Vec<&'static Card>) -> Vec<&'static Card> {
    cards.dedup_by(|card, before| card.architecture == before.architecture);
    cards
}

/// The default card of every architecture, those that are on no Hub included.
///
/// # Errors
///
/// As [`families`].
pub fn all_defaults() -> Result<Vec<&'static Card>, Error> {
    Ok(defaults(search("")?))
}

/// Every card whose name matches in any case: `*` and `?` are wildcards, a pattern without either a substring.
///
/// # Errors
///
/// As [`families`]. A pattern that matches nothing gives an empty list.
///
/// # Examples
///
/// ```
/// let trained_by_torchvision = rekindle_cards::search("resnet*.tv_*")?;
/// assert!(trained_by_torchvision.iter().any(|card| card.name() == "resnet50.tv_in1k"));
/// # Ok::<(), rekindle_cards::Error>(())
/// ```
pub fn search(pattern: &str) -> Result<Vec<&'static Card>, Error> {
    let pattern = pattern.to_lowercase();
    let matches = |name: &str| match pattern.contains(['*', '?']) {
        true => wildcard(pattern.as_bytes(), name.as_bytes()),
        false => name.contains(&pattern),
    };
    let cards = families()?.iter().flat_map(|family| &family.cards);
    Ok(cards.filter(|card| matches(&card.name().to_lowercase())).collect())
}

/// The names that take the fewest edits in any case; a name without a dot is compared with architectures, and a repository's
/// by its last part.
fn closest(name: &str) -> Result<Vec<String>, Error> {
    let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let mut names: Vec<String> = Vec::new();
    for card in families()?.iter().flat_map(|family| &family.cards) {
        let candidate = if wanted.contains('.') { card.name() } else { card.architecture.clone() };
        if names.last() != Some(&candidate) {
            names.push(candidate);
        }
    }
    // Stable, so that equally close names keep the order of the tables.
    // What was only begun is meant more likely than what is as short: `bert-base` is no `roberta-base`.
    names.sort_by_cached_key(|candidate| {
        let candidate = candidate.to_lowercase();
        let begun = !wanted.is_empty() && candidate.starts_with(&wanted);
        (!begun, edit_distance(wanted.as_bytes(), candidate.as_bytes()))
    });
    names.truncate(SUGGESTIONS);
    Ok(names)
}

/// Whether a pattern of literal bytes, `*` and `?` matches all of a name.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on after a mismatch: past the last star, with one byte more given to it.
    let mut retry: Option<(usize, usize)> = None;
    let (mut at, mut position) = (0, 0);
    while position < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, position));
                at += 1;
            }
            Some(byte) if *byte == b'?' || name.get(position) == Some(byte) => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((after, taken)) = retry else { return false };
                retry = Some((after, taken + 1));
                (at, position) = (after, taken + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|byte| *byte == b'*')
}

/// Levenshtein's distance: insertions, deletions and replacements.
fn edit_distance(left: &[u8], right: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, byte) in left.iter().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        let mut next = vec![before];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(byte != other);
            before = replaced.min(before + 1).min(above + 1);
            next.push(before);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
