//! Recurrent layers with PyTorch's names: several on top of each other, in one direction or both.

use burn::{
    module::{Initializer, Param},
    nn::{Dropout, DropoutConfig},
    prelude::*,
};
use rekindle_kernels::{
    PackedWeights, Recur, Recurrence, RecurrentState, RecurrentWeights, recurrent,
};

/// What a [`Recurrent`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecurrentConfig {
    /// LSTM, GRU or plain.
    pub kind: Recurrence,
    /// Numbers of a step.
    pub input_size: usize,
    /// Units in each direction.
    pub hidden_size: usize,
    /// Layers on top of each other.
    pub num_layers: usize,
    /// Whether each layer is read from both ends.
    pub bidirectional: bool,
    /// Dropped between layers.
    pub dropout: f64,
}

/// LSTM, GRU or plain recurrent layers.
///
/// In checkpoints its tensors are `weight_ih_l0`, `bias_hh_l1_reverse` and so on, as PyTorch names them.
#[derive(Module, Debug)]
pub struct Recurrent {
    layers: Vec<RecurrentLayer>,
    dropout: Dropout,
    #[module(skip)]
    kind: Recurrence,
}

/// A layer, in one direction or both.
#[derive(Module, Debug)]
struct RecurrentLayer {
    forward: RecurrentCell,
    reverse: Option<RecurrentCell>,
}

/// One direction of a layer; [`NameStack`](crate::NameStack) knows it by this name.
#[derive(Module, Debug)]
struct RecurrentCell {
    /// `[gates units, in]`
    weight_ih: Param<Tensor<2>>,
    /// `[gates units, units]`
    weight_hh: Param<Tensor<2>>,
    /// `[gates units]`
    bias_ih: Param<Tensor<1>>,
    /// `[gates units]`
    bias_hh: Param<Tensor<1>>,
    #[module(skip)]
    packed: PackedWeights,
}

impl RecurrentConfig {
    /// One layer in one direction.
    pub fn new(kind: Recurrence, input_size: usize, hidden_size: usize) -> Self {
        Self { kind, input_size, hidden_size, num_layers: 1, bidirectional: false, dropout: 0.0 }
    }

    /// With untrained parameters, uniform in ±1/√units as PyTorch draws them.
    pub fn init(&self, device: &Device) -> Recurrent {
        let Self { kind, input_size, hidden_size, num_layers, bidirectional, dropout } = *self;
        let bound = 1.0 / (hidden_size.max(1) as f64).sqrt();
        let uniform = Initializer::Uniform { min: -bound, max: bound };
        let rows = kind.gates() * hidden_size;
        let cell = |width: usize| RecurrentCell {
            weight_ih: uniform.init([rows, width], device),
            weight_hh: uniform.init([rows, hidden_size], device),
            bias_ih: uniform.init([rows], device),
            bias_hh: uniform.init([rows], device),
            packed: PackedWeights::default(),
        };
        let directions = if bidirectional { 2 } else { 1 };
        let layer = |index: usize| {
            let width = if index == 0 { input_size } else { hidden_size * directions };
            RecurrentLayer { forward: cell(width), reverse: bidirectional.then(|| cell(width)) }
        };
        let layers = (0..num_layers).map(layer).collect();
        Recurrent { layers, dropout: DropoutConfig::new(dropout).init(), kind }
    }
}

impl Recurrent {
    /// Outputs `[batch, time, directions x units]` of `[batch, time, in]`, and the states at the end,
    /// `[layers x directions, batch, units]`.
    ///
    /// `mask` `[batch, time]` has 1 for a step and 0 for padding, which is behind: it changes no state, and its outputs are 0.
    /// Without `initial` states begin with zeros.
    ///
    /// # Panics
    ///
    /// If the shapes do not fit each other.
    pub fn forward(
        &self,
        x: Tensor<3>,
        mask: Option<&Tensor<2>>,
        initial: Option<RecurrentState>,
    ) -> (Tensor<3>, RecurrentState) {
        let mut x = x;
        let (mut hidden, mut cell) = (Vec::new(), Vec::new());
        let mut begun = 0;
        for (index, layer) in self.layers.iter().enumerate() {
            if index > 0 {
                x = self.dropout.forward(x);
            }
            let directions = layer.directions().count();
            let of = |all: &Tensor<3>| all.clone().narrow(0, begun, directions);
            let own = initial.as_ref().map(|states| RecurrentState {
                hidden: of(&states.hidden),
                cell: of(&states.cell),
            });
            let (y, states) = self.forward_layer(index, x, mask, own);
            x = y;
            begun += directions;
            hidden.push(states.hidden);
            cell.push(states.cell);
        }
        (x, RecurrentState { hidden: Tensor::cat(hidden, 0), cell: Tensor::cat(cell, 0) })
    }

    /// The same of one layer, whose states are `[directions, batch, units]`, without dropout.
    ///
    /// # Panics
    ///
    /// If there is no layer `index`, or the shapes do not fit each other.
    pub fn forward_layer(
        &self,
        index: usize,
        x: Tensor<3>,
        mask: Option<&Tensor<2>>,
        initial: Option<RecurrentState>,
    ) -> (Tensor<3>, RecurrentState) {
        let cells = self.layers[index].directions().map(RecurrentCell::weights);
        recurrent(x, Recur { kind: self.kind, directions: cells.collect(), state: initial, mask })
    }

    /// How many layers are on top of each other.
    pub fn num_layers(&self) -> usize {
        self.layers.len()
    }

    /// The checkpoint's names of the tensors of a layer, those of both directions.
    pub fn names(layer: usize) -> Vec<String> {
        let tensors = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"];
        let both = ["", "_reverse"];
        both.iter()
            .flat_map(|end| tensors.iter().map(move |name| format!("{name}_l{layer}{end}")))
            .collect()
    }
}

impl RecurrentLayer {
    /// Each direction.
    fn directions(&self) -> impl Iterator<Item = &RecurrentCell> {
        std::iter::once(&self.forward).chain(self.reverse.iter())
    }
}

impl RecurrentCell {
    fn weights(&self) -> RecurrentWeights {
        RecurrentWeights {
            weight_ih: self.weight_ih.val(),
            weight_hh: self.weight_hh.val(),
            bias_ih: self.bias_ih.val(),
            bias_hh: self.bias_hh.val(),
            packed: self.packed.clone(),
        }
    }
}
