//! Transforms equal to torchvision's, on pictures drawn by a formula (`reference/transforms.py`).

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::collections::BTreeMap;

use rekindle_images::transform::{self, Affine, Operation, Sampling, Warp};
use rekindle_images::{Picture, decode_bytes};
use serde_json::Value;

/// Names, and how far of 255 a value may be off; the module's table says why.
const TOLERANCES: &[(&str, u8)] = &[
    ("hflip", 0),
    ("vflip", 0),
    ("adjust_brightness", 0),
    ("adjust_contrast", 0),
    ("adjust_saturation", 0),
    ("adjust_hue", 0),
    ("to_grayscale", 0),
    ("solarize", 0),
    ("posterize", 0),
    ("equalize", 0),
    ("autocontrast", 0),
    ("invert", 0),
    ("adjust_sharpness", 0),
    ("gaussian_blur", 1),
    ("rotate", 0),
    ("affine", 0),
    ("perspective", 1),
    ("operation", 0),
];

#[test]
fn transforms_are_those_of_torchvision() {
    let reference: Value = serde_json::from_str(include_str!("golden/transforms.json")).unwrap();
    let cases = reference["cases"].as_array().unwrap();
    let golden = decode_bytes(include_bytes!("golden/transforms.png"), "golden").unwrap().to_gray();
    assert_eq!(golden.height(), cases.len());
    let mut seen: BTreeMap<&str, (usize, u8)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (case, row) in cases.iter().zip(golden.pixels().chunks_exact(golden.width())) {
        let name = case["name"].as_str().unwrap();
        let found = apply(name, case, &picture(case["picture"].as_str().unwrap()));
        let values = found.pixels().iter().zip(row);
        let off = values.map(|(&found, &expected)| found.abs_diff(expected));
        let differing = off.clone().filter(|&off| off > 0).count();
        let worst = off.max().unwrap();
        let entry = seen.entry(name).or_default();
        *entry = (entry.0 + 1, entry.1.max(worst));
        let tolerance = TOLERANCES.iter().find(|row| row.0 == name).unwrap().1;
        if worst > tolerance {
            problems.push(format!("{case}: off by {worst}, {differing} values"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert_eq!(seen.len(), TOLERANCES.len(), "{seen:?}");
}

fn apply(name: &str, case: &Value, picture: &Picture) -> Picture {
    let number = |key: &str| case[key].as_f64().unwrap();
    let numbers = |values: &Value| [0, 1].map(|place| values[place].as_f64().unwrap());
    let warp = || Warp {
        sampling: match case["sampling"].as_str().unwrap() {
            "nearest" => Sampling::Nearest,
            "bilinear" => Sampling::Bilinear,
            _ => Sampling::Bicubic,
        },
        fill: [0, 1, 2].map(|channel| case["fill"][channel].as_u64().unwrap() as u8),
    };
    match name {
        "hflip" => transform::hflip(picture),
        "vflip" => transform::vflip(picture),
        "adjust_brightness" => transform::adjust_brightness(picture, number("value")),
        "adjust_contrast" => transform::adjust_contrast(picture, number("value")),
        "adjust_saturation" => transform::adjust_saturation(picture, number("value")),
        "adjust_hue" => transform::adjust_hue(picture, number("value")),
        "to_grayscale" => transform::to_grayscale(picture),
        "solarize" => transform::solarize(picture, number("value")),
        "posterize" => transform::posterize(picture, number("value") as u32),
        "equalize" => transform::equalize(picture),
        "autocontrast" => transform::autocontrast(picture),
        "invert" => transform::invert(picture),
        "adjust_sharpness" => transform::adjust_sharpness(picture, number("value")),
        "gaussian_blur" => {
            transform::gaussian_blur(picture, number("kernel") as usize, number("sigma"))
        }
        "rotate" => transform::rotate(picture, number("degrees"), &warp()),
        "affine" => {
            let affine = Affine {
                degrees: number("degrees"),
                translate: numbers(&case["translate"]),
                scale: number("scale"),
                shear: numbers(&case["shear"]),
                center: case["center"].is_array().then(|| numbers(&case["center"])),
            };
            transform::affine(picture, &affine, &warp())
        }
        "perspective" => {
            let corners =
                |which: usize| [0, 1, 2, 3].map(|corner| numbers(&case["corners"][which][corner]));
            transform::perspective(picture, &corners(0), &corners(1), &warp())
        }
        "operation" => {
            let operation = operation(case["operation"].as_str().unwrap());
            operation.apply(picture, number("magnitude"), &warp())
        }
        _ => panic!("no transform named {name}"),
    }
}

fn operation(name: &str) -> Operation {
    const OPERATIONS: [Operation; 15] = [
        Operation::Identity,
        Operation::ShearX,
        Operation::ShearY,
        Operation::TranslateX,
        Operation::TranslateY,
        Operation::Rotate,
        Operation::Brightness,
        Operation::Color,
        Operation::Contrast,
        Operation::Sharpness,
        Operation::Posterize,
        Operation::Solarize,
        Operation::AutoContrast,
        Operation::Equalize,
        Operation::Invert,
    ];
    OPERATIONS.into_iter().find(|operation| format!("{operation:?}") == name).unwrap()
}

/// The script's pictures.
fn picture(name: &str) -> Picture {
    match name {
        "rgb" => Picture::from_rgb(24, 20, draw(24, 20, |value| value)).unwrap(),
        "narrow" => Picture::from_rgb(19, 23, draw(19, 23, |value| 40 + value * 5 / 8)).unwrap(),
        _ => {
            let pixels = draw(24, 20, |value| 20 + value * 3 / 4);
            let pixels = pixels.into_iter().skip(2).step_by(3).collect();
            Picture::from_gray(24, 20, pixels).unwrap()
        }
    }
}

/// Two slopes, a texture and a gray corner.
fn draw(width: usize, height: usize, of: impl Fn(usize) -> usize) -> Vec<u8> {
    let value = |x: usize, y: usize, channel: usize| match channel {
        _ if x < 4 && y < 4 => 90,
        0 => x * 255 / (width - 1),
        1 => y * 255 / (height - 1),
        _ => (x * y * 11 + x / 4 % 2 * 128) % 256,
    };
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let values = places.flat_map(|(x, y)| [0, 1, 2].map(|channel| of(value(x, y, channel)) as u8));
    values.collect()
}
