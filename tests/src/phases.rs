//! What a phase makes of a network: patterns freeze to the last bit, and a cut changes nothing.

use std::{collections::BTreeSet, convert::Infallible};

use burn::prelude::*;
use rekindle_layers::{Backbone, Flow, Input};
use rekindle_transfer::{BatchNormPolicy, Extent, Frozen, Phase, Recipe};
use rekindle_vision::{Architecture, Init, Regularization, VisionFlow, architectures};

use crate::{
    freeze::{CLASSES, DISTILLED, Pictures, is_running, train},
    support::{Model, bits, network, smallest},
};

const POLICIES: [BatchNormPolicy; 3] =
    [BatchNormPolicy::Kept, BatchNormPolicy::Updated, BatchNormPolicy::Reestimated];

/// The first stage, every third parameter of the others, every second shift of a norm.
fn patterns(model: &Model) -> Frozen {
    let layout = model.layout();
    let learned = || layout.parameters.iter().filter(|parameter| parameter.learned);
    let first = learned().filter(|parameter| layout.owners(&parameter.name) == [0]);
    let first = first.map(|parameter| parameter.name.clone());
    let third = learned().step_by(3).map(|parameter| parameter.name.clone());
    let means = layout.parameters.iter().filter_map(|p| p.name.strip_suffix(".running_mean"));
    let shifts = means.step_by(2).map(|norm| format!("{norm}.bias"));
    Frozen::Matching(first.chain(third).chain(shifts).collect())
}

#[test]
fn what_a_pattern_freezes_does_not_move_and_the_rest_does() {
    let device = Device::flex().autodiff();
    for name in smallest() {
        let (mut model, naming) = network(name, 3, CLASSES, &device);
        let layout = model.layout();
        let frozen = patterns(&model);
        let Extent { parameters, leading, .. } = frozen.extent(&layout).unwrap();
        assert_eq!(leading, 1, "{name}");
        let tensors = || layout.parameters.iter().zip(&parameters);
        let fixed: BTreeSet<&str> = tensors()
            .filter(|(_, frozen)| **frozen)
            .map(|(tensor, _)| tensor.name.as_str())
            .collect();
        for (index, batch_norm) in POLICIES.into_iter().enumerate() {
            let row = format!("{name}, {batch_norm:?}");
            let phase = Phase { batch_norm, ..Phase::new("phase", 1, frozen.clone(), 1e-4) };
            // From a policy to the next, so that each also undoes the one before.
            model = model.prepare(&phase).unwrap();
            assert_eq!(model.frozen(), 1, "{row}");
            let before = bits(&model, &naming);
            model = train(model);
            let trained = bits(&model, &naming);
            let moved = |name: &str| before[name] != trained[name];
            for tensor in &layout.parameters {
                let name = tensor.name.as_str();
                if fixed.contains(name) {
                    assert!(!moved(name), "{row}: {name} is frozen");
                } else if is_running(name) {
                    let expected = batch_norm == BatchNormPolicy::Updated;
                    assert_eq!(moved(name), expected, "{row}: {name}");
                }
            }
            for part in 0..=layout.stages.len() {
                let owned = |name: &str| layout.owners(name) == [part];
                let mut rest = tensors()
                    .filter(|(tensor, frozen)| tensor.learned && !**frozen && owned(&tensor.name));
                let any = rest.any(|(tensor, _)| moved(&tensor.name));
                assert_eq!(any, part > 0, "{row}: nothing moves in part {part}");
            }

            // Other pictures each time: what lies behind frozen layers alone sees the same again.
            let images = Pictures::input(&device) * (index + 2) as f64;
            let batches = [Ok::<_, Infallible>(images)];
            model = model.reestimate(batches).unwrap();
            let after = bits(&model, &naming);
            for tensor in &layout.parameters {
                let name = tensor.name.as_str();
                let expected = is_running(name) && !fixed.contains(name);
                assert_eq!(after[name] != trained[name], expected, "{row}: {name} reestimated");
            }
        }
    }
}

