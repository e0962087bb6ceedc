//! Work over rayon's pool, and pointers that cross threads.
//!
//! How work is cut never depends on the number of threads where results depend on how it is cut.

use std::cell::Cell;

use rayon::prelude::*;

/// A pointer that tasks share; each writes its own part.
#[derive(Debug)]
pub(crate) struct Shared<T>(*mut T);

// SAFETY: whoever reads or writes through it says in its own SAFETY line why no two tasks meet.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

impl<T> Shared<T> {
    /// The start of `slice`.
    pub(crate) fn new(slice: &mut [T]) -> Self {
        Self(slice.as_mut_ptr())
    }

    /// A pointer.
    pub(crate) fn from(pointer: *mut T) -> Self {
        Self(pointer)
    }

    /// The start of what is only read.
    pub(crate) fn read(slice: &[T]) -> Self {
        Self(slice.as_ptr().cast_mut())
    }

    /// The pointer.
    #[inline(always)]
    pub(crate) fn get(self) -> *mut T {
        self.0
    }
}

/// A map that is read, and the map of as many numbers that what becomes of it is written to.
#[derive(Debug)]
pub(crate) enum Written<'a, T> {
    /// The same.
    Over(&'a mut [T]),
    /// Another.
    To {
        /// What is read.
        from: &'a [T],
        /// What is written.
        to: &'a mut [T],
    },
}

impl<T> Written<'_, T> {
    /// How many numbers there are, and where they are read and written. Who holds the map goes on holding it while
    /// these are used.
    pub(super) fn shared(&mut self) -> (usize, [Shared<T>; 2]) {
        match self {
            Self::Over(map) => (map.len(), [Shared::new(map); 2]),
            Self::To { from, to } => {
                assert_eq!(from.len(), to.len(), "a map that is written to one of another shape");
                (to.len(), [Shared::read(from), Shared::new(to)])
            }
        }
    }
}

/// Threads that there are: for cuts that no result depends on.
pub(crate) fn threads() -> usize {
    // Miri looks at what a task does, not at rayon.
    if cfg!(miri) { 1 } else { rayon::current_num_threads().max(1) }
}

/// Runs tasks `0..count`, in any order, on as many threads as there are.
pub(crate) fn tasks(count: usize, task: impl Fn(usize) + Sync + Send) {
    if count <= 1 || threads() == 1 {
        (0..count).for_each(task);
    } else {
        (0..count).into_par_iter().with_max_len(1).for_each(task);
    }
}

/// Runs `task(start, end)` over parts of `0..length` of at most `part` each.
pub(crate) fn parts(length: usize, part: usize, task: impl Fn(usize, usize) + Sync + Send) {
    let part = part.max(1);
    tasks(length.div_ceil(part), |index| {
        let start = index * part;
        task(start, (start + part).min(length));
    });
}

thread_local! {
    static POINTERS: Cell<Vec<usize>> = const { Cell::new(Vec::new()) };
}

/// Lends `task` a table of `count` pointers, which the thread keeps for the next one.
pub(crate) fn with_pointers<T, R>(count: usize, task: impl FnOnce(&mut [*mut T]) -> R) -> R {
    // A task that is started within a task finds none, and gets a table of its own.
    let mut words = POINTERS.take();
    if words.len() < count {
        words.resize(count, 0);
    }
    // SAFETY: a pointer is as large and as aligned as a word, and any word is a pointer.
    let table =
        unsafe { std::slice::from_raw_parts_mut(words.as_mut_ptr().cast::<*mut T>(), count) };
    let result = task(table);
    POINTERS.set(words);
    result
}
