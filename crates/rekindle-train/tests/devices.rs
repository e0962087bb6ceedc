//! Several devices together learn what one learns from as many batches a step.

use std::{
    collections::HashSet,
    convert::Infallible,
    ops::ControlFlow,
    sync::{Arc, Barrier, Mutex, PoisonError},
    thread::{self, ThreadId},
};

use burn::{
    nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig},
    prelude::*,
    tensor::activation::tanh,
};
use rekindle_train::{
    BatchSource, BatchTarget, Classify, Ema, EmaConfig, EmaWarmUp, End, Epoch, Error, Fit,
    FitConfig, Learn, Objective, OptimizerConfig, Plateau, Rates, SavedState, Schedule, State,
    TensorBatch, Train, TrainEvent, Validation,
};

#[derive(Module, Debug)]
struct Net {
    hidden: Linear,
    norm: Option<BatchNorm>,
    head: Linear,
}

impl Net {
    fn new(norm: Option<BatchNormConfig>) -> Self {
        let device = Device::flex().autodiff();
        device.seed(3);
        Self {
            hidden: LinearConfig::new(2, 16).init(&device),
            norm: norm.map(|norm| norm.init(&device)),
            head: LinearConfig::new(16, 2).init(&device),
        }
    }

    fn forward(&self, input: Tensor<2>) -> Tensor<2> {
        let hidden = self.hidden.forward(input);
        self.head.forward(tanh(match &self.norm {
            Some(norm) => norm.forward(hidden),
            None => hidden,
        }))
    }
}

