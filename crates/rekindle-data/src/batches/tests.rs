use std::time::{Duration, Instant};

use rekindle_cards::{CropMode, Interpolation, Preprocessing};

use super::*;
use crate::{Augment, Picture, Source};

fn preprocess() -> Preprocess {
    Preprocess::new(&Preprocessing {
        input_size: [3, 8, 12],
        interpolation: Interpolation::Bicubic,
        crop_pct: 0.9,
        crop_mode: CropMode::Center,
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
    })
    .unwrap()
}

fn samples(count: usize) -> Vec<Sample> {
    let picture = |index: usize| {
        let pixels = (0..20 * 16 * 3).map(|place| (place * (index + 3) % 251) as u8).collect();
        Picture::from_rgb(20, 16, pixels).unwrap()
    };
    (0..count).map(|index| Sample::memory(picture(index), index % 3)).collect()
}

fn loader(samples: Vec<Sample>, config: LoaderConfig) -> Loader {
    Loader::new(samples, &preprocess(), &config).unwrap()
}

fn all(batches: Batches) -> Vec<Batch> {
    batches.map(Result::unwrap).collect()
}

#[test]
fn batches_are_the_same_for_any_number_of_workers() {
    for (augment, order) in [
        (Augment::NONE, Order::Kept),
        (Augment::STANDARD, Order::Shuffled),
        (Augment::STRONG, Order::Shuffled),
    ] {
        let config = |workers, cache_bytes| LoaderConfig {
            batch_size: 8,
            order,
            augment: augment.clone(),
            seed: 5,
            workers,
            prefetch: 1,
            cache_bytes,
            ..LoaderConfig::default()
        };
        let expected = loader(samples(45), config(0, 0));
        for workers in [1, 2, 4, 64] {
            let found = loader(samples(45), config(workers, 1 << 20));
            for epoch in [0, 1, 0] {
                assert_eq!(
                    all(found.epoch(epoch)),
                    all(expected.epoch(epoch)),
                    "{workers} workers"
                );
            }
        }
    }
}

#[test]
fn batches_hold_what_they_say() {
    let loader = loader(samples(10), LoaderConfig { batch_size: 4, ..LoaderConfig::default() });
    assert_eq!(loader.batches(), 3);
    let batches = all(loader.epoch(0));
    assert_eq!(
        batches.iter().map(|batch| batch.shape).collect::<Vec<_>>(),
        [[4, 3, 8, 12], [4, 3, 8, 12], [2, 3, 8, 12]]
    );
    assert_eq!(batches[2].indices, [8, 9]);
    assert_eq!(batches[2].labels, [2, 0]);
    let Source::Memory(picture) = &loader.samples()[9].source else { panic!("not in memory") };
    assert_eq!(batches[2].images[3 * 8 * 12..], preprocess().apply(picture).unwrap());
}

#[test]
fn every_epoch_is_shuffled_anew() {
    let config =
        LoaderConfig { batch_size: 7, order: Order::Shuffled, seed: 3, ..LoaderConfig::default() };
    let loader = loader(samples(30), config);
    let order = |epoch| {
        all(loader.epoch(epoch)).into_iter().flat_map(|batch| batch.indices).collect::<Vec<_>>()
    };
    assert_ne!(order(0), order(1));
    assert_eq!(order(1), order(1));
    let mut sorted = order(2);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..30).collect::<Vec<_>>());
}

#[test]
fn a_remainder_is_kept_or_dropped() {
    let config =
        LoaderConfig { batch_size: 4, remainder: Remainder::Dropped, ..LoaderConfig::default() };
    let batches = all(loader(samples(10), config.clone()).epoch(0));
    assert_eq!(batches.iter().map(|batch| batch.shape[0]).collect::<Vec<_>>(), [4, 4]);
    assert!(Loader::new(samples(3), &preprocess(), &config).is_err());
}

