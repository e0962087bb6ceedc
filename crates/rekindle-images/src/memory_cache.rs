//! Pictures kept in memory between epochs, up to a number of bytes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Picture, Source};

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
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: usize,
    files: HashMap<PathBuf, Kept>,
    /// By address, and with the picture, so that no other one can come to have it.
    memory: HashMap<usize, (Arc<Picture>, Kept)>,
}

impl Cache {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, state: Mutex::default() }
    }

    pub(crate) fn get(&self, source: &Source) -> Option<Kept> {
        let state = self.lock();
        match source {
            Source::File(path) => state.files.get(path).cloned(),
            Source::Memory(picture) => {
                state.memory.get(&address(picture)).map(|(_, kept)| kept.clone())
            }
            // They come once.
            Source::Bytes { .. } => None,
        }
    }

    /// Whether so many bytes more would be kept.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.budget > 0 && self.lock().bytes + bytes <= self.budget
    }

    pub(crate) fn keep(&self, source: &Source, item: impl FnOnce() -> Kept) {
        if self.budget == 0 {
            return;
        }
        let item = item();
        let mut state = self.lock();
        let bytes = state.bytes + item.bytes();
        if bytes > self.budget {
            return;
        }
        let is_new = match source {
            Source::File(path) => state.files.insert(path.clone(), item).is_none(),
            Source::Memory(picture) => {
                let entry = (Arc::clone(picture), item);
                state.memory.insert(address(picture), entry).is_none()
            }
            Source::Bytes { .. } => false,
        };
        if is_new {
            state.bytes = bytes;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn address(picture: &Arc<Picture>) -> usize {
    Arc::as_ptr(picture).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let cache = Cache::new(20);
        let input = |length: usize| Kept::Input(vec![0.0; length].into());
        let file = |number: usize| Source::File(format!("{number}.jpg").into());
        cache.keep(&file(0), || input(4));
        cache.keep(&file(1), || input(2));
        cache.keep(&file(2), || input(1));
        cache.keep(&file(0), || input(4));
        let has = |number| cache.get(&file(number)).is_some();
        assert!(has(0) && !has(1) && has(2));
    }

    /// One cache may serve several data sets: a picture is found by itself, not by its place.
    #[test]
    fn pictures_in_memory_are_told_apart() {
        let cache = Cache::new(1 << 10);
        let picture = |shade| Source::from(Picture::from_gray(1, 1, vec![shade]).unwrap());
        let pictures = [picture(1), picture(1)];
        for (number, source) in pictures.iter().enumerate() {
            cache.keep(source, || Kept::Input(vec![number as f32].into()));
        }
        drop(picture(2));
        for (number, source) in pictures.iter().enumerate() {
            let Some(Kept::Input(values)) = cache.get(source) else { panic!("not kept") };
            assert_eq!(*values, [number as f32]);
        }
        assert!(cache.get(&picture(1)).is_none());
    }
}
