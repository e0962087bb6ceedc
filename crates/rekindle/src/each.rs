//! Items by themselves: one that cannot be read leaves the others their answers, and they still go through the network at once.

use crate::{
    Error, ModelOf, Prediction,
    modality::{ItemOf, Modality},
};

impl<M: Modality> ModelOf<M> {
    /// What the model answers to each item by itself: one that cannot be read is an error in its place, and the others are answered.
    ///
    /// # Errors
    ///
    /// If the network cannot be made ready.
    pub fn predict_each(
        &self,
        items: impl IntoIterator<Item = impl Into<ItemOf<M>>>,
    ) -> Result<Vec<Result<Prediction, Error>>, Error> {
        let predictor = self.predictor()?;
        let answer = |inputs| predictor.answers(predictor.network().forward(inputs));
        predictor.each(items.into_iter().map(Into::into), answer)
    }

    /// The embedding of each item by itself: one that cannot be read is an error in its place, and the others have theirs.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownStage`], or if the network cannot be made ready.
    pub fn embed_each(
        &self,
        items: impl IntoIterator<Item = impl Into<ItemOf<M>>>,
        stage: Option<&str>,
    ) -> Result<Vec<Result<Vec<f32>, Error>>, Error> {
        let cut = stage.map(|stage| self.cut_after(stage)).transpose()?;
        let predictor = self.predictor()?;
        predictor.each(items.into_iter().map(Into::into), |inputs| predictor.rows(inputs, cut))
    }
}
