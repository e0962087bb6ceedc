//! Golden files: what the reference library computed.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::error::Error;

/// What a reference computed, by the kind of what computed it: `timm/` and `paper/` networks of pictures, `hf/` encoders of
/// texts, `net/` those that begin from nothing, `torch/` layers.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one lives at a time")]
pub enum Reference {
    /// A network of pictures: timm's, or what `tests/reference/golden.py` writes down from a paper.
    Picture(Golden),
    /// An encoder of texts: transformers', or one of PyTorch's layers.
    Text(TextGolden),
    /// A layer: PyTorch's.
    Layer(LayerGolden),
}

/// What transformers, or layers of PyTorch, computed for a small encoder with filled weights.
#[derive(Debug, Clone, Deserialize)]
pub struct TextGolden {
    /// Library and family, such as `hf/bert` or `net/lstm`.
    pub model: String,
    /// The encoder's `config.json`.
    pub config: serde_json::Value,
    /// Texts.
    pub batch: usize,
    /// Tokens of the longest.
    pub length: usize,
    /// How many fewer each of the others has than the one before.
    pub shorter: usize,
    /// Classes of the head.
    pub num_classes: usize,
    /// The reference's own error in float32, relative to the largest embedding.
    pub float32_error: f64,
    /// The state dict: name, shape, and `f32` or `i64`.
    pub tensors: Vec<(String, Vec<usize>, String)>,
    /// Vectors of all tokens, those of padding 0.
    pub hidden: Digest,
    /// What they make of each text: of `hf/` their mean.
    pub embedding: Digest,
    /// A step of training.
    pub train: TextTrain,
}

/// A step of training a linear classifier on the embeddings, and all below.
#[derive(Debug, Clone, Deserialize)]
pub struct TextTrain {
    /// The label of each text.
    pub targets: Vec<i64>,
    /// Mean cross-entropy.
    pub loss: f64,
    /// The gradient of every parameter that has one.
    pub gradients: BTreeMap<String, Digest>,
}

/// What PyTorch computed for a layer with filled weights.
#[derive(Debug, Clone, Deserialize)]
pub struct LayerGolden {
    /// Library and layer, such as `torch/lstm`.
    pub model: String,
    /// Shape of the filled input.
    pub input_shape: [usize; 3],
    /// Steps of each row; what is behind is padding.
    pub lengths: Vec<usize>,
    /// PyTorch's arguments.
    pub config: serde_json::Value,
    /// The state dict: name, shape, and `f32`.
    pub tensors: Vec<(String, Vec<usize>, String)>,
    /// What the layer gives.
    pub output: Digest,
    /// A recurrent layer's last outputs.
    pub hidden: Option<Digest>,
    /// An LSTM's cells at the end.
    pub cell: Option<Digest>,
    /// The mean of the outputs, each times a filled number.
    pub loss: f64,
    /// The gradients of every parameter and of the input.
    pub gradients: BTreeMap<String, Digest>,
    /// The reference's own error in float32, relative to the largest output.
    pub float32_error: f64,
}

/// What the reference computed for a network of pictures with filled weights.
#[derive(Debug, Clone, Deserialize)]
pub struct Golden {
    /// Library and name, such as `timm/resnet50`.
    pub model: String,
    /// Classes of the head.
    pub num_classes: usize,
    /// Shape of the filled input.
    pub input_shape: [usize; 4],
    /// Height and width of the pictures that the network was built for, if they are others.
    #[serde(default)]
    pub built_for: Option<[usize; 2]>,
    /// Learned parameters.
    pub parameters: usize,
    /// Scale of the filled running variances.
    pub running_var_scale: f64,
    /// The reference's own error in float32, relative to the largest logit.
    pub float32_error: f64,
    /// The state dict: name, shape, and `f32` or `i64`.
    pub tensors: Vec<(String, Vec<usize>, String)>,
    /// The last feature map in evaluation, where the reference has one.
    pub features: Option<Digest>,
    /// The logits in evaluation; every value is listed.
    pub logits: Digest,
    /// A step of training.
    pub train: Train,
}

