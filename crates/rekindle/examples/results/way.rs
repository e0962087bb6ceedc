//! One way to learn a data set, of whatever kind.

use anyhow::{Context, Result};
use rekindle::{
    FinetuneConfig, ItemOf, Learned, Modality, ModelOf, ModelTask, SetOf, TestViews,
    data::SampleOf,
    finetune, measure, probe,
    train::{Task as _, Test, Train, Validation},
    transfer::{Plan, Recipe},
};

/// A recipe, for how long, at which rate, by which metric.
pub(crate) struct Way<'a> {
    pub(crate) name: &'a str,
    pub(crate) epochs: usize,
    pub(crate) rate: f64,
    /// Where the recipe has one.
    pub(crate) decay: f64,
    pub(crate) metric: &'a str,
    pub(crate) seed: u64,
}

/// A model that was learned.
#[derive(Debug)]
pub(crate) struct Fitted<M: Modality, T: ModelTask> {
    /// The model that is kept.
    pub(crate) model: ModelOf<M>,
    pub(crate) task: T,
    /// The metric on what is validated on: of the model that is kept, and after the last epoch.
    #[allow(dead_code, reason = "not all examples ask")]
    pub(crate) reached: [f64; 2],
}

impl Way<'_> {
    /// What it reaches with all else as it is usual: of the model that is kept, after the last epoch, and of the model that is kept
    /// on the test items, NaN where there are none.
    #[allow(dead_code, reason = "not all examples ask for so much")]
    pub(crate) fn train<M: Modality, L: Learned>(
        &self,
        model: ModelOf<M>,
        data: &SetOf<M, L>,
    ) -> Result<[f64; 3]> {
        let Fitted { model, task, reached: [kept, last] } =
            self.fit(model, data, L::Task::of(&data.names))?;
        Ok([kept, last, self.test(&model, &task, &data.test)?])
    }

    /// Learns a task with all else as it is usual, and keeps the epoch that does best on what is validated on.
    pub(crate) fn fit<M: Modality, L: Learned>(
        &self,
        model: ModelOf<M>,
        data: &SetOf<M, L>,
        task: L::Task,
    ) -> Result<Fitted<M, L::Task>> {
        let parts = (Train(data.train.clone()), Validation(data.val.clone()));
        let value = |values: &rekindle::metrics::Values| {
            values.get(self.metric).with_context(|| format!("no {} was measured", self.metric))
        };
        let Recipe::Train(plan) =
            Recipe::named(self.name, self.epochs, self.rate)?.with_decay(self.decay)
        else {
            let mut config = FinetuneConfig::<L::Task, M>::of(Plan::new(Vec::new()), task);
            config.engine.seed = self.seed;
            let found = probe(model, parts, &config, None)?;
            let reached = [value(&found.task.values(&found.predictions))?; 2];
            return Ok(Fitted { model: found.model, task: found.task, reached });
        };
        // What begins from nothing is trained, whatever the recipe would freeze.
        let plan = model.modality().suited(model.network(), plan);
        let scratch = self.name == "scratch";
        let mut config = FinetuneConfig::<L::Task, M>::of(plan, task);
        config.engine.views = FinetuneConfig::<L::Task, M>::usual_views(&config.engine.plan);
        config.engine.seed = self.seed;
        if scratch {
            config = config.from_nothing();
        }
        config.inputs = M::usual(L::KIND);
        let outcome = finetune(model, parts, &config, None, &mut [])?;
        let last = outcome.history.last().context("no epoch was trained")?;
        let reached = [value(&outcome.best.val)?, value(&last.val)?];
        Ok(Fitted { model: outcome.model, task: outcome.task, reached })
    }

    #[allow(dead_code, reason = "of what is trained and tested at once")]
    fn test<M: Modality, T: ModelTask>(
        &self,
        model: &ModelOf<M>,
        task: &T,
        samples: &[SampleOf<T::Label, ItemOf<M>>],
    ) -> Result<f64> {
        if samples.is_empty() {
            return Ok(f64::NAN);
        }
        let scores = measure(model, task, Test(samples.to_vec()), 32, TestViews::One)?;
        task.values(&scores).get(self.metric).context("the metric is of no test")
    }
}
