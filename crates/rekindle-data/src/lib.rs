//! From samples to batches: lists, splits, orders, views, and a loader that prepares ahead.
//!
//! | step | here |
//! |---|---|
//! | which items, which labels or numbers | a [`DataSet`], of a [list](manifest) or of what another crate reads; or [`Sample`]s made in code |
//! | what to validate on | a [`Split`] |
//! | an item to an input, with chance | a [`Prepare`] of its kind, which draws from a [`Random`] |
//! | inputs to batches | a [`Loader`]'s [`epoch`](Loader::epoch), the same for any number of threads |
//!
//! Nothing here knows what an item is: pictures, texts and rows of a table each bring a [`Prepare`].
//!
//! # Example
//!
//! ```
//! use rekindle_data::{Dense, Digests, Error, Item, Loader, LoaderConfig, Order, Prepare, Sample, View};
//!
//! /// A number, which becomes itself and its square, and a little more or less where something is drawn.
//! #[derive(Debug, Clone)]
//! struct Number(f32);
//!
//! impl Item for Number {
//!     fn path(&self) -> Option<&std::path::Path> {
//!         None
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct Squares;
//!
//! impl Prepare for Squares {
//!     type Item = Number;
//!     type Input = [f32; 2];
//!     type Batch = Dense;
//!     type Error = Error;
//!
//!     fn prepare(&self, item: &Number, view: View, _: Option<[f32; 2]>) -> Result<[f32; 2], Error> {
//!         let noise = if view.is_plain() { 0.0 } else { view.random().unit() as f32 / 10.0 };
//!         let number = item.0 + noise;
//!         Ok([number, number * number])
//!     }
//!
//!     fn collate(&self, inputs: &mut Vec<[f32; 2]>) -> Result<Dense, Error> {
//!         Ok(Dense::stack(inputs.iter().map(|input| &input[..]), &[2]))
//!     }
//!
//!     fn input_bytes(&self) -> usize {
//!         8
//!     }
//!
//!     fn draws(&self) -> bool {
//!         true
//!     }
//!
//!     fn describe_plain(&self) -> String {
//!         "squares".to_owned()
//!     }
//!
//!     fn describe_drawn(&self) -> String {
//!         "0.1".to_owned()
//!     }
//!
//!     fn digest(&self, item: &Number, _: &Digests) -> Result<[u8; 32], Error> {
//!         let mut digest = [0; 32];
//!         digest[..4].copy_from_slice(&item.0.to_le_bytes());
//!         Ok(digest)
//!     }
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let samples = vec![Sample::new(Number(2.0), 0), Sample::new(Number(3.0), 1)];
//! let config = LoaderConfig { batch_size: 2, order: Order::Shuffled, ..LoaderConfig::default() };
//! let loader = Loader::new(samples, Squares, &config)?;
//! for epoch in 0..3 {
//!     for batch in loader.epoch(epoch) {
//!         assert_eq!(batch?.input.shape, [2, 2]);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod batches;
mod canonical;
mod draw;
mod error;
pub mod folder;
pub mod label;
pub mod manifest;
mod part;
mod parts;
mod prepare;
mod sample;
mod set;
mod shots;
mod split;
mod target;

pub use batches::{Batch, Batches, Loader, LoaderConfig, Order, Remainder, Views};
pub use canonical::canonical;
pub use draw::{Draw, DrawBatch, Mixed};
pub use error::{Error, not_utf8};
pub use part::Part;
pub use parts::{part_named, part_within};
pub use prepare::{Dense, Prepare, TokenBatch, View};
pub use rekindle_base::{Digests, Random};
pub use sample::{Item, Sample};
pub use set::{DataConfig, DataSet, Gathered, Measurable, Row, is_same_path};
pub use shots::draw_shots;
pub use split::Split;
pub use target::{Target, TargetKind};
