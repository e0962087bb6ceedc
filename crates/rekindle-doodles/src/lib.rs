//! Procedural pictures: a small but real classification task, rendered in code.
//!
//! A [`Task`] is a table of classes: [`SOURCE`] to pretrain on, [`TARGET`] to transfer to. The two share
//! no class and look alike otherwise: one shape of an arbitrary color, size and turn, bent a little, on a
//! textured backdrop with clutter behind it and now and then something in front.
//!
//! | what | shape |
//! |------|-------|
//! | [`Rendered::pixels`] | `[32, 32, 3]`: rows, columns, then red, green and blue |
//! | [`Rendered::label`] | row of [`Task::doodles`] |
//!
//! A picture depends on its task, index and seed alone, and its bytes are the same on every machine.
//!
//! ```
//! use rekindle_doodles::{Task, set};
//!
//! let train = set(Task::Target, 20, 0);
//! let validation = set(Task::Target, 50, 1);
//! assert_eq!(train.len(), 20 * Task::Target.doodles().len());
//! assert_ne!(train[0], validation[0]);
//! ```

mod paint;
mod random;
mod shape;
mod table;

use random::Random;

pub use table::{Doodle, SOURCE, TARGET};

/// Height and width of a picture, in pixels.
pub const SIZE: usize = 32;

/// Which table of classes the pictures are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// To pretrain on: the rows of [`SOURCE`].
    Source,
    /// To transfer to, with few examples: the rows of [`TARGET`].
    Target,
}

impl Task {
    /// The classes, where the row is the label.
    pub const fn doodles(self) -> &'static [Doodle] {
        match self {
            Self::Source => SOURCE,
            Self::Target => TARGET,
        }
    }
}

/// A picture and its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Bytes in `[32, 32, 3]` order: rows, columns, then red, green and blue.
    pub pixels: Vec<u8>,
    /// Row of [`Task::doodles`].
    pub label: usize,
}

/// Picture `index` of the endless stream `seed`; the classes take turns.
///
/// Streams of different seeds share no picture: use one for training and another for validation.
pub fn render(task: Task, index: u64, seed: u64) -> Rendered {
    let doodles = task.doodles();
    let label = (index % doodles.len() as u64) as usize;
    let mut random = Random::new([task as u64, seed, index]);
    Rendered { pixels: paint::paint(doodles[label].parts, &mut random), label }
}

/// The first `per_class` pictures of every class of the stream `seed`; the classes take turns.
pub fn set(task: Task, per_class: usize, seed: u64) -> Vec<Rendered> {
    let count = per_class * task.doodles().len();
    (0..count as u64).map(|index| render(task, index, seed)).collect()
}
