//! Whatever a file of decoded pictures holds, pictures are prepared from it or from their own files.
//!
//! The bytes are a record of a picture that is there, whose checksums are right: what may lie are its size and its pixels.
#![no_main]

use std::fs;
use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use rekindle_base::FileState;
use rekindle_cards::{CropMode, Interpolation, Preprocessing};
use rekindle_data::LoaderConfig;
use rekindle_images::{
    Augment, DiskCache, Loader, Picture, PictureConfig, PreparePictures, Preprocess, Sample,
};
use tempfile::TempDir;

#[path = "folder.rs"]
mod folder;

struct Place {
    folder: TempDir,
    picture: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = folder::folder();
        let picture = folder.path().join("picture.png");
        let png = Picture::from_gray(3, 2, vec![9; 6]).and_then(|picture| picture.to_png());
        fs::write(&picture, png.expect("it is a picture")).expect("cannot write the picture");
        Self { folder, picture }
    }
}

fuzz_target!(|bytes: &[u8]| {
    thread_local! {
        static PLACE: Place = Place::new();
    }
    PLACE.with(|Place { folder, picture }| {
        let state = FileState::of(picture).expect("it is there");
        let key = state.key(picture);
        let checksum = |values: &[u8]| crc32fast::hash(&[&key[..], values].concat()).to_le_bytes();
        let size = (bytes.len() as u32).to_le_bytes();
        let header = [b"rekindle pixels2".as_slice(), &[0; 32], &[0; 8]].concat();
        let record = [&key[..], &size, &checksum(&size), bytes, &checksum(bytes)].concat();
        fs::write(folder.path().join("pixels.bin"), [header, record].concat())
            .expect("cannot write the cache");
        let disk = DiskCache::open(folder.path(), 1 << 20).expect("it is one of ours");
        let (crop_mode, augment) = match bytes.len() % 4 {
            0 => (CropMode::Center, Augment::NONE),
            1 => (CropMode::Squash, Augment::STANDARD),
            2 => (CropMode::Border, Augment::NONE),
            _ => (CropMode::Center, Augment::STRONG),
        };
        let preprocess = Preprocess::new(&Preprocessing {
            input_size: [3, 8, 6],
            interpolation: Interpolation::Bilinear,
            crop_pct: 0.9,
            crop_mode,
            mean: vec![0.5],
            std: vec![0.25],
        });
        let config = PictureConfig { augment, cache_bytes: 0, disk: Some(disk.clone()) };
        let prepare = PreparePictures::new(&preprocess.expect("it is sound"), &config);
        let samples = vec![Sample::file(picture, 0)];
        let loader: Result<Loader, _> =
            Loader::new(samples, prepare.expect("it is sound"), &LoaderConfig::default());
        let mut batches = loader.expect("it is sound").epoch(1);
        let batch = batches.next().expect("there is one").expect("the picture itself is sound");
        assert_eq!(batch.input.values.len(), 3 * 8 * 6);
    });
});
