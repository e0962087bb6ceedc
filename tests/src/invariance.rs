//! A picture's logits depend neither on the pictures beside it nor on the number of threads.

use burn::prelude::*;

use crate::support::{network, pictures, smallest};

const BATCH: usize = 70;

#[test]
fn logits_are_a_pictures_own() {
    let device = Device::flex();
    // A multiple of every patch.
    let images = pictures([BATCH, 3, 64, 32], &device);
    for name in smallest().into_iter().chain(["seresnet50", "vgg11_bn"]) {
        let (model, _) = network(name, 3, 101, &device);
        let logits = |first: usize, count: usize, threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| model.forward(images.clone().narrow(0, first, count)))
        };
        let all = logits(0, BATCH, 2);
        for (first, count, threads) in
            [(0, BATCH, 1), (0, BATCH, 3), (0, 1, 2), (4, 1, 1), (3, 2, 2), (60, 9, 1)]
        {
            let found = logits(first, count, threads).into_data();
            let expected = all.clone().narrow(0, first, count).into_data();
            assert!(
                found == expected,
                "{name}: {count} pictures from {first} on, on {threads} threads, are others alone"
            );
        }
    }
}

/// Where a cache holds the maps of fewer pictures than a batch has, it goes through a network in parts.
#[test]
fn a_batch_in_parts_is_the_same_batch() {
    use rekindle_layers::{Backbone as _, Input as _};

    let device = Device::flex();
    let images = pictures([11, 3, 224, 224], &device);
    assert_eq!(images.clone().in_parts().len(), 3, "more than fit a cache");
    for name in ["mobilenetv2_050", "test_vit"] {
        let (model, _) = network(name, 3, 10, &device);
        let whole = model.embed_from(0, model.backbone().enter(images.clone()));
        assert!(model.embed(images.clone()).into_data() == whole.into_data(), "{name}");
    }
}
