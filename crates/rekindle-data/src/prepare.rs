//! From an item to an input, and from inputs to a batch: what a kind of data must say of itself.
//!
//! | kind | item | input | batch |
//! |---|---|---|---|
//! | pictures | a file, or pixels | `[channels, height, width]` numbers | [`Dense`] |
//! | texts | a line, or a file | token ids | token ids and a mask, padded to the longest |
//! | rows | cells | numbers and categories | both, stacked |

use std::fmt::Debug;

use rekindle_base::Digests;

use crate::{Item, Random, Views};

/// How items of a kind become inputs, on the host, by the item and its [`View`] alone.
///
/// Whatever prepares them, in whatever order and on whichever thread, the same item and view give the same bits.
pub trait Prepare: Debug + Send + Sync + 'static {
    /// What samples are made of.
    type Item: Item;
    /// What one item becomes.
    type Input: Debug + Send + 'static;
    /// What several inputs become together.
    type Batch: Debug + Send + 'static;
    /// What can go wrong, with what can go wrong with a loader.
    type Error: std::error::Error + From<crate::Error> + Send + Sync + 'static;

    /// The input of an item; the [plain](View::is_plain) view is the evaluation's, for which nothing is drawn.
    ///
    /// `spare` is an input that is not needed any more: its memory may serve again, what it holds says nothing.
    ///
    /// # Errors
    ///
    /// Where the item cannot be read or understood, by its name.
    fn prepare(
        &self,
        item: &Self::Item,
        view: View,
        spare: Option<Self::Input>,
    ) -> Result<Self::Input, Self::Error>;

    /// Several inputs as one batch, in their order; what is left in `inputs` serves as spares.
    ///
    /// # Errors
    ///
    /// Where they cannot be put together.
    fn collate(&self, inputs: &mut Vec<Self::Input>) -> Result<Self::Batch, Self::Error>;

    /// The most bytes that an input takes, which bounds how many are prepared ahead.
    fn input_bytes(&self) -> usize;

    /// Whether an input takes less time than handing it from one thread to another: it is then prepared when it is needed.
    fn is_quick(&self) -> bool {
        false
    }

    /// Whether anything is drawn; if not, every view is the plain one.
    fn draws(&self) -> bool;

    /// All that the plain input depends on besides the item, as [`canonical`](crate::canonical) text.
    fn describe_plain(&self) -> String;

    /// All that is drawn in other views, as [`canonical`](crate::canonical) text.
    fn describe_drawn(&self) -> String;

    /// What an item is called in messages, where it has a name.
    fn name(&self, item: &Self::Item) -> Option<String> {
        item.path().map(|path| path.display().to_string())
    }

    /// The SHA-256 of what an item holds: of a file's bytes, as `files` knows or computes them, or of what is in memory with
    /// its shape.
    ///
    /// # Errors
    ///
    /// Where the item cannot be read.
    fn digest(&self, item: &Self::Item, files: &Digests) -> Result<[u8; 32], Self::Error>;
}

/// Which of the inputs that can be drawn for a sample is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Draws all of a run.
    pub seed: u64,
    /// Which view; [`Views::PLAIN`] is the evaluation's.
    pub number: u64,
    /// The sample's place among the others, so that two of the same content are drawn differently.
    pub place: u64,
}

impl View {
    /// The evaluation's view, the same for every seed and place.
    pub const PLAIN: Self = Self { seed: 0, number: Views::PLAIN, place: 0 };

    /// Whether nothing is drawn.
    pub fn is_plain(self) -> bool {
        self.number == Views::PLAIN
    }

    /// Its stream of random numbers, from the beginning.
    pub fn random(self) -> Random {
        Random::new(self.seed, self.number, self.place)
    }
}

/// Numbers of one shape a sample, stacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// The numbers, sample by sample.
    pub values: Vec<f32>,
    /// The length of each axis, the first of which counts the samples.
    pub shape: Vec<usize>,
}

impl Dense {
    /// Stacks rows of `shape`.
    ///
    /// # Panics
    ///
    /// If a row is not as long as `shape` multiplies to.
    pub fn stack<'a>(rows: impl ExactSizeIterator<Item = &'a [f32]>, shape: &[usize]) -> Self {
        let length: usize = shape.iter().product();
        let count = rows.len();
        let mut values = Vec::with_capacity(count * length);
        for row in rows {
            assert_eq!(row.len(), length, "an input of another shape than {shape:?}");
            values.extend_from_slice(row);
        }
        Self { values, shape: [&[count], shape].concat() }
    }
}

/// Texts as token numbers, padded to the longest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    /// Token numbers `[batch, length]`, text by text.
    pub ids: Vec<u32>,
    /// Which text of a pair each belongs to, 0 or 1.
    pub types: Vec<u8>,
    /// 1 for a token, 0 for padding.
    pub mask: Vec<u8>,
    /// Texts, and tokens of the longest.
    pub shape: [usize; 2],
}

impl TokenBatch {
    /// Nothing but padding, whose number is `pad`.
    pub fn new(batch: usize, length: usize, pad: u32) -> Self {
        let count = batch * length;
        Self {
            ids: vec![pad; count],
            types: vec![0; count],
            mask: vec![0; count],
            shape: [batch, length],
        }
    }

    /// Puts a text's tokens into a row, from its beginning.
    ///
    /// # Panics
    ///
    /// If there is no such row, or the text is longer than it.
    pub fn put(&mut self, row: usize, ids: &[u32], types: &[u8]) {
        let [_, length] = self.shape;
        assert!(
            ids.len() <= length && ids.len() == types.len(),
            "{} tokens in a row of {length}",
            ids.len()
        );
        let from = row * length;
        self.ids[from..from + ids.len()].copy_from_slice(ids);
        self.types[from..from + ids.len()].copy_from_slice(types);
        self.mask[from..from + ids.len()].fill(1);
    }
}
