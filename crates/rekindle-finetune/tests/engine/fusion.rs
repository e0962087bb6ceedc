//! Two looks at a picture, each through a network of its own, fine-tuned as one.

use std::{ops::ControlFlow, path::Path, time::Duration};

use burn::{nn::LinearConfig, prelude::*};
use rekindle_data::{Prepare as _, Sample, View, Views};
use rekindle_finetune::{
    CacheConfig, CachePlace, EngineConfig, EngineFolder, EngineOutcome, FromPrepared as _,
    HeadStart, Items, Start, Trainee, finetune, probe,
};
use rekindle_layers::{Backbone, Flow, Fusion};
use rekindle_metrics::Values;
use rekindle_train::{Callback, Classify, Train, TrainEvent, Validation};
use rekindle_transfer::{BatchNormPolicy, Classifier, Frozen, Phase, Plan};

use crate::support::{Chain, Looks, MIDDLE, SIDE, bits, noise};

type Both = Fusion<Chain, Chain>;
type Network = Classifier<Both>;

const CLASSES: usize = 3;
/// Stages of the whole's network, of the middle's, and with the join.
const LEFT: usize = 2;
const RIGHT: usize = 2;
const DEPTH: usize = LEFT + RIGHT + 1;

fn network() -> Network {
    let device = Device::flex().autodiff();
    let (left, right) = (Chain::new(LEFT, &device), Chain::new(RIGHT, &device));
    let both = left.embed_dim() + right.embed_dim();
    let join = LinearConfig::new(both, 5).init(&device);
    let fusion = Fusion::new(["whole", "middle"], left, right).with_join(join);
    Classifier::new(fusion, CLASSES, &device)
}

/// Training and validation pictures.
type Data = (Train<Items<Looks, Classify>>, Validation<Items<Looks, Classify>>);

fn data(draws: bool) -> Data {
    let items = |count, seed| {
        let pictures = noise(count, seed).into_iter().enumerate();
        let samples = pictures.map(|(place, item)| Sample::new(item, place % CLASSES)).collect();
        Items { samples, prepare: Looks { draws } }
    };
    (Train(items(14, 1)), Validation(items(7, 2)))
}

fn config(frozen: usize, epochs: usize) -> EngineConfig<Both, Looks, Classify> {
    let phase = Phase {
        batch_norm: BatchNormPolicy::Updated,
        ..Phase::new("only", epochs, Frozen::Stages(frozen), 0.01)
    };
    EngineConfig {
        batch: 4,
        head: HeadStart::AsItIs,
        probe: false,
        ..EngineConfig::new(Plan::new(vec![phase]), Classify::new(CLASSES))
    }
}

fn run(
    network: &Network,
    data: Data,
    config: EngineConfig<Both, Looks, Classify>,
    folder: Option<&EngineFolder<'_, Looks, Classify>>,
    callbacks: &mut [&mut dyn Callback<Network>],
) -> EngineOutcome<Both, Classify> {
    let trainee = Trainee::new(network.clone(), "two chains");
    finetune(trainee, data, config, folder, callbacks).unwrap()
}

fn folder(path: &Path, start: Start) -> EngineFolder<'_, Looks, Classify> {
    EngineFolder { start, interval: Duration::ZERO, ..EngineFolder::new(path) }
}

/// What each epoch reached.
fn course(outcome: &EngineOutcome<Both, Classify>) -> Vec<(usize, Values, Values)> {
    let epochs = outcome.history.iter();
    epochs.map(|epoch| (epoch.number, epoch.train.clone(), epoch.val.clone())).collect()
}

