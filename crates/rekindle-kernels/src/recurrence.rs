//! Kinds of recurrent layers.
//!
//! | kind | gates, in PyTorch's order | a step |
//! |---|---|---|
//! | [`Lstm`](Recurrence::Lstm), Hochreiter & Schmidhuber 1997 | i f g o | `c = σ(f) c + σ(i) tanh(g)`, `h = σ(o) tanh(c)` |
//! | [`Gru`](Recurrence::Gru), Cho et al. 2014, <https://arxiv.org/abs/1406.1078> | r z n | `h = (1 - σ(z)) tanh(n + σ(r) (W h + b)) + σ(z) h` |
//! | [`Rnn`](Recurrence::Rnn), Elman 1990 | one | `h = tanh(x + W h + b)` |

/// A kind of recurrent layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurrence {
    /// Long short-term memory: a cell beside the state.
    Lstm,
    /// Gated recurrent unit; the reset gate is applied behind the product, as PyTorch does.
    Gru,
    /// A layer that is fed back.
    Rnn,
}

impl Recurrence {
    /// Parts of the weights, one a gate.
    pub fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
            Self::Rnn => 1,
        }
    }
}
