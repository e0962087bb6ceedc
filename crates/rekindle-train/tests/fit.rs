//! A small network learns a small task, the same way every time.

use std::{convert::Infallible, ops::ControlFlow};

use burn::{
    nn::{Linear, LinearConfig},
    prelude::*,
};
use rekindle_train::{
    Batch, Epoch, Error, Event, Fit, OptimizerConfig, Rates, Schedule, Source, Task,
};

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    head: Linear,
}

impl Net {
    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.head.forward(burn::tensor::activation::tanh(self.hidden.forward(input)))
    }
}

/// Exclusive or, which no linear model can learn.
struct Xor;

impl Source<Tensor<2>> for Xor {
    type Error = Infallible;

    fn batches(&self) -> usize {
        1
    }

    fn epoch(
        &self,
        _epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<Batch<Tensor<2>>, Infallible>> {
        let input = Tensor::from_floats([[0., 0.], [0., 1.], [1., 0.], [1., 1.]], device);
        std::iter::once(Ok(Batch { input, labels: vec![0, 1, 1, 0] }))
    }
}

fn run(optimizer: OptimizerConfig, lr: f64, stop_after: usize) -> Result<Vec<Epoch>, Error> {
    let device = Device::flex().autodiff();
    device.seed(3);
    let net = Net {
        hidden: LinearConfig::new(2, 16).init(&device),
        head: LinearConfig::new(16, 2).init(&device),
    };
    let schedule = Schedule::Cosine { warmup: 0.1 };
    let fit = Fit { first_epoch: 0, epochs: 120, rates: Rates::uniform(lr), schedule };
    let mut epochs = Vec::new();
    let task = Task { forward: Net::forward, train: &Xor, val: &Xor };
    fit.run(net, &mut optimizer.init(), &task, |event| {
        if let Event::Epoch { epoch, .. } = event {
            epochs.push(*epoch);
        }
        let stop = epochs.len() >= stop_after;
        Ok(if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(epochs)
}

// One test, because the random numbers of a device are shared by all threads.
#[test]
fn both_optimizers_learn_and_repeat_themselves() {
    let adamw = OptimizerConfig::AdamW { weight_decay: 0.01 };
    let sgd = OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 };
    for (optimizer, lr) in [(adamw, 0.05), (sgd, 0.3)] {
        let epochs = run(optimizer, lr, usize::MAX).unwrap();
        assert_eq!(epochs.len(), 120);
        let last = epochs[119];
        assert_eq!((last.number, last.val.examples, last.val.accuracy), (120, 4, 1.0));
        assert!(last.val.loss < 0.1, "{last:?}");
        let again = run(optimizer, lr, usize::MAX).unwrap();
        assert!(epochs.iter().zip(&again).all(|(a, b)| (a.train, a.val) == (b.train, b.val)));
    }
    assert_eq!(run(adamw, 0.05, 7).unwrap().len(), 7);
    let error = run(sgd, f64::INFINITY, usize::MAX).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 2, step: 1, .. }), "{error}");
}
