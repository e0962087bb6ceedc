//! What each phase of each recipe freezes does not move, for several labels and for numbers, to the last bit.

use std::ops::ControlFlow;

use burn::prelude::*;
use rekindle_data::Sample;
use rekindle_finetune::{EngineConfig, HeadStart, Items, Trainee, TransferTask, finetune};
use rekindle_train::{ClassifyMultiLabel, Regress, Train, TrainEvent, Validation};
use rekindle_transfer::{BatchNormPolicy, Classifier, Phase, PhaseLoss, Plan, Recipe};

use crate::support::{Bits, Chain, Noise, Whole, bits, noise};

const EXAMPLES: usize = 8;

#[test]
fn with_several_labels_what_a_recipe_freezes_does_not_move() {
    let labels =
        (0..EXAMPLES).map(|place| (0..3).filter(|label| place >> label & 1 == 1).collect());
    check(ClassifyMultiLabel::new(3), &labels.collect::<Vec<_>>());
}

#[test]
fn with_numbers_what_a_recipe_freezes_does_not_move() {
    let numbers = (0..EXAMPLES).map(|place| vec![1e6 + place as f32, -(place as f32).sqrt()]);
    check(Regress::new(2), &numbers.collect::<Vec<_>>());
}

/// Trains every recipe, an epoch a phase, and compares what the network is after each with what it was before.
fn check<T: TransferTask>(task: T, labels: &[T::Label]) {
    let device = Device::flex().autodiff();
    let mut recipes = 0;
    for (recipe, _) in Recipe::all() {
        let Recipe::Train(plan) = Recipe::named(recipe, 5, 0.01).unwrap() else { continue };
        let contrasts = plan.phases.iter().any(|phase| phase.loss == PhaseLoss::Contrastive);
        if contrasts && T::are_alike(&labels[0], &labels[0]).is_none() {
            // Numbers have nothing in common.
            continue;
        }
        recipes += 1;
        let phases: Vec<Phase> =
            plan.phases.iter().map(|phase| Phase { epochs: 1, ..phase.clone() }).collect();
        let mut network = Classifier::new(Chain::new(4, &device), task.outputs(), &device);
        if let Some(lora) = &plan.lora {
            network = network.adapt(lora).unwrap();
        }
        let layout = network.layout();
        let mut known: Vec<Bits> = vec![bits(&network)];
        let items = || {
            let sample = |(item, label): (Noise, &T::Label)| Sample::new(item, label.clone());
            let samples = noise(EXAMPLES, 1).into_iter().zip(labels).map(sample).collect();
            Items::<Whole, T> { samples, prepare: Whole }
        };
        let config = EngineConfig {
            batch: 4,
            head: HeadStart::AsItIs,
            probe: false,
            ..EngineConfig::new(Plan { phases: phases.clone(), ..plan }, task.clone())
        };
        let mut listen = |event: &TrainEvent<'_, Classifier<Chain>>| {
            if let TrainEvent::Epoch { state, .. } = event {
                known.push(bits(&state.model));
            }
            Ok(ControlFlow::Continue(()))
        };
        let trainee = Trainee::new(network, "chain");
        let data = (Train(items()), Validation(items()));
        finetune(trainee, data, config, None, &mut [&mut listen]).unwrap();

        assert_eq!(known.len(), phases.len() + 1, "{recipe}: an epoch a phase");
        for (phase, pair) in phases.iter().zip(known.windows(2)) {
            let row = format!("{recipe}: {}", phase.name);
            let frozen = phase.frozen.extent(&layout).unwrap().parameters;
            let mut moved = 0;
            for (tensor, frozen) in layout.parameters.iter().zip(frozen) {
                let running = tensor.path.contains("running_");
                let kept = running && phase.batch_norm != BatchNormPolicy::Updated;
                let same = pair[0][&tensor.path] == pair[1][&tensor.path];
                assert!(same || !(frozen || kept), "{row}: {} moved", tensor.path);
                // A bias before a norm has no gradient, but there is none here: what is free moves.
                assert!(!same || frozen || kept || running, "{row}: {} is stuck", tensor.path);
                moved += usize::from(!same);
            }
            assert!(moved > 0, "{row}: nothing moved");
        }
    }
    assert!(recipes >= 5, "{recipes} recipes that train");
}