#[test]
fn what_cannot_be_batched_is_refused() {
    let config = LoaderConfig::default();
    assert!(Loader::new(samples(0), &preprocess(), &config).is_err());
    assert!(
        Loader::new(samples(3), &preprocess(), &LoaderConfig { batch_size: 0, ..config.clone() })
            .is_err()
    );
    let augment = Augment { flip: 2.0, ..Augment::NONE };
    let with = |augment| LoaderConfig { augment, ..config.clone() };
    assert!(Loader::new(samples(3), &preprocess(), &with(augment)).is_err());
    let mut weighed = samples(3);
    weighed[2].weight = -0.5;
    let error = Loader::new(weighed, &preprocess(), &config).unwrap_err().to_string();
    assert!(error.contains("sample 2 weighs -0.5"), "{error}");
}

#[test]
fn an_error_names_the_file_and_ends_the_epoch() {
    for workers in [0, 1, 4] {
        let mut samples = samples(20);
        samples[9] = Sample::file("/no/such/picture.jpg", 0);
        let config = LoaderConfig { batch_size: 4, workers, ..LoaderConfig::default() };
        let mut batches = loader(samples, config).epoch(0);
        assert!(batches.next().unwrap().is_ok() && batches.next().unwrap().is_ok());
        let message = batches.next().unwrap().unwrap_err().to_string();
        assert!(message.starts_with("/no/such/picture.jpg: cannot be read"), "{message}");
        assert!(batches.next().is_none() && batches.next().is_none());
    }
}

#[test]
fn dropping_early_ends_the_threads() {
    let start = Instant::now();
    for taken in 0..3 {
        let config = LoaderConfig { batch_size: 2, workers: 4, ..LoaderConfig::default() };
        let loader = loader(samples(1000), config);
        let mut batches = loader.epoch(0);
        for _ in 0..taken {
            batches.next().unwrap().unwrap();
        }
        let shared = Arc::downgrade(&batches.shared);
        drop(batches);
        assert_eq!(shared.strong_count(), 0, "a thread still runs");
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn threads_stay_within_their_lead() {
    // The caller last waits for position 3; the threads may be 2 batches of 4 ahead of it, or as many inputs as fit.
    let input = loader(samples(1), LoaderConfig::default()).shape().iter().product::<usize>() * 4;
    for (prefetch_bytes, lead) in [(256 << 20, 8), (3 * input, 3), (0, 1)] {
        let config = LoaderConfig {
            batch_size: 4,
            prefetch: 2,
            prefetch_bytes,
            workers: 4,
            ..LoaderConfig::default()
        };
        let loader = loader(samples(200), config);
        let mut batches = loader.epoch(0);
        batches.next().unwrap().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let state = batches.shared.lock();
        assert!(state.next <= 3 + lead, "{}", state.next);
    }
}

#[test]
fn a_panic_is_an_error_not_a_wait() {
    for workers in [0, 2] {
        let loader = loader(samples(3), LoaderConfig { workers: 0, ..LoaderConfig::default() });
        let mut batches = loader.epoch(0);
        let shared = Arc::get_mut(&mut batches.shared).unwrap();
        // There is no sample 7: to prepare it breaks the thread that tries.
        shared.order[1] = 7;
        for _ in 0..workers {
            let shared = Arc::clone(&batches.shared);
            batches.workers.push(std::thread::spawn(move || shared.work()));
        }
        let error = batches.next().unwrap().unwrap_err();
        assert!(matches!(error, Error::Panicked { .. }), "{error}");
    }
}

#[test]
fn the_second_epoch_reads_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.png");
    image::RgbImage::from_fn(30, 20, |x, y| image::Rgb([x as u8 * 8, y as u8 * 12, 40]))
        .save(&path)
        .unwrap();
    for augment in [Augment::NONE, Augment::STANDARD] {
        let config = |cache_bytes| LoaderConfig {
            augment: augment.clone(),
            cache_bytes,
            ..LoaderConfig::default()
        };
        let [kept, not] =
            [1 << 20, 0].map(|bytes| loader(vec![Sample::file(&path, 0)], config(bytes)));
        let first = all(kept.epoch(0));
        assert_eq!(first, all(not.epoch(0)));
        let moved = folder.path().join("moved.png");
        std::fs::rename(&path, &moved).unwrap();
        assert_eq!(all(kept.epoch(0)), first);
        assert!(not.epoch(0).next().unwrap().is_err());
        std::fs::rename(&moved, &path).unwrap();
    }
}

#[test]
fn views_take_turns_and_the_first_is_the_evaluations() {
    let two = std::num::NonZeroUsize::new(2).unwrap();
    let config = LoaderConfig {
        batch_size: 3,
        augment: Augment::STANDARD,
        views: Views::Cycled(two),
        ..LoaderConfig::default()
    };
    let images = |config: &LoaderConfig, epoch| {
        let loader = Loader::new(samples(3), &preprocess(), config).unwrap();
        loader.epoch(epoch).next().unwrap().unwrap().images
    };
    let plain = LoaderConfig { augment: Augment::NONE, ..config.clone() };
    assert_eq!(images(&config, 0), images(&plain, 0));
    assert_eq!(images(&config, 1), images(&config, 3));
    assert_ne!(images(&config, 0), images(&config, 1));
    let loader = Loader::new(samples(3), &preprocess(), &config).unwrap();
    assert_eq!(loader.view(vec![0, 1, 2], 1).next().unwrap().unwrap().images, images(&config, 1));
}

#[test]
fn a_balanced_order_shows_every_label_equally_often() {
    // Nine of label 0, two of label 1, one of label 2.
    let labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2];
    let samples: Vec<Sample> =
        labels.iter().zip(samples(12)).map(|(&label, sample)| Sample { label, ..sample }).collect();
    let config = LoaderConfig { order: Order::Balanced, ..LoaderConfig::default() };
    let loader = Loader::new(samples, &preprocess(), &config).unwrap();
    for epoch in 0..5 {
        let order = loader.order(epoch);
        let count = |label| order.iter().filter(|&&place| labels[place] == label).count();
        assert_eq!([count(0), count(1), count(2)], [4, 4, 4], "{order:?}");
    }
    assert_ne!(loader.order(0), loader.order(1));
}

