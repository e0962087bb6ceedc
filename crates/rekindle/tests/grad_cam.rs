//! Grad-CAM on a network whose head reads the mean of its last map: there it is known in closed form.

use std::path::Path;

use burn::{prelude::*, tensor::TensorData};
use rekindle::{Model, data::Picture};

/// With logits `mean(map) · W + b`, the gradient of a logit is its column of `W` over the map's size.
#[test]
fn heat_is_the_map_weighed_by_the_head() {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../weights/resnet20_cifar.doodles.safetensors");
    let (model, _) = Model::open(None, &starter, &Device::flex()).unwrap();
    // A ring's upper half, off the center.
    let pixel = |place: usize| {
        let [x, y] = [place % 32, place / 32].map(|side| side as f64 - 12.0);
        let ring = (x * x + y * y).sqrt();
        if (6.0..9.0).contains(&ring) && y < 0.0 { [20, 40, 220] } else { [230, 225, 210] }
    };
    let picture = Picture::from_rgb(32, 32, (0..1024).flat_map(pixel).collect()).unwrap();
    let input = model.preprocess().unwrap().apply(&picture).unwrap();
    let images = Tensor::from_data(TensorData::new(input, [1, 3, 32, 32]), &Device::flex());
    let stages = model.network().layout().stages.len();
    let map = model.network().prefix(stages, images);
    let map = Tensor::<4>::from(map);
    let [_, channels, rows, columns] = map.dims();
    let map: Vec<f32> = map.into_data().iter::<f32>().collect();
    // The columns of the head, read off at unit embeddings.
    let units = Tensor::<2>::eye(channels, &Device::flex());
    let bias: Vec<f32> =
        model.network().classify(units.clone() * 0.0).into_data().iter::<f32>().collect();
    let classes = model.network().classes();
    let head: Vec<f32> = model.network().classify(units).into_data().iter::<f32>().collect();
    for label in [0, 5, classes - 1] {
        let weight = |channel: usize| head[channel * classes + label] - bias[label];
        let heat = |place: usize| -> f32 {
            let cells = (0..channels)
                .map(|channel| weight(channel) * map[channel * rows * columns + place]);
            cells.sum::<f32>().max(0.0)
        };
        let mut expected: Vec<f32> = (0..rows * columns).map(heat).collect();
        let hottest = expected.iter().copied().fold(0.0, f32::max);
        expected.iter_mut().for_each(|heat| *heat /= hottest.max(f32::MIN_POSITIVE));
        let found = model.grad_cam(picture.clone(), label).unwrap();
        assert_eq!(found.size, [rows, columns]);
        for (found, expected) in found.heat.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4, "label {label}: {found} against {expected}");
        }
        let overlay = found.overlay();
        assert_eq!((overlay.width(), overlay.height()), (32, 32));
    }
}
