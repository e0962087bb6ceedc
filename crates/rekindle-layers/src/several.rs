//! Any number of backbones joined into one: a text, its characters, the place of its line.
//!
//! | stage | flow |
//! |---|---|
//! | `NAME.…`, those of each part in turn | each part's own flow; behind the last of them its embedding |
//! | `NAME.hidden`, of each part that has such a layer | the embeddings |
//! | `join` | all embeddings side by side, `[batch, sum]`, or a hidden layer of them |
//! | `layers.0`, `layers.1`, …, one for each further hidden layer | `[batch, units]` |
//!
//! A part may read several inputs of an item, such as a sentence and its neighbors, with the same weights: their embeddings lie
//! side by side. Parts without stages (numbers as they are) are embedded from the beginning.

use burn::{
    module::ModuleDisplay,
    nn::{Linear, LinearConfig},
    prelude::*,
    tensor::activation::relu,
};

use crate::{Backbone, Rules, Stage, StageOutput};

mod flow;

pub use flow::{PartFlow, SeveralFlow};

/// The field of a [`Several`] that holds the parts, and of a part those of its network and its hidden layer.
const PARTS: &str = "parts";
const NETWORK: &str = "network";
const HIDDEN: &str = "hidden";
/// The field of a [`Several`] that holds the layers behind the join.
const LAYERS: &str = "layers";

/// Backbones whose embeddings are joined.
#[derive(Module, Debug)]
pub struct Several<B: Module + ModuleDisplay> {
    parts: Vec<Part<B>>,
    join: Option<Linear>,
    layers: Vec<Layer>,
    dropout: f64,
}

/// A hidden layer behind the join.
#[derive(Module, Debug)]
struct Layer {
    linear: Linear,
    /// Of a residual block the second layer, whose output is added to what went in (He et al. 2016, arXiv 1512.03385).
    add: Option<Linear>,
}

/// One of them.
#[derive(Module, Debug)]
struct Part<B: Module + ModuleDisplay> {
    network: B,
    hidden: Option<Linear>,
    #[module(skip)]
    name: String,
    per_item: usize,
}

/// What a [`Several`] is made of besides its parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JoinConfig {
    /// Units of hidden layers with a ReLU, the first over all embeddings; none where they lie side by side.
    pub hidden: Vec<usize>,
    /// Whether all hidden layers but the first are residual blocks of two layers, `x + W₂ relu(W₁ x)`.
    pub residual: bool,
    /// The share that is dropped before the head in training.
    pub dropout: f64,
}

/// A part before it is joined.
#[derive(Debug, Clone)]
pub struct PartConfig<B> {
    /// What it is called in plans.
    pub name: String,
    /// Its backbone.
    pub network: B,
    /// Units of a hidden layer with a ReLU over its embedding.
    pub hidden: Option<usize>,
    /// How many inputs an item has for it, one behind the other in its batch.
    pub per_item: usize,
}

impl<B: Backbone> Several<B> {
    /// Joins backbones; hidden layers are untrained.
    ///
    /// # Panics
    ///
    /// If there is no part, one reads no input, or residual blocks are of different widths.
    pub fn new(parts: Vec<PartConfig<B>>, join: JoinConfig, device: &Device) -> Self {
        assert!(!parts.is_empty(), "there is nothing to join");
        let parts: Vec<Part<B>> = parts
            .into_iter()
            .map(|PartConfig { name, network, hidden, per_item }| {
                assert!(per_item > 0, "{name} reads no input");
                let width = network.embed_dim() * per_item;
                let layer = |units| LinearConfig::new(width, units).init(device);
                Part { network, hidden: hidden.map(layer), name, per_item }
            })
            .collect();
        let JoinConfig { hidden, residual, dropout } = join;
        let layer = |from, units| LinearConfig::new(from, units).init(device);
        let width = parts.iter().map(Part::width).sum();
        let first = hidden.first().map(|&units| layer(width, units));
        let further = hidden.windows(2).map(|pair| {
            assert!(!residual || pair[0] == pair[1], "residual blocks of one width");
            let add = residual.then(|| layer(pair[1], pair[1]));
            Layer { linear: layer(pair[0], pair[1]), add }
        });
        Self { layers: further.collect(), parts, join: first, dropout }
    }

