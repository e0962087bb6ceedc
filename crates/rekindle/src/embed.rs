//! From items to embeddings: vectors that are near each other where the items are alike to the network.
//!
//! | of | vector |
//! |---|---|
//! | the network | what its head reads: `[embed_dim]` |
//! | a stage | the mean of its output over space or tokens: `[channels]`, which is the former of the last stage in most families |

use burn::prelude::*;
use rekindle_finetune::digest;
use rekindle_layers::Backbone;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    Error, ModelOf,
    modality::{InputOf, ItemOf, Modality},
    predict::Predictor,
};

/// What made embeddings. Those of the same maker can be compared, others cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maker {
    /// The network's architecture.
    pub architecture: String,
    /// The stage whose output was averaged; none where they are what the head reads.
    #[serde(default)]
    pub stage: Option<String>,
    /// The SHA-256 of what the config says of the input, in hexadecimal.
    pub config: String,
    /// The SHA-256 of the backbone's weights, in hexadecimal.
    pub weights: String,
}

impl Maker {
    /// In what another differs, as a sentence about this one; none where the embeddings of both can be compared.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let of = |stage: &Option<String>| match stage {
            Some(stage) => format!("stage `{stage}`"),
            None => "the whole network".to_owned(),
        };
        if self.architecture != other.architecture {
            return Some(format!(
                "they are of `{}`, not `{}`",
                self.architecture, other.architecture
            ));
        }
        if self.stage != other.stage {
            return Some(format!("they are of {}, not {}", of(&self.stage), of(&other.stage)));
        }
        if self.weights != other.weights {
            return Some(format!("they are of other weights of `{}`", self.architecture));
        }
        (self.config != other.config).then(|| "their items were prepared in another way".to_owned())
    }
}

impl<M: Modality> ModelOf<M> {
    /// The embedding of each item, as the head reads it.
    ///
    /// The model is made ready at the first call, and stays so. All items go through the network at once; a long list is
    /// better cut into parts of a few dozen, which changes no number.
    ///
    /// # Errors
    ///
    /// If an item cannot be read, or brought to the network's input.
    pub fn embed(
        &self,
        items: impl IntoIterator<Item = impl Into<ItemOf<M>>>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        self.embed_with(items, None)
    }

    /// The same of a stage's output, averaged over space or tokens: what earlier stages see is less of things and more of textures.
    ///
    /// # Errors
    ///
    /// Those of [`ModelOf::embed`], and [`Error::UnknownStage`].
    pub fn embed_stage(
        &self,
        items: impl IntoIterator<Item = impl Into<ItemOf<M>>>,
        stage: &str,
    ) -> Result<Vec<Vec<f32>>, Error> {
        self.embed_with(items, Some(stage))
    }

    /// The one or the other.
    pub(crate) fn embed_with(
        &self,
        items: impl IntoIterator<Item = impl Into<ItemOf<M>>>,
        stage: Option<&str>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let cut = stage.map(|stage| self.cut_after(stage)).transpose()?;
        self.predictor()?.embed(items.into_iter().map(Into::into), cut)
    }

    /// How many numbers an embedding has, of a stage or of the network.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownStage`].
    pub fn embed_dim(&self, stage: Option<&str>) -> Result<usize, Error> {
        let backbone = self.network().backbone();
        match stage {
            None => Ok(backbone.embed_dim()),
            Some(stage) => {
                let cut = self.cut_after(stage)?;
                Ok(backbone.stages()[cut - 1].channels)
            }
        }
    }

    /// What makes the embeddings of a stage, or of the network. All weights are hashed for it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownStage`].
    pub fn maker(&self, stage: Option<&str>) -> Result<Maker, Error> {
        if let Some(stage) = stage {
            self.cut_after(stage)?;
        }
        let network = self.predictor()?.network();
        let config = M::identity(self.modality(), self.config());
        Ok(Maker {
            architecture: self.config().architecture.clone(),
            stage: stage.map(str::to_owned),
            config: format!("{:x}", Sha256::digest(config.as_bytes())),
            weights: digest(network.backbone(), |_| true),
        })
    }

    /// How many stages there are up to this one.
    pub(crate) fn cut_after(&self, stage: &str) -> Result<usize, Error> {
        let stages = self.network().backbone().stages();
        let place = stages.iter().position(|known| known.name == stage);
        place.map(|place| place + 1).ok_or_else(|| Error::UnknownStage {
            asked: stage.to_owned(),
            known: stages.into_iter().map(|stage| stage.name).collect(),
        })
    }
}

impl<M: Modality> Predictor<M> {
    /// A vector an item: of the output of the first `cut` stages, or of the network.
    fn embed(
        &self,
        items: impl Iterator<Item = ItemOf<M>>,
        cut: Option<usize>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        Ok(self.inputs(items)?.map_or_else(Vec::new, |inputs| self.rows(inputs, cut)))
    }

    /// The same of what the network reads already.
    pub(crate) fn rows(&self, inputs: InputOf<M>, cut: Option<usize>) -> Vec<Vec<f32>> {
        let found: Tensor<2> = match cut {
            None => self.network().embed(inputs),
            Some(cut) => M::mean(self.network().prefix(cut, inputs)),
        };
        let [_, dim] = found.dims();
        let values: Vec<f32> = found.into_data().iter::<f32>().collect();
        values.chunks_exact(dim.max(1)).map(<[f32]>::to_vec).collect()
    }
}