#[test]
fn stages_are_those_of_the_parts_and_own_every_parameter_once() {
    let network = network();
    let stages = network.backbone().stages();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["whole.stage0", "whole.stage1", "middle.stage0", "middle.stage1", "join"]);
    assert_eq!(network.backbone().depth(), stages.len());
    let layout = network.layout();
    let mut owned = vec![0; DEPTH + 1];
    for parameter in &layout.parameters {
        let owners = layout.owners(&parameter.name);
        assert_eq!(owners.len(), 1, "{}: {owners:?}", parameter.name);
        owned[owners[0]] += 1;
    }
    assert!(owned.iter().all(|&count| count > 0), "{owned:?}");
    let stage = |name: &str| layout.stage(name);
    assert_eq!((stage("middle.stage1"), stage("stage1")), (Some(3), None));
}

#[test]
fn what_passes_through_every_cut_comes_back_from_rows() {
    let network = network().valid();
    let device = Device::flex();
    let prepare = Looks { draws: false };
    let inputs = noise(3, 5);
    let inputs = inputs.iter().map(|item| prepare.prepare(item, View::PLAIN, None).unwrap());
    let batch = prepare.collate(&mut inputs.collect()).unwrap();
    let input = <(Tensor<4>, Tensor<4>)>::from_prepared(batch, &device);
    let numbers = |outputs: Tensor<2>| outputs.into_data().iter::<f32>().collect::<Vec<_>>();
    let whole = numbers(network.forward(input.clone()));
    for cut in 0..=DEPTH {
        let flow = network.prefix(cut, input.clone());
        let shapes = flow.shapes();
        let tensors = if cut == DEPTH { 1 } else { 2 };
        assert_eq!(shapes.len(), tensors, "{cut}: {shapes:?}");
        // Until the middle's network begins, the middle is as it was read.
        if cut <= LEFT {
            assert_eq!(shapes[1], [3, MIDDLE, MIDDLE], "{cut}");
        }
        if cut == 0 {
            assert_eq!(shapes[0], [3, SIDE, SIDE]);
        }
        let width: usize = shapes.iter().map(|shape| shape.iter().product::<usize>()).sum();
        let rows = flow.into_rows();
        assert_eq!(rows.len(), 3 * width, "{cut}");
        let flow = || <Both as Backbone>::Flow::from_rows(rows.clone(), &shapes, &device);
        assert_eq!(flow().shapes(), shapes, "{cut}");
        assert_eq!(flow().into_rows(), rows, "{cut}");
        assert_eq!(numbers(network.forward_from(cut, flow())), whole, "{cut}");
        // A row is an item: the last by itself answers what it answered among the others.
        let last = rows[2 * width..].to_vec();
        let last = <Both as Backbone>::Flow::from_rows(last, &shapes, &device);
        let alone = numbers(network.forward_from(cut, last));
        for (one, other) in alone.iter().zip(&whole[2 * CLASSES..]) {
            assert!((one - other).abs() < 1e-5, "{cut}: {alone:?} {whole:?}");
        }
    }
}

#[test]
fn frozen_stages_do_not_move_and_the_others_do() {
    let network = network();
    let layout = network.layout();
    let before = bits(&network);
    for frozen in 0..=DEPTH {
        let mut after = Vec::new();
        let mut listen = |event: &TrainEvent<'_, Network>| {
            if let TrainEvent::Epoch { state, .. } = event {
                after.push(bits(&state.model));
            }
            Ok(ControlFlow::Continue(()))
        };
        run(&network, data(false), config(frozen, 1), None, &mut [&mut listen]);
        let [after] = after.as_slice() else { panic!("one epoch") };
        for parameter in &layout.parameters {
            let (stage, path) = (layout.owners(&parameter.name)[0], &parameter.path);
            // Statistics too: batch norms that train see their batches.
            let moved = before[path] != after[path];
            assert_eq!(moved, stage >= frozen, "{frozen} frozen stages: {path}");
        }
        // What was trained is a clone, whose statistics are not the network's.
        assert_eq!(bits(&network), before, "{frozen}");
    }
}