    /// The backbones of the parts, by their names.
    pub fn networks(&self) -> impl Iterator<Item = (&str, &B)> {
        self.parts.iter().map(|part| (part.name.as_str(), &part.network))
    }

    /// Channels behind the join.
    fn joined(&self) -> usize {
        match &self.join {
            Some(join) => join.weight.lazy_shape()[1],
            None => self.parts.iter().map(Part::width).sum(),
        }
    }

    /// What a stage is of.
    fn place(&self, stage: usize) -> Place {
        let mut left = stage;
        for (part, Part { network, .. }) in self.parts.iter().enumerate() {
            match left.checked_sub(network.depth()) {
                None => return Place::Network { part, stage: left },
                Some(rest) => left = rest,
            }
        }
        let hidden = self.parts.iter().enumerate().filter(|(_, part)| part.hidden.is_some());
        let hidden = hidden.map(|(part, _)| Place::Hidden { part });
        let layers = (0..self.layers.len()).map(|layer| Place::Layer { layer });
        let mut behind = hidden.chain([Place::Join]).chain(layers);
        behind.nth(left).unwrap_or_else(|| panic!("there is no stage {stage}"))
    }
}

impl Layer {
    /// `[batch, units]` of as many or others.
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let inside = relu(self.linear.forward(x.clone()));
        match &self.add {
            Some(add) => x + add.forward(inside),
            None => inside,
        }
    }

    fn units(&self) -> usize {
        self.linear.weight.lazy_shape()[1]
    }
}

/// What a stage is of: a part's backbone, its hidden layer, the join, or a layer behind it.
enum Place {
    Network { part: usize, stage: usize },
    Hidden { part: usize },
    Join,
    Layer { layer: usize },
}

impl<B: Backbone> Part<B> {
    fn width(&self) -> usize {
        match &self.hidden {
            Some(hidden) => hidden.weight.lazy_shape()[1],
            None => self.network.embed_dim() * self.per_item,
        }
    }

    /// `[batch, embed_dim * per_item]` of what the network's stages made.
    fn pool(&self, x: B::Flow) -> Tensor<2> {
        let x = self.network.pool(x);
        let [inputs, channels] = x.dims();
        x.reshape([inputs / self.per_item, channels * self.per_item])
    }

    fn enter(&self, input: B::Input) -> PartFlow<B::Flow> {
        let x = self.network.enter(input);
        match self.network.depth() {
            0 => PartFlow::Embedded(self.pool(x)),
            _ => PartFlow::Own(x),
        }
    }

    fn stage(&self, index: usize, x: PartFlow<B::Flow>) -> PartFlow<B::Flow> {
        let PartFlow::Own(x) = x else { panic!("{} is embedded already", self.name) };
        let x = self.network.stage(index, x);
        match index + 1 == self.network.depth() {
            true => PartFlow::Embedded(self.pool(x)),
            false => PartFlow::Own(x),
        }
    }

    fn hidden(&self, x: PartFlow<B::Flow>) -> PartFlow<B::Flow> {
        let x = x.embedding();
        PartFlow::Embedded(match &self.hidden {
            Some(hidden) => relu(hidden.forward(x)),
            None => x,
        })
    }

    fn stages(&self, place: usize) -> Vec<Stage> {
        let under = |stage: Stage| Stage {
            name: format!("{}.{}", self.name, stage.name),
            modules: stage
                .modules
                .iter()
                .map(|module| format!("{PARTS}.{place}.{NETWORK}.{module}"))
                .collect(),
            ..stage
        };
        let mut stages: Vec<Stage> = self.network.stages().into_iter().map(under).collect();
        // The last of them ends in the embedding.
        if let Some(last) = stages.last_mut() {
            last.channels = self.network.embed_dim() * self.per_item;
            last.output = StageOutput::Vector;
        }
        stages
    }