#[test]
fn a_file_read_in_part_gives_the_inputs_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("high.jpg");
    image::RgbImage::from_fn(60, 200, |x, y| image::Rgb([x as u8 * 4, y as u8, (x * y) as u8]))
        .save(&path)
        .unwrap();
    let config = |cache_bytes| LoaderConfig {
        augment: Augment::STANDARD,
        cache_bytes,
        ..LoaderConfig::default()
    };
    // What is kept is decoded as a whole, what is not only as far as its crop reaches.
    let [kept, not] = [1 << 20, 0].map(|bytes| loader(vec![Sample::file(&path, 0)], config(bytes)));
    for epoch in 0..50 {
        assert_eq!(all(kept.epoch(epoch)), all(not.epoch(epoch)), "{epoch}");
    }
}

/// What is on disk gives the inputs of what is decoded, in this run and in the next.
#[test]
fn pictures_on_disk_give_the_same_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..12_u8)
        .map(|number| {
            let path = folder.path().join(format!("{number}.jpg"));
            image::RgbImage::from_fn(60, 90, |x, y| {
                image::Rgb([x as u8 * 4, y as u8, number * 20])
            })
            .save(&path)
            .unwrap();
            path
        })
        .collect();
    let cached = folder.path().join("cache");
    for augment in [Augment::NONE, Augment::STANDARD] {
        let config = |disk| LoaderConfig {
            batch_size: 5,
            augment: augment.clone(),
            workers: 3,
            cache_bytes: 5_000,
            disk,
            ..LoaderConfig::default()
        };
        let samples = || files.iter().map(|file| Sample::file(file, 0)).collect();
        let expected = loader(samples(), config(None));
        for _ in 0..2 {
            let disk = crate::DiskCache::open(&cached, 1 << 24).unwrap();
            let found = loader(samples(), config(Some(disk.clone())));
            for epoch in 0..3 {
                assert_eq!(all(found.epoch(epoch)), all(expected.epoch(epoch)), "{epoch}");
            }
            let used = disk.used();
            assert!(used.pictures == 12 && used.found > 0 && used.closed.is_none(), "{used:?}");
        }
    }
}
