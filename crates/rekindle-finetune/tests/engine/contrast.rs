//! Contrastive phases: embeddings are learned from pairs, the head is solved for after each epoch.

use std::{
    num::NonZeroUsize,
    ops::ControlFlow,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use burn::prelude::*;
use rekindle_data::{Dense, Prepare as _, Sample, View};
use rekindle_finetune::{
    Effort, EngineConfig, EngineFolder, EngineOutcome, FromPrepared as _, Items, Start, Trainee,
    TransferTask, finetune, probe,
};
use rekindle_train::{Classify, EmaConfig, EmaWarmUp, Regress, Train, TrainEvent, Validation};
use rekindle_transfer::{Classifier, Frozen, Phase, PhaseLoss, Plan};

use crate::support::{Chain, Noise, Whole, bits, noise, seeded};

const CLASSES: usize = 3;
const TRAIN: usize = 12;
const EPOCHS: usize = 4;
const PASSES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

type Network = Classifier<Chain>;
type Config = EngineConfig<Chain, Whole, Classify>;

fn network() -> Network {
    let device = Device::flex().autodiff();
    seeded(Classifier::new(Chain::new(3, &device), CLASSES, &device), 1)
}

fn items<T: TransferTask>(
    count: usize,
    seed: u64,
    label: impl Fn(usize) -> T::Label,
) -> Items<Whole, T> {
    let pictures = noise(count, seed).into_iter().enumerate();
    let samples = pictures.map(|(place, item)| Sample::new(item, label(place))).collect();
    Items { samples, prepare: Whole }
}

/// Its first stage is frozen, and what that gives is kept.
fn config<T: TransferTask>(task: T) -> EngineConfig<Chain, Whole, T> {
    let phase = Phase {
        loss: PhaseLoss::Contrastive,
        passes: PASSES,
        ..Phase::new("pairs", EPOCHS, Frozen::Stages(1), 0.01)
    };
    EngineConfig { batch: TRAIN, ..EngineConfig::new(Plan::new(vec![phase]), task) }
}

/// The run, and what each epoch but that before the first left: the network that is measured.
fn run(
    network: &Network,
    config: Config,
    (folder, epochs): (Option<&EngineFolder<'_, Whole, Classify>>, usize),
) -> (EngineOutcome<Chain, Classify>, Vec<Network>) {
    let mut measured = Vec::new();
    let mut listen = |event: &TrainEvent<'_, Network>| {
        let TrainEvent::Epoch { state, model } = event else {
            return Ok(ControlFlow::Continue(()));
        };
        measured.extend((state.epochs() > 0).then(|| (*model).clone()));
        Ok(if state.epochs() == epochs {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    };
    let data = (
        Train(items(TRAIN, 1, |place| place % CLASSES)),
        Validation(items(TRAIN, 2, |place| place % CLASSES)),
    );
    let trainee = Trainee::new(network.clone(), "chain");
    let outcome = finetune(trainee, data, config, folder, &mut [&mut listen]).unwrap();
    (outcome, measured)
}

/// What the network makes of the training pictures.
fn embeddings(network: &Network) -> Vec<f32> {
    let inputs = noise(TRAIN, 1);
    let inputs = inputs.iter().map(|item: &Noise| Whole.prepare(item, View::PLAIN, None).unwrap());
    let batch = Whole.collate(&mut inputs.collect()).unwrap();
    network
        .valid()
        .embed(Tensor::from_prepared(batch, &Device::flex()))
        .into_data()
        .iter()
        .collect()
}

/// The mean cosine of two embeddings of a label, and of different ones.
fn likeness(embeddings: &[f32]) -> [f64; 2] {
    let rows: Vec<&[f32]> = embeddings.chunks_exact(embeddings.len() / TRAIN).collect();
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let pairs = (0..TRAIN).flat_map(|one| (0..one).map(move |other| (one, other)));
    let mean = |alike: bool| {
        let pairs = pairs.clone().filter(|(a, b)| (a % CLASSES == b % CLASSES) == alike);
        let cosines = pairs.map(|(a, b)| {
            dot(rows[a], rows[b]) / (dot(rows[a], rows[a]) * dot(rows[b], rows[b])).sqrt()
        });
        let cosines: Vec<f64> = cosines.collect();
        cosines.iter().sum::<f64>() / cosines.len() as f64
    };
    [mean(true), mean(false)]
}

#[test]
fn embeddings_of_a_label_come_near_and_the_head_is_solved_for_on_them() {
    let average = EmaConfig { decay: 0.5, warm_up: EmaWarmUp::default() };
    // A batch of four has two labels, too.
    for (ema, batch) in [(None, TRAIN), (Some(average), TRAIN), (None, 4)] {
        let network = network();
        let config = Config { ema, batch, ..config(Classify::new(CLASSES)) };
        let (outcome, measured) = run(&network, config, (None, usize::MAX));
        assert_eq!((measured.len(), outcome.history.len()), (EPOCHS, EPOCHS + 1));
        let labels: Vec<usize> = (0..TRAIN).map(|place| place % CLASSES).collect();
        for (network, epoch) in measured.iter().zip(&outcome.history[1..]) {
            let features = embeddings(network);
            let solved = Classify::new(CLASSES).solve(&features, &labels, Effort::Any).unwrap();
            let found = bits(network);
            let expected =
                |values: &[f32]| -> Vec<u32> { values.iter().map(|x| x.to_bits()).collect() };
            assert_eq!(found["head.weight"], expected(&solved.weight), "{ema:?}");
            assert_eq!(found["head.bias"], expected(&solved.bias), "{ema:?}");
            if ema.is_none() {
                // What it reached on what it was trained on is told of the head that was solved for.
                let rows = solved.outputs(&features);
                let right = rows
                    .chunks_exact(CLASSES)
                    .zip(&labels)
                    .filter(|(row, label)| row.iter().all(|value| *value <= row[**label]));
                let accuracy = right.count() as f64 / TRAIN as f64;
                assert_eq!(epoch.train.get("accuracy"), Some(accuracy));
            }
        }
        let [near, far] = likeness(&embeddings(measured.last().unwrap()));
        let [near_before, far_before] = likeness(&embeddings(&network));
        assert!(
            near - far > near_before - far_before + 0.1,
            "{batch}: {near} {far}, before {near_before} {far_before}"
        );
        let losses: Vec<f64> =
            outcome.history[1..].iter().map(|epoch| epoch.train.get("loss").unwrap()).collect();
        assert!(losses.last() < losses.first(), "{losses:?}");
        if ema.is_some() {
            // An average rounds what does not move.
            continue;
        }
        // What is frozen stays as it is.
        let (before, after) = (bits(&network), bits(measured.last().unwrap()));
        for (path, values) in &before {
            let frozen =
                path.contains("conv.0.") || path.contains("bn.0.") || path.contains("running_");
            assert_eq!(frozen, after[path] == *values, "{path}");
        }
    }
}

#[test]
fn a_contrastive_phase_goes_on_to_the_same_bits() {
    let files = tempfile::tempdir().unwrap();
    fn folder(path: &Path, start: Start) -> EngineFolder<'_, Whole, Classify> {
        EngineFolder { start, interval: Duration::ZERO, ..EngineFolder::new(path) }
    }
    let network = network();
    let (whole, parts) = (files.path().join("whole"), files.path().join("parts"));
    let mut ask = config(Classify::new(CLASSES));
    // A head that is solved for is gone on from.
    ask.plan.phases.push(Phase::new("all", 2, Frozen::Nothing, 0.01));
    let (expected, _) =
        run(&network, ask.clone(), (Some(&folder(&whole, Start::Fresh)), usize::MAX));
    run(&network, ask.clone(), (Some(&folder(&parts, Start::Fresh)), 1));
    run(&network, ask.clone(), (Some(&folder(&parts, Start::Resume)), 3));
    run(&network, ask.clone(), (Some(&folder(&parts, Start::Resume)), EPOCHS));
    let (found, _) = run(&network, ask, (Some(&folder(&parts, Start::Resume)), usize::MAX));
    let course = |outcome: &EngineOutcome<Chain, Classify>| -> Vec<_> {
        outcome.history.iter().map(|it| (it.number, it.train.clone(), it.val.clone())).collect()
    };
    assert_eq!(course(&found), course(&expected));
    assert_eq!(bits(&found.network), bits(&expected.network));
}

#[test]
fn where_nothing_gets_better_the_solved_head_of_the_weights_as_they_came_is_kept() {
    let network = network();
    let mut ask = config(Classify::new(CLASSES));
    // Nothing that validation could see.
    ask.plan.phases[0].lr = 1e-30;
    let (outcome, _) = run(&network, ask, (None, usize::MAX));
    assert_eq!((outcome.best.number, outcome.history.len()), (0, EPOCHS + 1));
}

#[test]
fn tensorboard_shows_the_first_batch_as_the_phase_has_it() {
    let files = tempfile::tempdir().unwrap();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&shown);
    let sheet = move |batch: &Dense, _: usize| {
        kept.lock().unwrap().push(batch.clone());
        Ok([b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0".as_slice(), &[0; 3]]
            .concat())
    };
    let folder = EngineFolder { sheet: Some(Arc::new(sheet)), ..EngineFolder::new(files.path()) };
    let ask = Config { batch: 4, ..config(Classify::new(CLASSES)) };
    run(&network(), ask, (Some(&folder), 1));
    let pictures = noise(TRAIN, 1).into_iter().map(|noise| noise.looks(View::PLAIN).0);
    let pictures: Vec<Vec<f32>> = pictures.collect();
    let shown = shown.lock().unwrap();
    let label = |row: &[f32]| pictures.iter().position(|it| it == row).unwrap() % CLASSES;
    let labels: Vec<usize> = shown[0].values.chunks_exact(pictures[0].len()).map(label).collect();
    assert_eq!(labels.len(), 4);
    assert!(
        labels[0] == labels[1] && labels[2] == labels[3] && labels[1] != labels[2],
        "{labels:?}"
    );
}

fn refused<T: TransferTask>(
    config: EngineConfig<Chain, Whole, T>,
    train: Items<Whole, T>,
    outputs: usize,
) -> String {
    let device = Device::flex().autodiff();
    let network = Classifier::new(Chain::new(2, &device), outputs, &device);
    let val = Items { samples: train.samples.clone(), prepare: Whole };
    let data = (Train(train), Validation(val));
    finetune(Trainee::new(network, "chain"), data, config, None, &mut []).unwrap_err().to_string()
}

#[test]
fn what_has_no_pairs_is_refused_before_the_first_step() {
    let classify = || Classify::new(CLASSES);
    let labelled = || items(TRAIN, 1, |place| place % CLASSES);
    let mut weighed = labelled();
    weighed.samples[0].weight = 2.0;
    let mut even = labelled();
    even.samples.iter_mut().for_each(|sample| sample.weight = 2.0);
    let taught = Config { teacher: Some(Arc::new(network().valid())), ..config(classify()) };
    for (found, expected) in [
        (
            refused(config(Regress::new(1)), items(TRAIN, 1, |place| vec![place as f32]), 1),
            "no label that embeddings could have in common",
        ),
        (
            refused(config(classify()), items(TRAIN, 1, |_| 1), CLASSES),
            "all samples have one label",
        ),
        (refused(config(classify()), weighed, CLASSES), "samples weigh differently"),
        (refused(taught, labelled(), CLASSES), "a teacher has answers, and no pairs"),
        (
            // Weights that are all the same are none.
            refused(Config { batch: 1, ..config(classify()) }, even, CLASSES),
            "a batch of one has no pairs",
        ),
    ] {
        assert!(found.contains("phase `pairs`: its loss is contrastive"), "{found}");
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn a_probe_takes_weights_that_are_all_the_same() {
    let probed = |weights: [f32; 2]| {
        let weighed = |seed| {
            let mut items = items::<Classify>(TRAIN, seed, |place| place % CLASSES);
            let samples = items.samples.iter_mut().zip(weights.into_iter().cycle());
            samples.for_each(|(sample, weight)| sample.weight = weight);
            items
        };
        let data = (Train(weighed(1)), Validation(weighed(2)));
        let trainee = Trainee::new(network(), "chain");
        let found = probe(trainee, data, config(Classify::new(CLASSES)), None);
        found.map(|found| bits(&found.network)).map_err(|error| error.to_string())
    };
    assert_eq!(probed([2.0; 2]).unwrap(), probed([1.0; 2]).unwrap());
    assert!(probed([2.0, 1.0]).unwrap_err().contains("they weigh differently"));
}