/// In validation, and in training where nothing is drawn: other tests draw from the same device meanwhile.
#[test]
fn a_network_is_its_prefix_and_the_rest() {
    let device = Device::flex().autodiff();
    for name in smallest() {
        let init = Init { regularization: Regularization::None, ..Init::default() };
        let backbone = Architecture::find(name).unwrap().init(&init, &device);
        let model = Model::new(backbone, CLASSES, &device);
        // Running statistics other than the first, which hide nothing.
        let model = train(model);
        let stages = model.backbone().stages().len();
        for cut in 0..=stages {
            let phase = Phase::new("phase", 1, Frozen::Stages(cut), 1e-3);
            let model = model.clone().prepare(&phase).unwrap();
            let plain = device.clone().inner();
            for (model, device) in [(&model, &device), (&model.valid(), &plain)] {
                if device.is_autodiff() && model.backbone().dropout() > 0.0 {
                    continue;
                }
                let images = Pictures::input(device);
                let run = |forward: &dyn Fn() -> Tensor<2>| -> Vec<u32> {
                    forward().into_data().iter::<f32>().map(f32::to_bits).collect()
                };
                let whole = run(&|| model.forward(images.clone()));
                let x = model.prefix(cut, images.clone());
                assert!(
                    !Tensor::<4>::from(x.clone()).is_require_grad()
                        && x.device().is_autodiff() == device.is_autodiff()
                );
                // What a cache does: the values alone, put on the device again.
                let shapes = x.shapes();
                let x = VisionFlow::from_rows(x.into_rows(), &shapes, device);
                let row = format!("{name} cut at {cut} of {stages}, {device:?}");
                assert!(run(&|| model.forward_from(cut, x.clone())) == whole, "{row}");
                if cut == stages {
                    let embeddings = model.pool(x).into_data();
                    let cached = || Tensor::<2>::from_data(embeddings.clone(), device);
                    assert!(run(&|| model.classify(cached())) == whole, "{row}: pooled");
                }
                for earlier in 0..cut {
                    let x = model.prefix(earlier, images.clone());
                    assert!(
                        run(&|| model.forward_from(earlier, x.clone())) == whole,
                        "{row}, {earlier}"
                    );
                }
            }
        }
    }
}

/// Networks of 3x3 convolutions alone, which low-rank factors are not for.
const NOT_ADAPTABLE: [&str; 4] =
    ["resnet20_cifar", "resnet32_cifar", "resnet44_cifar", "resnet56_cifar"];

/// Every built-in plan, phase after phase, on a network of every family.
#[test]
fn what_a_recipe_freezes_does_not_move() {
    let device = Device::flex().autodiff();
    for name in smallest().into_iter().chain(["vgg11", DISTILLED]) {
        for (recipe, _) in Recipe::all() {
            let Recipe::Train(plan) = Recipe::named(recipe, 5, 1e-4).unwrap() else { continue };
            let (mut model, naming) = network(name, 3, CLASSES, &device);
            if let Some(lora) = plan.lora.as_ref().filter(|_| !NOT_ADAPTABLE.contains(&name)) {
                model = model.adapt(lora).unwrap();
            }
            let layout = model.layout();
            for phase in &plan.phases {
                let row = format!("{name}, {recipe}: {}", phase.name);
                model = model.prepare(phase).unwrap();
                let before = bits(&model, &naming);
                model = train(model);
                let after = bits(&model, &naming);
                let frozen = phase.frozen.extent(&layout).unwrap().parameters;
                let mut moved = 0;
                for (tensor, frozen) in layout.parameters.iter().zip(frozen) {
                    let name = tensor.name.as_str();
                    let kept = is_running(name) && phase.batch_norm != BatchNormPolicy::Updated;
                    let same = before[name] == after[name];
                    assert!(same || !(frozen || kept), "{row}: {name} moved");
                    moved += usize::from(!same);
                }
                assert!(moved > 0, "{row}: nothing moved");
            }
        }
    }
}

/// On every architecture, whatever its stages are called.
#[test]
fn recipes_pass_their_check_on_every_network() {
    let device = Device::flex();
    for architecture in architectures() {
        let name = architecture.name;
        let (model, _) = network(name, 3, CLASSES, &device);
        let layout = model.layout();
        for (recipe, _) in Recipe::all() {
            if let Recipe::Train(plan) = Recipe::named(recipe, 10, 1e-3).unwrap() {
                if plan.lora.is_some() && NOT_ADAPTABLE.contains(&name) {
                    let error = plan.check(&layout).unwrap_err().to_string();
                    assert!(error.contains("no weight of a linear layer or 1x1"), "{error}");
                    continue;
                }
                let table = plan.table(&layout).unwrap();
                let rows = plan.phases.len() * (layout.stages.len() + 1);
                assert_eq!(table.rows.len(), rows, "{name} {recipe}");
                let learned: usize =
                    layout.parameters.iter().filter(|p| p.learned).map(|p| p.count()).sum();
                let counted: usize = table.rows.iter().map(|row| row.parameters).sum();
                assert_eq!(counted, learned * plan.phases.len(), "{name} {recipe}");
            }
        }
    }
}
