//! Spot checks of what earlier runs kept: which of many things are looked at, so that nobody can foretell it.
//!
//! A cache is found by keys that anybody can compute, and its checksums are no secret either: whoever can write into a
//! folder can put other values there. To compute all anew would be to have no cache. A sample of [`SPOT_CHECKED`] misses
//! a share of wrong values with the probability `(1 - share)^64`: one in 27 for a twentieth of them, none in practice for
//! half. What it does not find is a handful of wrong values in a large cache; who must rule that out keeps none.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};

use crate::Random;

/// How many of the values that a cache keeps of a part of the data are computed anew and compared.
pub const SPOT_CHECKED: usize = 64;

/// Up to [`SPOT_CHECKED`] different places among so many, in order; others each time, by the system's randomness.
pub fn spots(among: usize) -> Vec<usize> {
    if among <= SPOT_CHECKED {
        return (0..among).collect();
    }
    // The keys of a hash map, which no other process knows.
    let mut random = Random::new(RandomState::new().hash_one(among), 0, 0);
    let mut chosen = HashSet::new();
    while chosen.len() < SPOT_CHECKED {
        chosen.insert(random.below(among));
    }
    let mut chosen: Vec<usize> = chosen.into_iter().collect();
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spots_are_different_places_and_others_each_time() {
        for among in [0, 1, 63, 64, 65, 1000, 1_000_000] {
            let found = spots(among);
            assert_eq!(found.len(), among.min(SPOT_CHECKED), "{among}");
            assert!(found.is_sorted_by(|one, next| one < next), "{among}: {found:?}");
            assert!(found.iter().all(|&place| place < among), "{among}: {found:?}");
        }
        assert_ne!(spots(1_000_000), spots(1_000_000));
        // All places are looked at in the long run.
        let all: HashSet<usize> = (0..60).flat_map(|_| spots(100)).collect();
        assert_eq!(all.len(), 100);
    }
}