/// Exclusive or of the signs of points in a square, in batches of these sizes.
struct Points(&'static [usize]);

impl BatchSource<Tensor<2>, BatchTarget> for Points {
    type Error = Infallible;

    fn batches(&self) -> usize {
        self.0.len()
    }

    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<TensorBatch<Tensor<2>, BatchTarget>, Infallible>> {
        let total: usize = self.0.iter().sum();
        let mut first = 0;
        self.0.iter().map(move |&size| {
            let indices: Vec<usize> =
                (first..first + size).map(|i| (i * 3 + epoch) % total).collect();
            first += size;
            let at = |i: usize| [(i as f32 * 1.7).sin(), (i as f32 * 2.3).cos()];
            let points: Vec<f32> = indices.iter().flat_map(|&i| at(i)).collect();
            let label = |&i: &usize| usize::from((at(i)[0] > 0.0) != (at(i)[1] > 0.0));
            Ok(TensorBatch {
                input: Tensor::<1>::from_floats(points.as_slice(), device).reshape([size, 2]),
                target: BatchTarget::new(indices.iter().map(label).collect()),
                indices,
            })
        })
    }
}

/// Five batches: with two devices the last step has one, and that is small.
const UNEVEN: Points = Points(&[4, 4, 3, 4, 1]);

const ADAMW: OptimizerConfig = OptimizerConfig::AdamW { weight_decay: 0.01 };
const EMA: EmaConfig = EmaConfig { decay: 0.9, warm_up: EmaWarmUp::Ratio };

/// The random numbers of a device are shared by all threads.
static RANDOM: Mutex<()> = Mutex::new(());

/// The threads that trained.
type Threads = Arc<Mutex<HashSet<ThreadId>>>;

/// What is learned here, from a model and inputs to logits by `forward`.
fn classify<F: Fn(&Net, Tensor<2>) -> Tensor<2> + Clone>(forward: F) -> Learn<Classify, F> {
    Learn { task: Classify::new(2), forward }
}

fn noted(
    threads: &Threads,
) -> impl Objective<Net, Tensor<2>, Target = BatchTarget> + Clone + Send + use<> {
    let threads = Arc::clone(threads);
    classify(move |net: &Net, input: Tensor<2>| {
        if input.device().is_autodiff() {
            threads.lock().unwrap_or_else(PoisonError::into_inner).insert(thread::current().id());
        }
        net.forward(input)
    })
}

fn fit(epochs: usize, accumulate: usize) -> Fit {
    Fit {
        phase: "all".to_owned(),
        epochs,
        rates: Rates::uniform(0.03),
        schedule: Schedule::Cosine { warmup: 0.1 },
        settings: FitConfig {
            accumulate,
            clip: Some(0.3),
            plateau: Some(Plateau { patience: 1, factor: 0.5, ..Plateau::default() }),
            ..FitConfig::default()
        },
    }
}

fn fresh(norm: Option<BatchNormConfig>) -> State<Net> {
    let mut state = State::new(Net::new(norm), &ADAMW);
    state.ema = Some(Ema::new(&state.model, EMA));
    state
}

/// All of them are the same CPU: to the threads they are devices like any others.
fn cpus(count: usize) -> Vec<Device> {
    vec![Device::flex(); count]
}

fn bits(net: &Net) -> Vec<u32> {
    let weights = [net.hidden.weight.val(), net.head.weight.val()];
    weights
        .into_iter()
        .flat_map(|w| w.into_data().iter::<f32>().collect::<Vec<_>>())
        .map(f32::to_bits)
        .collect()
}

/// All that came out but the time that it took.
fn outcome(state: &State<Net>) -> (Vec<Epoch>, Vec<u32>, Option<Vec<u32>>) {
    let mut history = state.history.clone();
    history.iter_mut().for_each(|epoch| (epoch.seconds, epoch.waiting) = (0.0, 0.0));
    (history, bits(&state.model), state.ema.as_ref().map(|ema| bits(&ema.model())))
}

/// Notes every step's number, steps, examples so far, loss and factor.
type Steps = Vec<([usize; 3], [u64; 2])>;

fn note(
    steps: &mut Steps,
) -> impl FnMut(&TrainEvent<'_, Net>) -> Result<ControlFlow<()>, rekindle_train::Failure> {
    |event| {
        if let TrainEvent::Step { step, steps: all, loss, examples, factor, .. } = event {
            steps.push(([*step, *all, *examples], [loss.to_bits(), factor.to_bits()]));
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[test]
fn several_devices_learn_what_one_does_from_as_many_batches() {
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    for (data, devices, accumulate) in [
        (UNEVEN, 2, 1),
        (UNEVEN, 2, 2),
        (UNEVEN, 3, 1),
        (UNEVEN, 1, 1),
        (Points(&[4, 4]), 2, 1),
        (Points(&[3]), 2, 1),
    ] {
        let row = format!("{devices} devices, {accumulate} batches of {:?} each", data.0);
        let count = data.0.len().min(devices);
        let sources = (&Train(data), &Validation(UNEVEN));
        let [alone, together] = [Threads::default(), Threads::default()];
        let [mut expected, mut found] = [Steps::new(), Steps::new()];
        let one = fit(6, devices * accumulate);
        let (one, _) =
            one.run(fresh(None), &noted(&alone), sources, &mut [&mut note(&mut expected)]).unwrap();
        let (all, cpus, objective) = (fit(6, accumulate), cpus(devices), noted(&together));
        let (all, end) = all
            .run_on(&cpus, fresh(None), &objective, sources, &mut [&mut note(&mut found)])
            .unwrap();
        assert_eq!(end, End::Complete);
        assert_eq!(found, expected, "{row}");
        // To the bit: the same operations on the same batches, added up in the same order.
        assert!(outcome(&all) == outcome(&one), "{row}");
        assert_ne!(bits(&all.model), bits(&fresh(None).model), "{row}: nothing was learned");

        let [alone, together] = [alone, together].map(|threads| threads.lock().unwrap().clone());
        let here = thread::current().id();
        assert_eq!(alone, HashSet::from([here]));
        assert_eq!(together.len(), count, "{row}");
        assert!(!together.contains(&here), "{row}");
    }
}

/// Each forward pass waits for the other one: on one thread, or on two in turn, this would never end.
#[test]
fn devices_work_at_the_same_time() {
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    let both = Arc::new(Barrier::new(2));
    let meeting = classify(move |net: &Net, input: Tensor<2>| {
        if input.device().is_autodiff() {
            both.wait();
        }
        net.forward(input)
    });
    let data = (&Train(Points(&[4, 3])), &Validation(UNEVEN));
    let (state, _) = fit(2, 1).run_on(&cpus(2), fresh(None), &meeting, data, &mut []).unwrap();
    assert_eq!(state.history.len(), 2);
}

#[test]
fn a_run_goes_on_where_it_was_left() {
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    let objective = noted(&Threads::default());
    let data = (&Train(UNEVEN), &Validation(UNEVEN));
    let mut stop = |event: &TrainEvent<'_, Net>| {
        let over = matches!(event, TrainEvent::Epoch { state, .. } if state.history.len() == 3);
        Ok(if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let norm = BatchNormConfig::new(16);
    let (whole, _) =
        fit(7, 1).run_on(&cpus(2), fresh(Some(norm.clone())), &objective, data, &mut []).unwrap();
    let (half, end) = fit(7, 1)
        .run_on(&cpus(2), fresh(Some(norm.clone())), &objective, data, &mut [&mut stop])
        .unwrap();
    assert_eq!((end, half.history.len()), (End::Broken, 3));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.state");
    half.save(&path, "").unwrap();
    let saved = SavedState::read(&path).unwrap().unwrap();
    let restored = saved.restore(Net::new(Some(norm)), &ADAMW, Some(EMA)).unwrap();
    let (rest, end) = fit(7, 1).run_on(&cpus(2), restored, &objective, data, &mut []).unwrap();
    assert_eq!(end, End::Complete);
    assert!(outcome(&rest) == outcome(&whole));
}

#[test]
fn running_statistics_are_the_mean_of_what_each_device_saw() {
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    let norm = || Some(BatchNormConfig::new(16).with_momentum(0.25));
    let objective = noted(&Threads::default());
    let data = (&Train(UNEVEN), &Validation(UNEVEN));
    let (one, _) = fit(4, 2).run(fresh(norm()), &objective, data, &mut []).unwrap();
    let (two, _) = fit(4, 1).run_on(&cpus(2), fresh(norm()), &objective, data, &mut []).unwrap();
    // Training goes by the statistics of batches, so that the weights are the same.
    assert_eq!(bits(&two.model), bits(&one.model));

    // With weights that stand still, statistics are known: `0.75 old + 0.25 new`, the mean of it over the batches of
    // a step. In the last step there is one batch.
    let statistics = |net: &Net| {
        let norm = net.norm.as_ref().unwrap();
        let both = [&norm.running_mean, &norm.running_var].map(|state| state.value_sync().inner());
        Tensor::cat(both.to_vec(), 0)
    };
    let device = Device::flex().autodiff();
    let net = fresh(norm()).model;
    let mut expected = statistics(&net);
    let batches: Vec<_> = UNEVEN.epoch(0, &device).map(|batch| batch.unwrap().input).collect();
    for step in batches.chunks(2) {
        let moved = step.iter().map(|input| {
            let net = fresh(norm()).model;
            let before = statistics(&net);
            net.forward(input.clone());
            (statistics(&net) - before * 0.75).unsqueeze::<2>()
        });
        let new = Tensor::cat(moved.collect(), 0).mean_dim(0).squeeze_dim::<1>(0);
        expected = expected * 0.75 + new;
    }
    let still = Fit { rates: Rates::uniform(0.0), ..fit(1, 1) };
    let (two, _) = still.run_on(&cpus(2), fresh(norm()), &objective, data, &mut []).unwrap();
    let difference = (statistics(&two.model) - expected).abs().max().into_scalar::<f32>();
    assert!(difference < 1e-6, "{difference}");
}

#[test]
fn what_goes_wrong_is_said() {
    let _alone = RANDOM.lock().unwrap_or_else(PoisonError::into_inner);
    let data = (&Train(UNEVEN), &Validation(UNEVEN));
    let error =
        fit(2, 1).run_on(&[], fresh(None), &noted(&Threads::default()), data, &mut []).unwrap_err();
    assert!(matches!(error, Error::NoDevice), "{error}");

    // The fourth batch of the first epoch goes to the second device.
    let bad = |input: &Tensor<2>| input.device().is_autodiff() && input.dims()[0] == 1;
    let uneven = Train(Points(&[4, 4, 4, 1, 4]));
    let data = (&uneven, &Validation(UNEVEN));
    let panics = classify(move |net: &Net, input: Tensor<2>| {
        assert!(!bad(&input), "a batch of one");
        net.forward(input)
    });
    let error = fit(2, 1).run_on(&cpus(2), fresh(None), &panics, data, &mut []).unwrap_err();
    let Error::Devices { failures } = &error else { panic!("{error}") };
    let [failure] = &failures[..] else { panic!("{error}") };
    assert!(failure.starts_with("device 1, ") && failure.ends_with(": a batch of one"), "{error}");

    let diverges = classify(move |net: &Net, input: Tensor<2>| {
        let factor = if bad(&input) { f32::NAN } else { 1.0 };
        net.forward(input) * factor
    });
    let error = fit(2, 1).run_on(&cpus(2), fresh(None), &diverges, data, &mut []).unwrap_err();
    let Error::Diverged { epoch: 1, step: 2, examples, .. } = &error else { panic!("{error}") };
    assert_eq!(examples, &[(12 * 3) % 17]);
}
