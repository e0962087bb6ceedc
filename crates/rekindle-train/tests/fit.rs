//! A small network learns a small task, the same way every time, and goes on where it was left.

use std::{
    convert::Infallible,
    ops::ControlFlow,
    sync::{Mutex, PoisonError},
};

use burn::{
    nn::{Linear, LinearConfig},
    prelude::*,
};
use rekindle_train::{
    BatchSource, BatchTarget, Classify, End, Error, Fit, FitConfig, LOSS, Learn, OptimizerConfig,
    Rates, SavedState, Schedule, State, TensorBatch, Train, TrainEvent, Validation,
};

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    head: Linear,
}

impl Net {
    fn new(device: &Device) -> Self {
        Self {
            hidden: LinearConfig::new(2, 16).init(device),
            head: LinearConfig::new(16, 2).init(device),
        }
    }

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        self.head.forward(burn::tensor::activation::tanh(self.hidden.forward(input)))
    }
}

/// Exclusive or, which no linear model can learn.
struct Xor;

impl BatchSource<Tensor<2>, BatchTarget> for Xor {
    type Error = Infallible;

    fn batches(&self) -> usize {
        2
    }

    fn epoch(
        &self,
        _epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<TensorBatch<Tensor<2>, BatchTarget>, Infallible>> {
        let first = Tensor::from_floats([[0., 0.], [0., 1.], [1., 0.]], device);
        let second = Tensor::from_floats([[1., 1.]], device);
        let batch = |input, labels: &[usize], indices: &[usize]| TensorBatch {
            input,
            target: BatchTarget::new(labels.to_vec()),
            indices: indices.to_vec(),
        };
        [Ok(batch(first, &[0, 1, 1], &[0, 1, 2])), Ok(batch(second, &[0], &[3]))].into_iter()
    }
}

const ADAMW: OptimizerConfig = OptimizerConfig::AdamW { weight_decay: 0.01 };
const SGD: OptimizerConfig = OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 };

fn objective() -> Learn<Classify, fn(&Net, Tensor<2>) -> Tensor<2>> {
    Learn { task: Classify::new(2), forward: Net::forward }
}

fn fit(lr: f64, epochs: usize) -> Fit {
    Fit {
        phase: "all".to_owned(),
        epochs,
        rates: Rates::uniform(lr),
        schedule: Schedule::Cosine { warmup: 0.1 },
        settings: FitConfig::default(),
    }
}

fn run(fit: &Fit, state: State<Net>, stop_after: usize) -> Result<(State<Net>, End), Error> {
    let mut stop = |event: &TrainEvent<'_, Net>| {
        Ok(match event {
            TrainEvent::Epoch { state, .. } if state.history.len() >= stop_after => {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        })
    };
    fit.run(state, &objective(), (&Train(Xor), &Validation(Xor)), &mut [&mut stop])
}

fn fresh(optimizer: OptimizerConfig) -> State<Net> {
    let device = Device::flex().autodiff();
    device.seed(3);
    State::new(Net::new(&device), &optimizer)
}

fn bits(net: &Net) -> Vec<u32> {
    let weights = [net.hidden.weight.val(), net.head.weight.val()];
    weights
        .iter()
        .flat_map(|w| w.to_data().iter::<f32>().map(f32::to_bits).collect::<Vec<_>>())
        .collect()
}

/// The random numbers of a device are shared by all threads.
static RANDOM: Mutex<()> = Mutex::new(());

#[test]
fn training_learns_repeats_itself_and_goes_on_where_it_was_left() {
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    for (optimizer, lr) in [(ADAMW, 0.05), (SGD, 0.2)] {
        let fit = fit(lr, 120);
        let (whole, end) = run(&fit, fresh(optimizer), usize::MAX).unwrap();
        assert_eq!((end, whole.history.len()), (End::Complete, 120));
        let last = &whole.history[119];
        assert_eq!((last.number, last.val.get("accuracy")), (120, Some(1.0)));
        assert!(last.val.get(LOSS).unwrap() < 0.1, "{last:?}");

        let (again, _) = run(&fit, fresh(optimizer), usize::MAX).unwrap();
        assert_eq!(bits(&whole.model), bits(&again.model));

        // Broken off, saved, and gone on with in another model.
        let (half, end) = run(&fit, fresh(optimizer), 47).unwrap();
        assert_eq!((end, half.history.len()), (End::Broken, 47));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("last.state");
        half.save(&path, "a note").unwrap();
        let saved = SavedState::read(&path).unwrap().unwrap();
        assert_eq!(saved.note, "a note");
        let restored =
            saved.restore(Net::new(&Device::flex().autodiff()), &optimizer, None).unwrap();
        assert_eq!(bits(&restored.model), bits(&half.model));
        let (rest, end) = run(&fit, restored, usize::MAX).unwrap();
        assert_eq!(end, End::Complete);
        assert_eq!(bits(&rest.model), bits(&whole.model));
        let without_time = |state: &State<Net>| {
            let mut history = state.history.clone();
            history.iter_mut().for_each(|epoch| (epoch.seconds, epoch.waiting) = (0.0, 0.0));
            history
        };
        assert!(without_time(&rest) == without_time(&whole));
    }

    // A loss that is NaN names the examples.
    let error = run(&fit(f64::INFINITY, 3), fresh(SGD), usize::MAX).unwrap_err();
    let Error::Diverged { epoch: 1, step: 2, examples, .. } = &error else { panic!("{error}") };
    assert_eq!(examples, &[3]);
}

#[test]
fn a_state_is_whole_or_refused() {
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.state");
    assert!(SavedState::read(&path).unwrap().is_none());
    let device = Device::flex().autodiff();
    State::new(Net::new(&device), &ADAMW).save(&path, "").unwrap();
    let good = std::fs::read(&path).unwrap();
    for end in 0..good.len() {
        std::fs::write(&path, &good[..end]).unwrap();
        assert!(SavedState::read(&path).is_err(), "cut at {end}");
    }
    for place in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[place] ^= 4;
        std::fs::write(&path, &bad).unwrap();
        assert!(SavedState::read(&path).is_err(), "flipped at {place}");
    }
    // Far more than a state takes, of which nothing is on the disk; and what has no end.
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = SavedState::read(&path).unwrap_err().to_string();
    assert!(error.contains("1099511627776 bytes, more than the limit of 17179869184"), "{error}");
    #[cfg(unix)]
    {
        let endless = folder.path().join("endless.state");
        std::os::unix::fs::symlink("/dev/zero", &endless).unwrap();
        let error = SavedState::read(&endless).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("no regular file"), "{cause}");
    }
    std::fs::write(&path, &good).unwrap();
    let other = LinearConfig::new(3, 3).init(&device);
    let error = SavedState::read(&path).unwrap().unwrap().restore(other, &ADAMW, None).unwrap_err();
    assert!(error.to_string().contains("another model"), "{error}");
}
