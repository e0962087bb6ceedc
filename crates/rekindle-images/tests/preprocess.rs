//! Inputs equal to those of timm's evaluation transform, on pictures drawn by a formula (`reference/preprocess.py`).

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use rekindle_cards::Preprocessing;
use rekindle_images::{Picture, Preprocess};
use serde_json::{Value, json};

/// Greatest difference of a value, in levels of 255: the resize has 15-bit weights where Pillow's have 22.
const LEVELS: f64 = 2.0;

/// Greatest difference of a channel's mean, in levels of 255.
const MEAN_LEVELS: f64 = 0.02;

#[test]
fn inputs_are_those_of_timm() {
    let reference: Value = serde_json::from_str(include_str!("reference/preprocess.json")).unwrap();
    let rows = reference["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 44);
    let (mut differing, mut values) = (0, 0);
    for row in rows {
        let (found_differing, found) = check(row);
        differing += found_differing;
        values += found;
    }
    assert!(differing * 50 < values, "{differing} of {values} values differ by a level");
}

/// Compares one row; returns how many of its values differ at all, and how many there are.
fn check(row: &Value) -> (usize, usize) {
    let name = format!(
        "{} to {} {} {}",
        row["picture"], row["input"], row["interpolation"], row["crop_mode"]
    );
    let config: Preprocessing = serde_json::from_value(json!({
        "input_size": row["input"], "interpolation": row["interpolation"], "crop_pct": row["crop_pct"],
        "crop_mode": row["crop_mode"], "mean": row["mean"], "std": row["std"],
    }))
    .unwrap();
    let preprocess = Preprocess::new(&config).unwrap();
    let [channels, height, width] = preprocess.shape();
    let side = |axis: usize| row["picture"][axis].as_u64().unwrap() as usize;
    let y = preprocess.apply(&draw(side(0), side(1))).unwrap();
    assert_eq!(y.len(), channels * height * width, "{name}");
    let number = |value: &Value| value.as_f64().unwrap();
    let mut grid = row["grid"].as_array().unwrap().iter().map(number);
    let mut differing = 0;
    for channel in 0..channels {
        let level = 1.0 / 255.0 / f64::from(config.std[channel]);
        let plane = &y[channel * height * width..(channel + 1) * height * width];
        let mean = plane.iter().copied().map(f64::from).sum::<f64>() / plane.len() as f64;
        let expected = number(&row["means"][channel]);
        assert!(
            (mean - expected).abs() <= MEAN_LEVELS * level,
            "{name}: channel {channel} has {mean}, not {expected}"
        );
        for i in 0..25 {
            let place = (2 * (i / 5) + 1) * height / 10 * width + (2 * (i % 5) + 1) * width / 10;
            let (found, expected) = (f64::from(plane[place]), grid.next().unwrap());
            let levels = (found - expected).abs() / level;
            assert!(
                levels < LEVELS + 0.1,
                "{name}: value {i} of channel {channel} is {found}, not {expected}"
            );
            differing += usize::from(levels > 0.5);
        }
    }
    (differing, 25 * channels)
}

/// Slopes, edges and a fine texture.
fn draw(width: usize, height: usize) -> Picture {
    let value = |x: usize, y: usize, c: usize| {
        x * 255 / width + y * (c + 1) + (x / 16 + y / 16) % 2 * 90 + x * y % 31 * 2
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let pixels =
        places.flat_map(|(x, y)| (0..3).map(move |c| (value(x, y, c) % 256) as u8)).collect();
    Picture::from_rgb(width, height, pixels).unwrap()
}

#[test]
fn fields_out_of_range_are_all_listed() {
    let mut config: Preprocessing = serde_json::from_value(json!({
        "input_size": [3, 224, 224], "interpolation": "bicubic", "crop_pct": 0.875,
        "crop_mode": "center", "mean": [0.5], "std": [0.5],
    }))
    .unwrap();
    assert!(Preprocess::new(&config).is_ok());
    config = Preprocessing {
        input_size: [4, 0, 224],
        crop_pct: 1.5,
        mean: vec![0.0; 2],
        std: vec![0.0],
        ..config
    };
    let message = Preprocess::new(&config).unwrap_err().to_string();
    for part in ["4 channels", "height of 0", "crop_pct is 1.5", "mean has 2", "std holds 0"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    for crop_pct in [0.0, -1.0, f64::NAN] {
        assert!(
            Preprocess::new(&Preprocessing { input_size: [3, 8, 8], crop_pct, ..config.clone() })
                .is_err()
        );
    }
}

#[test]
fn a_crop_of_almost_nothing_ends() {
    for (interpolation, crop_mode) in
        [("nearest", "center"), ("bicubic", "border"), ("lanczos", "squash")]
    {
        for crop_pct in [1e-6, 1e-12, 1e-300] {
            let config: Preprocessing = serde_json::from_value(json!({
                "input_size": [1, 8, 12], "interpolation": interpolation, "crop_pct": crop_pct,
                "crop_mode": crop_mode, "mean": [0.0], "std": [1.0],
            }))
            .unwrap();
            let y = Preprocess::new(&config).unwrap().apply(&draw(333, 217)).unwrap();
            assert!(
                y.iter().all(|value| (0.0..=1.0).contains(value)),
                "{interpolation} {crop_pct}"
            );
        }
    }
}

#[test]
fn a_sliver_of_a_picture_is_no_trouble() {
    let config: Preprocessing = serde_json::from_value(json!({
        "input_size": [3, 32, 48], "interpolation": "lanczos", "crop_pct": 0.9,
        "crop_mode": "border", "mean": [0.5], "std": [0.5],
    }))
    .unwrap();
    for (width, height) in [(1, 1), (1, 5000), (5000, 1), (2, 3)] {
        for crop_mode in ["center", "squash", "border"] {
            for interpolation in ["nearest", "bilinear", "bicubic", "lanczos"] {
                let config = Preprocessing {
                    crop_mode: serde_json::from_value(json!(crop_mode)).unwrap(),
                    interpolation: serde_json::from_value(json!(interpolation)).unwrap(),
                    ..config.clone()
                };
                let picture = Picture::from_gray(width, height, vec![255; width * height]).unwrap();
                let y = Preprocess::new(&config).unwrap().apply(&picture).unwrap();
                assert!(
                    y.iter().all(|value| (-1.0..=1.0).contains(value)),
                    "{width} x {height} {crop_mode}"
                );
                assert!(y.contains(&1.0), "{width} x {height} {crop_mode} {interpolation}");
            }
        }
    }
}
