//! Pictures kept in memory between epochs, up to a number of bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Picture;

/// What is kept of a sample.
#[derive(Debug, Clone)]
pub(crate) enum Kept {
    /// The whole input, where nothing is drawn for it.
    Input(Arc<[f32]>),
    /// The decoded picture, where every epoch draws another input from it.
    Picture(Arc<Picture>),
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Input(values) => size_of_val(&values[..]),
            Self::Picture(picture) => picture.pixels().len(),
        }
    }
}

/// What fits is kept and never evicted: epochs visit every sample, so that the last used is the last needed again.
#[derive(Debug)]
pub(crate) struct Cache {
    budget: usize,
    kept: Mutex<(usize, HashMap<usize, Kept>)>,
}

impl Cache {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, kept: Mutex::default() }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).1.get(&index).cloned()
    }

    /// Whether so many bytes more would be kept.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner).0;
        self.budget > 0 && kept() + bytes <= self.budget
    }

    pub(crate) fn keep(&self, index: usize, item: impl FnOnce() -> Kept) {
        if self.budget == 0 {
            return;
        }
        let item = item();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = kept.0 + item.bytes();
        if bytes <= self.budget && kept.1.insert(index, item).is_none() {
            kept.0 = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let cache = Cache::new(20);
        let input = |length: usize| Kept::Input(vec![0.0; length].into());
        cache.keep(0, || input(4));
        cache.keep(1, || input(2));
        cache.keep(2, || input(1));
        cache.keep(0, || input(4));
        assert!(cache.get(0).is_some() && cache.get(1).is_none() && cache.get(2).is_some());
    }
}
