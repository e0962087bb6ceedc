//! What a tokenizer makes of a text, and of many.

/// A text as token numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// The numbers, those that the tokenizer adds included.
    pub ids: Vec<u32>,
    /// Which text of a pair each belongs to, 0 or 1.
    pub types: Vec<u8>,
    /// Whether the text was longer and was cut.
    pub cut: bool,
}

impl Encoded {
    /// Cuts to the tokens that are kept.
    pub(crate) fn keep(&mut self, kept: &[bool]) {
        let mut of_ids = kept.iter();
        self.ids.retain(|_| of_ids.next().is_some_and(|keep| *keep));
        let mut of_types = kept.iter();
        self.types.retain(|_| of_types.next().is_some_and(|keep| *keep));
        self.cut = true;
    }
}

/// Which of the tokens are kept where there are to be so many, cut from the longer text of a pair first, as the crate does.
///
/// `seconds` says of each token whether it is of the second text.
pub(crate) fn shortened(most: usize, seconds: Vec<bool>) -> Vec<bool> {
    let second = seconds.iter().filter(|second| **second).count();
    // The crate reads no more of either text.
    let (first, second) = ((seconds.len() - second).min(most), second.min(most));
    let (short, long) = (first.min(second), first.max(second));
    let (short, long) = match short.saturating_add(short.max(most.saturating_sub(short))) {
        all if all > most => (most / 2, most / 2 + most % 2),
        _ => (short, long.min(most - short)),
    };
    let mut left = if first > second { [long, short] } else { [short, long] };
    let keep = seconds.into_iter().map(|second| {
        let left = &mut left[usize::from(second)];
        let keep = *left > 0;
        *left = left.saturating_sub(1);
        keep
    });
    keep.collect()
}

/// What a tokenizer makes of texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The texts.
    pub texts: usize,
    /// Their tokens as far as texts are read, those that it adds left out.
    pub tokens: usize,
    /// The tokens that stand for what it does not know.
    pub unknown: usize,
    /// Texts that are longer than it reads.
    pub cut: usize,
}

impl Coverage {
    /// The share of tokens that are unknown, 0 where there is none.
    #[must_use]
    pub fn unknown_share(&self) -> f64 {
        self.unknown as f64 / self.tokens.max(1) as f64
    }
}

/// `6.2% of 10,000 tokens are unknown, 3 of 200 texts are cut`, without separators of thousands
impl std::fmt::Display for Coverage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { texts, tokens, cut, .. } = self;
        let share = 100.0 * self.unknown_share();
        write!(
            formatter,
            "{share:.1}% of {tokens} tokens are unknown, {cut} of {texts} texts are cut"
        )
    }
}