/// A step of training with the statistics of the batch, without dropout or stochastic depth.
#[derive(Debug, Clone, Deserialize)]
pub struct Train {
    /// The label of each picture.
    pub targets: Vec<i64>,
    /// Mean cross-entropy.
    pub loss: f64,
    /// The gradient of every parameter.
    pub gradients: BTreeMap<String, Digest>,
    /// The running statistics after the step.
    pub running: BTreeMap<String, Digest>,
}

/// A tensor, in short.
#[derive(Debug, Clone, Deserialize)]
pub struct Digest {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Square root of the sum of squares.
    pub l2: f64,
    /// Row-major indices of the probes.
    pub at: Vec<usize>,
    /// Values at the probes.
    pub value: Vec<f64>,
}

impl Reference {
    /// Reads a golden file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is not one, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Named {
            model: String,
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let wrong = |source| Error::Parse { path: path.to_owned(), source };
        let Named { model } = serde_json::from_str(&text).map_err(wrong)?;
        let found = match model.split_once('/').map(|(library, _)| library) {
            Some("timm" | "paper") => Self::Picture(serde_json::from_str(&text).map_err(wrong)?),
            Some("hf" | "net") => Self::Text(serde_json::from_str(&text).map_err(wrong)?),
            Some("torch") => Self::Layer(serde_json::from_str(&text).map_err(wrong)?),
            _ => return Err(Error::Library { path: path.to_owned(), model }),
        };
        match found.contradiction() {
            Some(reason) => Err(Error::Inconsistent { path: path.to_owned(), reason }),
            None => Ok(found),
        }
    }

    /// Library and name.
    pub fn model(&self) -> &str {
        match self {
            Self::Picture(golden) => &golden.model,
            Self::Text(golden) => &golden.model,
            Self::Layer(golden) => &golden.model,
        }
    }

    /// What does not fit.
    fn contradiction(&self) -> Option<String> {
        let (digests, gradients, targets) = match self {
            Self::Picture(golden) => {
                let mut digests: Vec<&Digest> =
                    golden.features.iter().chain([&golden.logits]).collect();
                digests.extend(golden.train.running.values());
                let [batch, ..] = golden.input_shape;
                (
                    digests,
                    &golden.train.gradients,
                    Some((&golden.train.targets, batch, golden.num_classes)),
                )
            }
            Self::Text(golden) => {
                let targets = (&golden.train.targets, golden.batch, golden.num_classes);
                (vec![&golden.hidden, &golden.embedding], &golden.train.gradients, Some(targets))
            }
            Self::Layer(golden) => {
                let digests =
                    [&golden.output].into_iter().chain(&golden.hidden).chain(&golden.cell);
                (digests.collect(), &golden.gradients, None)
            }
        };
        for digest in digests.into_iter().chain(gradients.values()) {
            let count: usize = digest.shape.iter().product();
            if digest.at.len() != digest.value.len() || digest.at.iter().any(|&at| at >= count) {
                return Some(format!("a digest of shape {:?} has bad probes", digest.shape));
            }
        }
        let (targets, batch, classes) = targets?;
        let known = 0..classes as i64;
        if targets.len() != batch || targets.iter().any(|target| !known.contains(target)) {
            return Some(format!("targets {targets:?} do not fit"));
        }
        None
    }
}

/// Largest error in evaluation, relative to the largest value.
pub(super) fn tolerance(float32_error: f64) -> f64 {
    f64::max(1e-4, 10.0 * float32_error)
}

impl Golden {
    /// Reads a golden file of a network of pictures.
    ///
    /// # Errors
    ///
    /// Those of [`Reference::read`], and [`Error::Library`] where it is of something else.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match Reference::read(path)? {
            Reference::Picture(golden) => Ok(golden),
            other => Err(Error::Library { path: path.to_owned(), model: other.model().to_owned() }),
        }
    }

    /// The architecture's name without the library's.
    pub fn architecture(&self) -> &str {
        self.model.split_once('/').map_or(&self.model, |(_, name)| name)
    }

    /// Largest error that logits and features may have, relative to their largest value.
    pub fn tolerance(&self) -> f64 {
        tolerance(self.float32_error)
    }
}
