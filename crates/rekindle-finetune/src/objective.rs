//! What a phase makes less: the loss of its task, or of embeddings, where the head is solved for after each epoch.
//!
//! Of embeddings: Tunstall et al. 2022, <https://arxiv.org/abs/2209.11055>; of all pairs of a batch, as Khosla et al. 2020,
//! <https://arxiv.org/abs/2004.11362>.

use burn::prelude::*;
use rekindle_data::Prepare;
use rekindle_layers::Backbone;
use rekindle_metrics::Values;
use rekindle_train::{BatchTarget, Failure, Learn, Objective, Settled, contrastive};
use rekindle_transfer::{Classifier, PhaseLoss};

use crate::{
    DataLoader, Effort, Error, FromPrepared, Partial, TransferTask, config::Forward, start::solved,
};

/// What the steps of a phase make less, and what is measured.
pub(crate) struct PhaseObjective<'a, B: Backbone, P: Prepare, T: TransferTask> {
    pub(crate) learn: Learn<T, Forward<B>>,
    pub(crate) loss: PhaseLoss,
    /// The training examples, for which a head may have to be solved.
    pub(crate) feed: &'a DataLoader<B, P, T>,
}

impl<B, P, T> Objective<Classifier<B>, Partial<B>> for PhaseObjective<'_, B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    type Target = BatchTarget<T::Label>;
    type Scores = T::Scores;

    fn outputs(&self, network: &Classifier<B>, input: Partial<B>) -> Tensor<2> {
        self.learn.outputs(network, input)
    }

    fn loss(&self, outputs: Tensor<2>, target: &Self::Target) -> Tensor<1> {
        self.learn.task.loss(outputs, target)
    }

    /// Of embeddings, the outputs are what the head says of them while they move away from it; it learns nothing.
    fn step(
        &self,
        network: &Classifier<B>,
        input: Partial<B>,
        target: &Self::Target,
    ) -> (Tensor<2>, Tensor<1>) {
        if self.loss == PhaseLoss::Task {
            return self.learn.step(network, input, target);
        }
        let embeddings = Partial::embeddings(network, input);
        let labels = &target.labels;
        let alike = |one: usize, other: usize| {
            // Whether they can be is checked before the first step.
            T::are_alike(&labels[one], &labels[other]).unwrap_or_default()
        };
        let loss = contrastive(embeddings.clone(), alike);
        (network.classify(embeddings.detach()), loss)
    }

    fn scores(&self) -> T::Scores {
        self.learn.task.scores()
    }

    fn score(&self, scores: &mut T::Scores, outputs: &[f32], target: &Self::Target) {
        self.learn.task.score(scores, outputs, &target.labels);
    }

    fn values(&self, scores: &T::Scores) -> Values {
        self.learn.task.values(scores)
    }

    fn settle(&self, network: Classifier<B>) -> Result<Settled<Classifier<B>, T::Scores>, Failure> {
        if self.loss == PhaseLoss::Task {
            return Ok((network, None));
        }
        let found = solved(&network, self.feed, &self.learn.task, Effort::Any)?;
        let (head, answers) = found.ok_or_else(|| Error::Settings(vec![NO_HEAD.to_owned()]))?;
        Ok((network.with_head(head.weight, head.bias), Some(answers)))
    }
}

const NO_HEAD: &str = "plan: this task has no head that can be solved for, which a contrastive phase asks for; leave the phase out";
