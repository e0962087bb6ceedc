//! The course's lessons on numbers, tables and pictures, at toy size: each shows what it is about.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]
#![allow(clippy::duplicate_mod, reason = "each example has what they share")]
#![allow(dead_code, reason = "their mains are not run")]

use std::{fs, path::Path};

#[path = "../examples/classification.rs"]
mod classification;
#[path = "../examples/fashion.rs"]
mod fashion;
#[path = "../examples/one_neuron.rs"]
mod one_neuron;
#[path = "../examples/regression.rs"]
mod regression;
#[path = "../examples/residual.rs"]
mod residual;
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
