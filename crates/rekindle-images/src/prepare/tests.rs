use rekindle_cards::{CropMode, Interpolation, Preprocessing};
use rekindle_data::{Batch, Batches, LoaderConfig, Order, Views};

use super::*;
use crate::{Loader, Sample};

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
    (0..count).map(|index| Sample::new(picture(index).into(), index % 3)).collect()
}

fn prepare(pictures: PictureConfig) -> PreparePictures {
    PreparePictures::new(&preprocess(), &pictures).unwrap()
}

fn loader(samples: Vec<Sample>, pictures: PictureConfig) -> Loader {
    Loader::new(samples, prepare(pictures), &LoaderConfig::default()).unwrap()
}

fn all(batches: Batches<PreparePictures>) -> Vec<Batch> {
    batches.map(Result::unwrap).collect()
}

/// Pictures and inputs that several workers keep for each other, beside buffers that serve again.
#[test]
fn what_is_kept_in_memory_changes_no_batch() {
    for augment in [Augment::NONE, Augment::STANDARD, Augment::STRONG] {
        let loader = |workers, cache_bytes| {
            let pictures = PictureConfig { augment: augment.clone(), cache_bytes, disk: None };
            let config = LoaderConfig {
                batch_size: 8,
                order: Order::Shuffled,
                workers,
                prefetch: 1,
                ..LoaderConfig::default()
            };
            Loader::new(samples(45), prepare(pictures), &config).unwrap()
        };
        let (expected, found) = (loader(0, 0), loader(4, 1 << 20));
        for epoch in [0, 1, 0] {
            assert_eq!(all(found.epoch(epoch)), all(expected.epoch(epoch)), "{augment:?}");
        }
    }
}

#[test]
fn batches_hold_what_they_say() {
    let config = LoaderConfig { batch_size: 4, ..LoaderConfig::default() };
    let loader = Loader::new(samples(10), prepare(PictureConfig::default()), &config).unwrap();
    let batches = all(loader.epoch(0));
    assert_eq!(
        batches.iter().map(|batch| &batch.input.shape[..]).collect::<Vec<_>>(),
        [[4, 3, 8, 12], [4, 3, 8, 12], [2, 3, 8, 12]]
    );
    let picture = loader.samples()[9].item.picture().unwrap();
    assert_eq!(batches[2].input.values[3 * 8 * 12..], preprocess().apply(&picture).unwrap());
}

#[test]
fn an_augmentation_outside_of_its_range_is_refused() {
    let augment = Augment { flip: 2.0, ..Augment::NONE };
    let pictures = PictureConfig { augment, ..PictureConfig::default() };
    let error = PreparePictures::new(&preprocess(), &pictures).unwrap_err().to_string();
    assert!(error.contains("flip is 2"), "{error}");
}

#[test]
fn an_error_names_the_file() {
    let samples = vec![Sample::file("/no/such/picture.jpg", 0)];
    let mut batches = loader(samples, PictureConfig::default()).epoch(0);
    let message = batches.next().unwrap().unwrap_err().to_string();
    assert!(message.starts_with("/no/such/picture.jpg: cannot be read"), "{message}");
}

#[test]
fn views_take_turns_and_the_first_is_the_evaluations() {
    let two = std::num::NonZeroUsize::new(2).unwrap();
    let config =
        LoaderConfig { batch_size: 3, views: Views::Cycled(two), ..LoaderConfig::default() };
    let with = |augment| {
        let pictures = PictureConfig { augment, ..PictureConfig::default() };
        Loader::new(samples(3), prepare(pictures), &config).unwrap()
    };
    let images = |augment, epoch| with(augment).epoch(epoch).next().unwrap().unwrap().input.values;
    assert_eq!(images(Augment::STANDARD, 0), images(Augment::NONE, 0));
    assert_eq!(images(Augment::STANDARD, 1), images(Augment::STANDARD, 3));
    assert_ne!(images(Augment::STANDARD, 0), images(Augment::STANDARD, 1));
    let viewed = with(Augment::STANDARD).view(vec![0, 1, 2], 1).next().unwrap().unwrap();
    assert_eq!(viewed.input.values, images(Augment::STANDARD, 1));
}