#[test]
fn features_that_are_kept_at_any_cut_change_no_loss() {
    let network = network();
    let files = tempfile::tempdir().unwrap();
    for draws in [false, true] {
        for cut in 1..=DEPTH {
            let row = format!("{cut} frozen stages, {}", if draws { "drawn" } else { "plain" });
            let place = |place| {
                let cache = CacheConfig { place, ..CacheConfig::default() };
                let views = Views::Cycled(2.try_into().unwrap());
                EngineConfig { cache, views, ..config(cut, 4) }
            };
            let off = run(&network, data(draws), place(CachePlace::Off), None, &mut []);
            assert!(off.cache[0].off.is_some(), "{row}");
            let memory = run(&network, data(draws), place(CachePlace::Memory), None, &mut []);
            assert_eq!((memory.cache[0].off, memory.cache[0].cut), (None, cut), "{row}");
            assert_eq!(course(&off), course(&memory), "{row}");

            // In a file, which the next run finds all in.
            let path = files.path().join(&row);
            let file = || {
                let folder = folder(&path, Start::Fresh);
                run(&network, data(draws), place(CachePlace::File), Some(&folder), &mut [])
            };
            let (first, second) = (file(), file());
            assert_eq!(course(&off), course(&first), "{row}");
            assert_eq!(course(&off), course(&second), "{row}");
            let items = 14 * if draws { 2 } else { 1 } + 7;
            let found = [&first, &second].map(|run| (run.cache[0].computed, run.cache[0].found));
            assert_eq!(found[0].0 + found[0].1, found[1].1, "{row}: {found:?}");
            assert!(found[0].0 >= items && found[1].0 == 0, "{row}: {found:?}");
        }
    }
}

#[test]
fn a_run_that_was_broken_off_ends_in_the_same_bits() {
    let network = network();
    let files = tempfile::tempdir().unwrap();
    let [whole, broken] = ["whole", "broken"].map(|name| files.path().join(name));
    let plan = || {
        let upper = Phase::new("upper", 2, Frozen::Before("middle.stage1".to_owned()), 0.01);
        let all = Phase {
            batch_norm: BatchNormPolicy::Updated,
            decay: 0.5,
            ..Phase::new("all", 3, Frozen::Nothing, 0.005)
        };
        EngineConfig { plan: Plan::new(vec![upper, all]), ..config(0, 1) }
    };
    let folder_of = |path, start| folder(path, start);
    let one = run(&network, data(false), plan(), Some(&folder_of(&whole, Start::Fresh)), &mut []);
    assert_eq!(one.history.len(), 5);
    // Broken off in each phase, and then left alone.
    for epochs in [1, 3] {
        let mut stop = |event: &TrainEvent<'_, Network>| match event {
            TrainEvent::Epoch { state, .. } if state.history.len() == epochs => {
                Ok(ControlFlow::Break(()))
            }
            _ => Ok(ControlFlow::Continue(())),
        };
        let folder = folder_of(&broken, Start::Resume);
        let part = run(&network, data(false), plan(), Some(&folder), &mut [&mut stop]);
        assert_eq!(part.history.len(), epochs);
    }
    let folder = folder_of(&broken, Start::Resume);
    let other = run(&network, data(false), plan(), Some(&folder), &mut []);
    assert_eq!(course(&one), course(&other));
    assert_eq!(bits(&one.network), bits(&other.network));
    let [one, other] =
        [&whole, &broken].map(|run| std::fs::read(run.join("best.safetensors")).unwrap());
    assert!(one == other, "other weights");
}

#[test]
fn a_probe_reads_the_join() {
    let trainee = Trainee::new(network(), "two chains");
    let before = bits(trainee.network.backbone());
    let found = probe(trainee, data(false), config(0, 1), None).unwrap();
    assert_eq!(bits(found.network.backbone()), before);
    assert_eq!((found.cache.cut, found.cache.off), (DEPTH, None));
    assert_eq!(found.scores.len(), 7);
}
