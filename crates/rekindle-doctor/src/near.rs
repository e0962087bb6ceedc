//! Pairs of hashes that differ in a few bits, without comparing all pairs.
//!
//! Multi-index hashing (Norouzi, Punjani and Fleet 2012): 128 bits are 8 parts of 16. Hashes that differ in at most 15 bits
//! differ in at most one bit in at least one part, so looking up a part and its 16 neighbors finds them all.

use crate::MOST_BITS;

const PARTS: usize = 8;
const PART_BITS: usize = 16;
const _: () = assert!((MOST_BITS as usize) < 2 * PARTS && PARTS * PART_BITS == 128);

/// Groups of places, each in order and of two or more, whose hashes differ in at most `bits` bits and that are `alike`,
/// directly or through others of the group.
///
/// Of more than [`MOST_BITS`] not all are found.
pub(crate) fn groups(
    hashes: &[u128],
    bits: u32,
    alike: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<usize>> {
    let mut sets = Sets::new(hashes.len());
    for part in 0..PARTS {
        let index = Index::new(hashes, part);
        for (place, hash) in hashes.iter().enumerate() {
            let key = key(*hash, part);
            let flips = (0..PART_BITS).map(|bit| 1 << bit);
            for key in flips.map(|flip: usize| key ^ flip).chain([key]) {
                for other in index.get(key).iter().map(|other| *other as usize) {
                    let differ = hash ^ hashes[other];
                    // A pair that is near in an earlier part was looked at there.
                    let near = other > place && differ.count_ones() <= bits && first(differ, part);
                    if near && sets.root(place) != sets.root(other) && alike(place, other) {
                        sets.join(place, other);
                    }
                }
            }
        }
    }
    sets.groups()
}

/// Whether no part before this one differs in one bit at most.
fn first(differ: u128, part: usize) -> bool {
    (0..part).all(|part| key(differ, part).count_ones() > 1)
}

/// Places in disjoint sets; each points towards the first of its own.
pub(crate) struct Sets(Vec<usize>);

impl Sets {
    /// Each place by itself.
    pub(crate) fn new(places: usize) -> Self {
        Self((0..places).collect())
    }

    /// The first place of a set.
    pub(crate) fn root(&mut self, mut place: usize) -> usize {
        while self.0[place] != place {
            self.0[place] = self.0[self.0[place]];
            place = self.0[place];
        }
        place
    }

    /// Makes one set of two.
    pub(crate) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other)] = one.min(other);
    }

    /// The sets of two and more places, each in order.
    pub(crate) fn groups(mut self) -> Vec<Vec<usize>> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.0.len()];
        (0..self.0.len()).for_each(|place| members[self.root(place)].push(place));
        members.into_iter().filter(|group| group.len() > 1).collect()
    }
}

fn key(hash: u128, part: usize) -> usize {
    (hash >> (part * PART_BITS)) as usize & ((1 << PART_BITS) - 1)
}

/// Places by the value of a part of their hashes.
struct Index {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Index {
    fn new(hashes: &[u128], part: usize) -> Self {
        let mut starts = vec![0_u32; (1 << PART_BITS) + 1];
        hashes.iter().for_each(|hash| starts[key(*hash, part) + 1] += 1);
        for key in 1..starts.len() {
            starts[key] += starts[key - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; hashes.len()];
        for (place, hash) in hashes.iter().enumerate() {
            let slot = &mut next[key(*hash, part)];
            places[*slot as usize] = place as u32;
            *slot += 1;
        }
        Self { starts, places }
    }

    fn get(&self, key: usize) -> &[u32] {
        &self.places[self.starts[key] as usize..self.starts[key + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use rekindle_data::Random;

    use super::*;

    /// Some of the first ones again with a few bits flipped.
    fn hashes(count: usize) -> Vec<u128> {
        let mut random = Random::new(1, 2, 3);
        let mut hashes: Vec<u128> = Vec::new();
        for place in 0..count {
            let mut hash = u128::from(random.bits()) << 64 | u128::from(random.bits());
            if place % 3 == 2 {
                hash = hashes[random.below(place)];
                (0..place % 20).for_each(|_| hash ^= 1 << random.below(128));
            }
            hashes.push(hash);
        }
        hashes
    }

    #[test]
    fn all_are_found_that_comparing_all_finds() {
        let hashes = hashes(1500);
        for bits in [0, 1, 7, 12, MOST_BITS] {
            let mut sets = Sets((0..hashes.len()).collect());
            let alike = |one: usize, other: usize| !(one + other).is_multiple_of(7);
            for one in 0..hashes.len() {
                for other in one + 1..hashes.len() {
                    let near = (hashes[one] ^ hashes[other]).count_ones() <= bits;
                    if near && alike(one, other) {
                        sets.join(one, other);
                    }
                }
            }
            let found = groups(&hashes, bits, alike);
            let joined: usize = found.iter().map(|group| group.len() - 1).sum();
            let expected = (0..hashes.len()).filter(|place| sets.root(*place) != *place).count();
            assert!(expected > 10 && joined == expected, "{bits} bits: {joined} of {expected}");
            for group in found {
                group.iter().for_each(|place| assert_eq!(sets.root(*place), group[0]));
            }
        }
    }
}
