//! Fine-tuning on pictures with any number of labels each, from a list, through the public interface.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{fs, path::Path};

use rekindle::{
    Device, Input, Model, TaggedPictures,
    data::{DataConfig, DataSet, LoaderConfig, Order, Split, decode, open_pictures},
    metrics::Direction,
    train::{
        Best, BinaryCrossEntropy, Fit, Monitor, OptimizerConfig, Rates, Settings, State, Tag,
        Train, Validation, predict,
    },
    transfer::{Frozen, Phase, Plan},
};
use rekindle_doodles::{SIZE, Task, set};

/// Doodles of four classes, alone or two exposed on one plate, and a list of what each shows.
fn plates(folder: &Path, per_class: usize) -> std::path::PathBuf {
    let doodles: Vec<_> =
        set(Task::Target, per_class, 3).into_iter().filter(|doodle| doodle.label < 4).collect();
    let mut rows = "path,labels\n".to_owned();
    for (place, doodle) in doodles.iter().enumerate() {
        // Every third is alone.
        let other = &doodles[(place * 7 + 3) % doodles.len()];
        let other = if place % 3 == 0 { doodle } else { other };
        let both = doodle.pixels.iter().zip(&other.pixels);
        let pixels = both.map(|(a, b)| a.midpoint(*b)).collect();
        let image = image::RgbImage::from_raw(SIZE as u32, SIZE as u32, pixels).unwrap();
        image.save(folder.join(format!("{place}.png"))).unwrap();
        let name = |label: usize| Task::Target.doodles()[label].name;
        rows += &format!("{place}.png,{}|{}\n", name(doodle.label), name(other.label));
    }
    let list = folder.join("plates.csv");
    fs::write(&list, rows).unwrap();
    list
}

#[test]
fn a_network_learns_which_labels_a_picture_has() {
    let folder = tempfile::tempdir().unwrap();
    let list = plates(folder.path(), 60);
    let split = Split { fraction: 0.25, seed: 0 };
    let found: DataSet<Vec<usize>> =
        open_pictures(&DataConfig { split, ..DataConfig::new(&list) }).unwrap();
    let device = Device::flex().autodiff();
    device.seed(0);
    let starter = support::starter();
    let (model, _) = Model::for_labels(None, Some(&starter), &found.names, &device).unwrap();

    let config = LoaderConfig { batch_size: 16, order: Order::Shuffled, ..LoaderConfig::default() };
    let train = Train(TaggedPictures::new(found.train, &model, &config).unwrap());
    let plain = LoaderConfig::default();
    let val = Validation(TaggedPictures::new(found.val.clone(), &model, &plain).unwrap());

    let phase = Phase::new("upper", 8, Frozen::Before("layer3".to_owned()), 0.003);
    Plan::new(vec![phase.clone()]).check(&model.network.layout()).unwrap();
    let network = model.network.clone().prepare(&phase).unwrap();
    let objective = Tag {
        forward: Input::logits,
        classes: found.names.len(),
        loss: BinaryCrossEntropy::default(),
    };
    let monitor = Monitor::new("map", Direction::Higher);
    let fit = Fit {
        phase: phase.name.clone(),
        epochs: phase.epochs,
        rates: Rates { base: phase.lr, groups: network.rates(&phase).unwrap() },
        schedule: phase.schedule,
        settings: Settings { monitor: monitor.clone(), ..Settings::default() },
    };
    let mut best = Best::new(monitor.clone());
    let state = State::new(network, &OptimizerConfig::default());
    let (state, _) = fit.run(state, &objective, (&train, &val), &mut [&mut best]).unwrap();
    let reached = state.history[monitor.best(&state.history).unwrap()].val.clone();
    let [map, exact] = ["map", "exact"].map(|metric| reached.get(metric).unwrap());
    assert!(map > 0.8 && exact > 0.3, "{reached:?}");

    let network = best.model().unwrap().clone();
    let scores = predict(&network, &objective, &val).unwrap();
    assert_eq!(scores.values(), reached);
    let model = Model { network, ..model };
    let pictures: Vec<_> =
        found.val.iter().map(|sample| decode(sample.path().unwrap()).unwrap()).collect();
    let answers = model.tag(&pictures).unwrap();
    let right = found.val.iter().zip(&answers).filter(|(sample, answer)| {
        answer
            .iter()
            .enumerate()
            .all(|(label, share)| sample.label.contains(&label) == (*share > 0.5))
    });
    assert_eq!(right.count() as f64 / answers.len() as f64, exact);
}