/// Whatever differs in what is done to pictures differs in its description, and nothing else does.
#[test]
fn descriptions_tell_preparations_apart() {
    let rows = [
        Augment::NONE,
        Augment::FLIP,
        Augment::LIGHT,
        Augment::STANDARD,
        Augment::STRONG,
        Augment { grayscale: 0.1, ..Augment::STRONG },
    ];
    let described = rows.each_ref().map(|augment| {
        let cached = |cache_bytes| {
            let prepare =
                prepare(PictureConfig { augment: augment.clone(), cache_bytes, disk: None });
            [prepare.describe_plain(), prepare.describe_drawn()]
        };
        assert_eq!(cached(0), cached(7));
        cached(0)
    });
    for (place, one) in described.iter().enumerate() {
        assert_eq!(one[0], described[0][0]);
        assert!(described[..place].iter().all(|other| other[1] != one[1]), "{}", one[1]);
        let read: serde_json::Value = serde_json::from_str(&one[1]).unwrap();
        assert_eq!(read["flip"], rows[place].flip);
    }
    assert!(
        described[0][0].starts_with(r#"{"crop_mode":"center","crop_pct":0.9"#),
        "{}",
        described[0][0]
    );
}

#[test]
fn a_digest_is_of_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one.jpg", "other.jpg"].map(|name| folder.path().join(name));
    std::fs::write(&one, "abc").unwrap();
    std::fs::copy(&one, &other).unwrap();
    let prepare = prepare(PictureConfig::default());
    let files = Digests::open(folder.path()).unwrap();
    let digest = |source: &Source| prepare.digest(source, &files).unwrap();
    // The SHA-256 of "abc", FIPS 180-2, B.1.
    assert_eq!(digest(&one.clone().into())[..4], [0xba, 0x78, 0x16, 0xbf]);
    assert_eq!(digest(&one.clone().into()), digest(&other.clone().into()));
    // Another picture of the same length in its place.
    std::fs::write(folder.path().join("new"), "abd").unwrap();
    std::fs::rename(folder.path().join("new"), &one).unwrap();
    assert_ne!(digest(&one.into()), digest(&other.into()));
    let error = prepare.digest(&folder.path().to_path_buf().into(), &files).unwrap_err();
    assert!(matches!(error, Error::NotAPicture { .. }), "{error}");
    let gray = |width, height| Source::from(Picture::from_gray(width, height, vec![7; 6]).unwrap());
    assert_eq!(digest(&gray(2, 3)), digest(&gray(2, 3)));
    assert_ne!(digest(&gray(2, 3)), digest(&gray(3, 2)));
}

#[test]
fn the_second_epoch_reads_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.png");
    image::RgbImage::from_fn(30, 20, |x, y| image::Rgb([x as u8 * 8, y as u8 * 12, 40]))
        .save(&path)
        .unwrap();
    for augment in [Augment::NONE, Augment::STANDARD] {
        let config =
            |cache_bytes| PictureConfig { augment: augment.clone(), cache_bytes, disk: None };
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
fn a_file_read_in_part_gives_the_inputs_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("high.jpg");
    image::RgbImage::from_fn(60, 200, |x, y| image::Rgb([x as u8 * 4, y as u8, (x * y) as u8]))
        .save(&path)
        .unwrap();
    let config =
        |cache_bytes| PictureConfig { augment: Augment::STANDARD, cache_bytes, disk: None };
    // What is kept is decoded as a whole, what is not only as far as its crop reaches.
    let [kept, not] = [1 << 20, 0].map(|bytes| loader(vec![Sample::file(&path, 0)], config(bytes)));
    for epoch in 0..50 {
        assert_eq!(all(kept.epoch(epoch)), all(not.epoch(epoch)), "{epoch}");
    }
}

/// From the file and from the disk's cache: the other workers wait until it is resized and dropped.
#[test]
fn a_large_picture_holds_its_gate_until_it_is_prepared() {
    let folder = tempfile::tempdir().unwrap();
    for (side, waits) in [(60, false), (6000, true)] {
        let path = folder.path().join(format!("{side}.png"));
        image::GrayImage::new(side, side).save(&path).unwrap();
        let disk = Some(DiskCache::open(&folder.path().join("cache"), 1 << 30).unwrap());
        let prepare = prepare(PictureConfig { cache_bytes: 0, disk, ..PictureConfig::default() });
        let view = View::PLAIN;
        for from in ["the file", "the cache"] {
            let (picture, gate) = prepare.picture(&Source::File(path.clone()), view).unwrap();
            assert_eq!((picture.width(), gate.is_held()), (side as usize, waits), "{from}");
        }
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
        let loader = |samples, disk| {
            let pictures = PictureConfig { augment: augment.clone(), cache_bytes: 5_000, disk };
            let config = LoaderConfig { batch_size: 5, workers: 3, ..LoaderConfig::default() };
            Loader::<usize>::new(samples, prepare(pictures), &config).unwrap()
        };
        let samples = || files.iter().map(|file| Sample::file(file, 0)).collect();
        let expected = loader(samples(), None);
        for _ in 0..2 {
            let disk = DiskCache::open(&cached, 1 << 24).unwrap();
            let found = loader(samples(), Some(disk.clone()));
            for epoch in 0..3 {
                assert_eq!(all(found.epoch(epoch)), all(expected.epoch(epoch)), "{epoch}");
            }
            let used = disk.used();
            assert!(used.pictures == 12 && used.found > 0 && used.closed.is_none(), "{used:?}");
        }
    }
}

#[test]
fn the_bytes_of_a_file_are_what_the_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let picture = samples(1)[0].item.picture().unwrap();
    let path = folder.path().join("a.png");
    std::fs::write(&path, picture.to_png().unwrap()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let source = |bytes: &[u8]| Source::Bytes { name: "item 7".into(), bytes: bytes.into() };
    let plain = prepare(PictureConfig::default());
    let values = |source: &Source| {
        plain.prepare(source, View::PLAIN, None).map(|input| input.values().to_vec())
    };
    assert_eq!(values(&source(&bytes)).unwrap(), values(&Source::File(path.clone())).unwrap());
    let files = Digests::default();
    let digest = |source: &Source| source.digest(&files).unwrap();
    assert_eq!(digest(&source(&bytes)), digest(&Source::File(path)));
    let error = values(&source(&bytes[..40])).unwrap_err().to_string();
    assert!(error.starts_with("item 7: "), "{error}");
}