    fn hidden_stage(&self, place: usize) -> Option<Stage> {
        let module = format!("{PARTS}.{place}.{HIDDEN}");
        let stage = || Stage::vector(&format!("{}.{HIDDEN}", self.name), &[&module], self.width());
        self.hidden.as_ref().map(|_| stage())
    }
}

impl<B: Backbone> Backbone for Several<B> {
    type Input = Vec<B::Input>;
    type Flow = SeveralFlow<B::Flow>;

    fn stages(&self) -> Vec<Stage> {
        let parts = || self.parts.iter().enumerate();
        let mut stages: Vec<Stage> = parts().flat_map(|(place, part)| part.stages(place)).collect();
        stages.extend(parts().filter_map(|(place, part)| part.hidden_stage(place)));
        stages.push(Stage::vector("join", &["join"], self.joined()));
        stages.extend(self.layers.iter().enumerate().map(|(place, layer)| {
            let module = format!("{LAYERS}.{place}");
            Stage::vector(&module, &[&module], layer.units())
        }));
        stages
    }

    fn depth(&self) -> usize {
        let of = |part: &Part<B>| part.network.depth() + usize::from(part.hidden.is_some());
        self.parts.iter().map(of).sum::<usize>() + 1 + self.layers.len()
    }

    fn enter(&self, input: Vec<B::Input>) -> Self::Flow {
        assert_eq!(input.len(), self.parts.len(), "an input for each part");
        let parts = self.parts.iter().zip(input);
        SeveralFlow::Parts { parts: parts.map(|(part, x)| part.enter(x)).collect(), last: 0 }
    }

    fn stage(&self, index: usize, x: Self::Flow) -> Self::Flow {
        let (mut parts, place) = match (x, self.place(index)) {
            (SeveralFlow::Joined(x), Place::Layer { layer }) => {
                return SeveralFlow::Joined(self.layers[layer].forward(x));
            }
            (SeveralFlow::Parts { parts, .. }, place) => (parts, place),
            (SeveralFlow::Joined(_), _) => panic!("parts are joined already"),
        };
        let last = match place {
            Place::Network { part, stage } => {
                let x = parts.remove(part);
                parts.insert(part, self.parts[part].stage(stage, x));
                part
            }
            Place::Hidden { part } => {
                let x = parts.remove(part);
                parts.insert(part, self.parts[part].hidden(x));
                part
            }
            Place::Join => {
                let all = Tensor::cat(parts.into_iter().map(PartFlow::embedding).collect(), 1);
                return SeveralFlow::Joined(match &self.join {
                    Some(join) => relu(join.forward(all)),
                    None => all,
                });
            }
            Place::Layer { layer } => panic!("layer {layer} comes after the join"),
        };
        SeveralFlow::Parts { parts, last }
    }

    fn pool(&self, x: Self::Flow) -> Tensor<2> {
        let SeveralFlow::Joined(embeddings) = x else { panic!("the stages end in the join") };
        embeddings
    }

    fn rules(&self) -> Rules {
        let parts = self.parts.iter().enumerate();
        let rules = parts.map(|(place, part)| {
            part.network.rules().within(&format!("{PARTS}.{place}.{NETWORK}"))
        });
        rules.fold(Rules::default(), Rules::and)
    }

    fn embed_dim(&self) -> usize {
        self.layers.last().map_or_else(|| self.joined(), Layer::units)
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }

    /// Where each part is embedded already, or its own flow is of the same shapes.
    fn same_shapes(&self, cut: usize) -> bool {
        let mut first = 0;
        self.parts.iter().all(|part| {
            let own = cut.saturating_sub(first).min(part.network.depth());
            first += part.network.depth();
            // Several inputs of an item are rows of their own until they are embedded.
            own == part.network.depth() || part.per_item == 1 && part.network.same_shapes(own)
        })
    }
}

#[cfg(test)]
mod tests;
