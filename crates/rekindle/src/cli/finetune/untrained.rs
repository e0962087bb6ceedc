//! Ways to use weights that train nothing: measured as they are, or with a head that is solved for.

use std::{process::ExitCode, time::Instant};

use rekindle::{
    FinetuneConfig, ModelOf, RunFolder, SetOf, TestViews, probe,
    train::{Train, Validation},
};

use super::{
    super::{
        answers::Answers,
        evaluate::Measuring,
        kind::{Beginning, Kind},
        output::{self, one_line},
        progress,
        run_folder::Held,
    },
    Arguments,
};

impl Arguments {
    /// Measures the weights on their own labels or numbers.
    pub(super) fn as_is<M: Kind>(
        &self,
        beginning: Beginning,
        data: M::Data,
    ) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let weights = beginning.opened(&self.start)?;
        let device = self.common.device.open()?;
        let name = self.start.model.as_deref();
        let (model, _) = ModelOf::<M>::open_file(name, &weights.file, &device)?;
        let measuring = Measuring {
            model: &model,
            data,
            part: None,
            batch: self.batch(),
            views: TestViews::One,
            json: self.common.json,
            start,
        };
        measuring.run()
    }

    /// Solves for the head instead of training it.
    pub(super) fn probe<M: Kind, L: Answers>(
        &self,
        model: ModelOf<M>,
        set: &SetOf<M, L>,
        config: &FinetuneConfig<L::Task, M>,
        held: &Held,
        baselines: &[(String, f64)],
    ) -> anyhow::Result<ExitCode> {
        self.begin_anew(held)?;
        let data = (Train(set.train.clone()), Validation(set.val.clone()));
        let probed = probe(model, data, config, Some(&RunFolder::new(&self.out)))?;
        let path = self.out.join("best.safetensors");
        // The state of an older run there would go on from another best model than its own.
        RunFolder::new(&self.out).remove_state()?;
        probed.model.save(&path, None)?;
        let val = L::found(&probed.task, &probed.predictions);
        let test = self.test(&probed.model, &probed.task, &set.test)?;
        let test = test.map(|scores| L::found(&probed.task, &scores));
        if self.common.json {
            let mut line = serde_json::json!({
                "strength": probed.strength,
                "weights": path.display().to_string(),
                "seconds": probed.seconds,
            });
            progress::add(&mut line, "best_val_", "val_interval", &val);
            progress::add_baselines(&mut line, baselines);
            match &test {
                Some(test) => progress::add(&mut line, "test_", "test_interval", test),
                // As it was before there were other tasks.
                None => line["test_accuracy"] = serde_json::Value::Null,
            }
            return output::json(&line).map(|()| ExitCode::SUCCESS);
        }
        say!(
            "probe of strength {}: val {}, saved as {}, {:.1} s",
            probed.strength,
            val.line(),
            one_line(path.display()),
            probed.seconds
        );
        if let Some(test) = test {
            say!("test {}, of {} {}", test.line(), test.examples, M::MANY);
        }
        Ok(ExitCode::SUCCESS)
    }
}
