//! Golden files: what the reference library computed.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::error::Error;

/// Whose networks have our names: timm's, and what `tests/reference/golden.py` writes down from papers.
const LIBRARIES: [&str; 2] = ["timm/", "paper/"];

/// What the reference computed for a model with filled weights.
#[derive(Debug, Clone, Deserialize)]
pub struct Golden {
    /// Library and name, such as `timm/resnet50`.
    pub model: String,
    /// Classes of the head.
    pub num_classes: usize,
    /// Shape of the filled input.
    pub input_shape: [usize; 4],
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

impl Golden {
    /// Reads a golden file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is not one, or contradicts itself.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let golden: Self = serde_json::from_str(&text)
            .map_err(|source| Error::Parse { path: path.to_owned(), source })?;
        let inconsistent = |reason| Err(Error::Inconsistent { path: path.to_owned(), reason });
        let digests = golden.features.iter().chain([&golden.logits]);
        let digests = digests.chain(golden.train.gradients.values());
        for digest in digests.chain(golden.train.running.values()) {
            let count: usize = digest.shape.iter().product();
            if digest.at.len() != digest.value.len() || digest.at.iter().any(|&at| at >= count) {
                return inconsistent(format!(
                    "a digest of shape {:?} has bad probes",
                    digest.shape
                ));
            }
        }
        let [batch, ..] = golden.input_shape;
        let classes = 0..golden.num_classes as i64;
        if golden.train.targets.len() != batch
            || golden.train.targets.iter().any(|target| !classes.contains(target))
        {
            return inconsistent(format!("targets {:?} do not fit", golden.train.targets));
        }
        if !LIBRARIES.iter().any(|library| golden.model.starts_with(library)) {
            return Err(Error::Library { path: path.to_owned(), model: golden.model });
        }
        Ok(golden)
    }

    /// The architecture's name without the library's.
    pub fn architecture(&self) -> &str {
        self.model.split_once('/').map_or(&self.model, |(_, name)| name)
    }

    /// Largest error that logits and features may have, relative to their largest value.
    pub fn tolerance(&self) -> f64 {
        f64::max(1e-4, 10.0 * self.float32_error)
    }
}
