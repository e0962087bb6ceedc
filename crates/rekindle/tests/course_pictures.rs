//! The course's lessons on numbers, tables and pictures, at toy size: each shows what it is about.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]
#![allow(clippy::duplicate_mod, reason = "each example has what they share")]
#![allow(dead_code, reason = "their mains are not run")]

use std::{fs, path::Path};

#[path = "../examples/as_is.rs"]
mod as_is;
#[path = "../examples/augmentation.rs"]
mod augmentation;
#[path = "../examples/classification.rs"]
mod classification;
#[path = "../examples/fashion.rs"]
mod fashion;
#[path = "../examples/feature_extraction.rs"]
mod feature_extraction;
#[path = "../examples/fine_tuning.rs"]
mod fine_tuning;
#[path = "../examples/one_neuron.rs"]
mod one_neuron;
#[path = "../examples/regression.rs"]
mod regression;
#[path = "../examples/residual.rs"]
mod residual;
#[path = "../examples/scaling.rs"]
mod scaling;
#[path = "../examples/tables.rs"]
mod tables;

use clap::Parser as _;

/// A chart that is there, and has something in it.
fn is_drawn(folder: &Path, name: &str) {
    let chart = fs::read_to_string(folder.join(name)).unwrap();
    assert!(chart.starts_with("<svg") && chart.len() > 1000, "{name}: {chart}");
}

#[test]
fn one_neuron_finds_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let [slope, height, error] = one_neuron::run(0, folder.path()).unwrap();
    assert!((slope - 1.0).abs() < 0.05, "{slope}");
    assert!((height - 10.0).abs() < 0.3, "{height}");
    // That of the noise.
    assert!((0.7..0.9).contains(&error), "{error}");
    is_drawn(folder.path(), "losses.svg");
}

#[test]
fn what_no_line_divides_takes_relus() {
    let folder = tempfile::tempdir().unwrap();
    let [circles, moons] = classification::run(0, folder.path()).unwrap();
    assert!(circles[0] < 0.62 && circles[1] > 0.97, "{circles:?}");
    assert!(moons[0] < 0.93 && moons[1] > 0.99, "{moons:?}");
    for name in ["circles_linear.svg", "circles_ReLU.svg", "moons_linear.svg", "moons_ReLU.svg"] {
        is_drawn(folder.path(), name);
    }
}

#[test]
fn what_is_no_sum_takes_layers() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let arguments = tables::Arguments::parse_from(["tables", "--out", out]);
    let [linear, neuron, layers] = tables::run(&arguments).unwrap();
    assert!(layers < 0.6 * linear.min(neuron), "{linear} {neuron} {layers}");
    is_drawn(folder.path(), "losses.svg");
}

#[test]
fn shortcuts_let_deep_networks_learn() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let arguments = residual::Arguments::parse_from(["residual", "--out", out]);
    let [plain, residual] = residual::run(&arguments).unwrap();
    assert!(residual > plain + 0.1, "{plain} {residual}");
    is_drawn(folder.path(), "losses.svg");
}

#[test]
fn a_line_takes_one_neuron() {
    let folder = tempfile::tempdir().unwrap();
    let [neuron, hidden, longer] = regression::run(0, folder.path()).unwrap();
    assert!(neuron < 0.5 && neuron < hidden.min(longer), "{neuron} {hidden} {longer}");
    assert!(hidden.max(longer) < 10.61, "{hidden} {longer}");
    is_drawn(folder.path(), "losses.svg");
}

#[test]
fn convolutions_see_what_is_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let arguments = fashion::Arguments::parse_from(["fashion", "--out", out]);
    let [dense, convolutions] = fashion::run(&arguments).unwrap();
    assert!(dense > 0.4 && convolutions > dense + 0.1, "{dense} {convolutions}");
    is_drawn(folder.path(), "losses.svg");
}

#[test]
fn weights_as_they_are_know_their_own_labels() {
    let [top1, top5] = as_is::run(&as_is::Arguments::parse_from(["as_is"])).unwrap();
    assert!(top1 > 0.8 && top5 > top1, "{top1} {top5}");
}

#[test]
fn features_are_worth_more_than_none() {
    let arguments = feature_extraction::Arguments::parse_from(["feature_extraction"]);
    let [nothing, probe, head] = feature_extraction::run(&arguments).unwrap();
    assert!(probe > nothing + 0.3 && head > probe - 0.05, "{nothing} {probe} {head}");
}

#[test]
fn fine_tuning_loses_nothing_to_a_head() {
    let arguments = fine_tuning::Arguments::parse_from(["fine_tuning", "--epochs", "6"]);
    let [head, phases, all] = fine_tuning::run(&arguments).unwrap();
    assert!(head > 0.7 && phases > head - 0.05 && all > head - 0.05, "{head} {phases} {all}");
}

#[test]
fn more_pictures_are_worth_more() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let reached = scaling::run(&scaling::Arguments::parse_from(["scaling", "--out", out])).unwrap();
    assert!(reached.is_sorted() && reached[3] > reached[0] + 0.2, "{reached:?}");
    is_drawn(folder.path(), "scaling.svg");
}

#[test]
fn augmentation_must_leave_labels_right() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let arguments = augmentation::Arguments::parse_from(["augmentation", "--out", out]);
    let reached = augmentation::run(&arguments).unwrap();
    let [nothing, degrees, turns, mirrored, _] = reached[..] else { panic!("{reached:?}") };
    // What the course does changes next to nothing; what it means to do is another label here.
    assert!(degrees[0] < 5.0 && degrees[0] < 0.2 * turns[0], "{reached:?}");
    assert!(nothing[1] > mirrored[1] + 0.05 && nothing[1] > turns[1] + 0.2, "{reached:?}");
    assert!(fs::read(folder.path().join("views.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn networks_that_lessons_name_are_known() {
    for name in [
        "vgg16.tv_in1k",
        "resnet18.a1_in1k",
        "resnet50.a1_in1k",
        "efficientnet_b0.ra_in1k",
        "mobilenetv2_100.ra_in1k",
        "tf_efficientnet_b0",
    ] {
        assert!(rekindle::cards::find(name).is_ok(), "{name}");
    }
}
