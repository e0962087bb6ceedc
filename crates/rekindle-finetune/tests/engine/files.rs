//! Items in files: what they hold is known from run to run, and noticed when it changes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use burn::prelude::*;
use rekindle_data::{Dense, Digests, Error, Prepare, Random, Sample, View};
use rekindle_finetune::{
    EngineConfig, EngineFolder, Error as FinetuneError, HeadStart, Items, Start, Trainee, finetune,
};
use rekindle_train::{Classify, Train, Validation};
use rekindle_transfer::{Classifier, Frozen, Phase, Plan};

use crate::support::{Chain, SIDE, Whole};

const CLASSES: usize = 2;
/// Bytes of a record of `digests.bin`: what a file is found by, its digest, and a checksum.
const RECORD: u64 = 32 + 32 + 4;

/// Pixels as numbers, little-endian.
#[derive(Debug)]
pub(crate) struct Pixels;

impl Prepare for Pixels {
    type Item = PathBuf;
    type Input = Vec<f32>;
    type Batch = Dense;
    type Error = Error;

    fn prepare(&self, path: &PathBuf, _: View, _: Option<Vec<f32>>) -> Result<Vec<f32>, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Read { path: path.clone(), source })?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|pixel| f32::from_le_bytes(*pixel)).collect())
    }

    fn collate(&self, inputs: &mut Vec<Vec<f32>>) -> Result<Dense, Error> {
        Whole.collate(inputs)
    }

    fn input_bytes(&self) -> usize {
        Whole.input_bytes()
    }

    fn draws(&self) -> bool {
        false
    }

    fn describe_plain(&self) -> String {
        "pixels".to_owned()
    }

    fn describe_drawn(&self) -> String {
        String::new()
    }

    fn digest(&self, path: &PathBuf, files: &Digests) -> Result<[u8; 32], Error> {
        files.digest(path).map_err(|source| Error::Read { path: path.clone(), source })
    }
}

pub(crate) fn write(path: &Path, seed: u64) {
    let mut random = Random::new(seed, 0, 0);
    let pixels = (0..3 * SIDE * SIDE).map(|_| (random.unit() as f32 - 0.5).to_le_bytes());
    fs::write(path, pixels.collect::<Vec<_>>().concat()).unwrap();
}

#[test]
fn what_files_hold_is_known_from_run_to_run_and_a_change_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..12).map(|n| folder.path().join(format!("{n}.bin"))).collect();
    files.iter().enumerate().for_each(|(seed, file)| write(file, seed as u64));
    let device = Device::flex().autodiff();
    let network = Classifier::new(Chain::new(2, &device), CLASSES, &device);
    let out = folder.path().join("run");
    let run = |start| {
        let items = |files: &[PathBuf]| {
            let files = files.iter().cloned().enumerate();
            let samples = files.map(|(place, file)| Sample::new(file, place % CLASSES)).collect();
            Items { samples, prepare: Pixels }
        };
        let plan = Plan::new(vec![Phase::new("all", 2, Frozen::Nothing, 0.01)]);
        let config = EngineConfig {
            batch: 4,
            head: HeadStart::AsItIs,
            probe: false,
            ..EngineConfig::new(plan, Classify::new(CLASSES))
        };
        let folder = EngineFolder { start, interval: Duration::ZERO, ..EngineFolder::new(&out) };
        let data = (Train(items(&files[..8])), Validation(items(&files[8..])));
        finetune(Trainee::new(network.clone(), "chain"), data, config, Some(&folder), &mut [])
    };
    let known = || fs::metadata(out.join("digests.bin")).unwrap().len();
    run(Start::Fresh).unwrap();
    let first = known();
    assert!(first > 12 * RECORD, "{first} bytes");
    assert_eq!(run(Start::Resume).unwrap().history.len(), 2);
    assert_eq!(known(), first, "nothing was new");

    // As long as the one before, and in its place.
    write(&folder.path().join("other"), 99);
    fs::rename(folder.path().join("other"), &files[3]).unwrap();
    let error = run(Start::Resume).unwrap_err();
    let FinetuneError::OtherRun { differs, .. } = error else { panic!("{error}") };
    assert_eq!(differs, ["training samples"]);
    assert_eq!(known(), first + RECORD, "one was new");
}
