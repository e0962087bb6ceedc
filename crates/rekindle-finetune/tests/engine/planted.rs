//! What somebody else put into a run's folder, found by the right keys: it changes no run, fresh or gone on with.

use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};

use burn::prelude::*;
use rekindle_base::{Digests, FileState, Header, RecordFile, SPOT_CHECKED, Sizes, digest_file};
use rekindle_data::{Prepare, Sample};
use rekindle_finetune::{
    EngineConfig, EngineFolder, EngineOutcome, FromPrepared, HeadStart, Items, Start, Trainee,
    finetune,
};
use rekindle_layers::Backbone;
use rekindle_metrics::Values;
use rekindle_train::{Classify, Train, TrainEvent, Validation};
use rekindle_transfer::{
    Classifier, Frozen, Phase, Plan,
    features::{FeatureStore, Precision},
};

use crate::{
    files::{Pixels, write},
    support::{Chain, Whole, noise},
};

const CLASSES: usize = 2;
const EPOCHS: usize = 3;
const TRAIN: usize = 100;
const VAL: usize = 20;

/// Whether another's features are planted at a place.
type Wrong = fn(usize) -> bool;

type Outcome = EngineOutcome<Chain, Classify>;

/// Trains the head on what the frozen network makes of items, and stops after so many epochs.
fn run<P>(
    network: &Classifier<Chain>,
    [train, val]: [Vec<P::Item>; 2],
    prepare: fn() -> P,
    (out, start, epochs): (&Path, Start, usize),
) -> Outcome
where
    P: Prepare,
    <Chain as Backbone>::Input: FromPrepared<P::Batch>,
{
    let items = |items: Vec<P::Item>| {
        let items = items.into_iter().enumerate();
        let samples = items.map(|(place, item)| Sample::new(item, place % CLASSES)).collect();
        Items { samples, prepare: prepare() }
    };
    let plan = Plan::new(vec![Phase::new("head", EPOCHS, Frozen::Backbone, 0.01)]);
    let config = EngineConfig {
        batch: 8,
        head: HeadStart::AsItIs,
        probe: false,
        ..EngineConfig::new(plan, Classify::new(CLASSES))
    };
    let mut stop = |event: &TrainEvent<'_, Classifier<Chain>>| match event {
        TrainEvent::Epoch { state, .. } if state.history.len() == epochs => {
            Ok(ControlFlow::Break(()))
        }
        _ => Ok(ControlFlow::Continue(())),
    };
    let folder = EngineFolder { start, interval: Duration::ZERO, ..EngineFolder::new(out) };
    let data = (Train(items(train)), Validation(items(val)));
    let trainee = Trainee::new(network.clone(), "chain");
    finetune(trainee, data, config, Some(&folder), &mut [&mut stop]).unwrap()
}

fn course(outcome: &Outcome) -> Vec<(usize, Values, Values)> {
    let epochs = outcome.history.iter();
    epochs.map(|epoch| (epoch.number, epoch.train.clone(), epoch.val.clone())).collect()
}

fn network() -> Classifier<Chain> {
    let device = Device::flex().autodiff();
    Classifier::new(Chain::new(2, &device), CLASSES, &device)
}

/// Writes the file of features once more, with others where `wrong` says so; training samples come first.
fn plant(path: &Path, wrong: Wrong) {
    const NAME: usize = "rekindle features 1\n".len();
    let bytes = fs::read(path).unwrap();
    let of_network = bytes[NAME..NAME + 32].try_into().unwrap();
    let width = u64::from_le_bytes(bytes[NAME + 32..NAME + 40].try_into().unwrap()) as usize / 4;
    let records: Vec<&[u8]> = bytes[NAME + 40..].chunks_exact(32 + width * 4 + 4).collect();
    assert_eq!(records.len(), TRAIN + VAL);
    fs::remove_file(path).unwrap();
    let mut store = FeatureStore::open(path, &of_network, width, Precision::F32).unwrap();
    for (place, record) in records.iter().enumerate() {
        let values = record[32..32 + width * 4].as_chunks::<4>().0.iter();
        let value = |bytes: &[u8; 4]| match wrong(place) {
            true => 2.0 - f32::from_le_bytes(*bytes),
            false => f32::from_le_bytes(*bytes),
        };
        let values: Vec<f32> = values.map(value).collect();
        store.put(record[..32].try_into().unwrap(), &values).unwrap();
    }
    store.flush().unwrap();
    assert!(fs::read(path).unwrap() != bytes, "nothing was planted");
}

#[test]
fn features_that_were_planted_change_no_run() {
    const { assert!(TRAIN / 2 + SPOT_CHECKED > TRAIN, "a sample holds one of the wrong half") };
    let network = network();
    let files = tempfile::tempdir().unwrap();
    let run = |out: &Path, start, epochs| {
        run(&network, [noise(TRAIN, 1), noise(VAL, 2)], || Whole, (out, start, epochs))
    };
    let honest = run(&files.path().join("honest"), Start::Fresh, EPOCHS);
    assert_eq!(honest.history.len(), EPOCHS);
    let rows: [(&str, Wrong); 3] = [
        ("all", |_| true),
        ("half of what is trained on", |place| place < TRAIN && place.is_multiple_of(2)),
        ("what is validated on", |place| place >= TRAIN),
    ];
    for (row, wrong) in rows {
        for (start, first) in [(Start::Fresh, EPOCHS), (Start::Resume, 1)] {
            let row = format!("{row}, {start:?}");
            let out = files.path().join(&row);
            run(&out, Start::Fresh, first);
            let kept = out.join("embeddings.bin");
            let good = fs::read(&kept).unwrap();
            plant(&kept, wrong);
            let found = run(&out, start, EPOCHS);
            assert_eq!(course(&found), course(&honest), "{row}");
            let report = &found.cache[0];
            assert_eq!((report.found, report.computed), (0, TRAIN + VAL), "{row}");
            let said = report.line(EPOCHS).unwrap();
            assert!(said.contains("not what these weights make of the items"), "{row}: {said}");
            assert!(fs::read(&kept).unwrap() == good, "{row}: other features are kept");
            // What is right is believed, and not computed again.
            let again = run(&out, Start::Fresh, EPOCHS);
            assert_eq!((again.cache[0].computed, again.cache[0].rebuilt.clone()), (0, None));
            assert_eq!(course(&again), course(&honest), "{row}");
        }
    }
}

/// All files are said to hold what the first does: the first one's features would be everybody's.
#[test]
fn digests_that_were_planted_change_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<PathBuf> = (0..12).map(|n| folder.path().join(format!("{n}.bin"))).collect();
    files.iter().enumerate().for_each(|(seed, file)| write(file, seed as u64));
    let network = network();
    let run = |out: &Path, start, epochs| {
        let parts = [files[..8].to_vec(), files[8..].to_vec()];
        run(&network, parts, || Pixels, (out, start, epochs))
    };
    let honest = run(&folder.path().join("honest"), Start::Fresh, EPOCHS);
    for (start, first) in [(Start::Fresh, EPOCHS), (Start::Resume, 1)] {
        let out = folder.path().join(format!("{start:?}"));
        run(&out, Start::Fresh, first);
        let kept = out.join("digests.bin");
        fs::remove_file(&kept).unwrap();
        let header = Header {
            name: b"rekindle digests ",
            version: b"1\n",
            key: [0; 32],
            sizes: Sizes::Equal(32),
        };
        let records = RecordFile::open(&kept, &header).unwrap();
        let planted = digest_file(&files[0]).unwrap();
        for file in &files {
            let real = fs::canonicalize(file).unwrap();
            records.put(&FileState::of(&real).unwrap().key(&real), &planted).unwrap();
        }
        drop(records);

        let found = run(&out, start, EPOCHS);
        assert_eq!(course(&found), course(&honest), "{start:?}");
        let said = found.cache[0].line(EPOCHS).unwrap();
        assert!(said.contains("digests.bin"), "{start:?}: {said}");
        let digests = Digests::open(&out).unwrap();
        assert_eq!(digests.remembered(), files.len(), "{start:?}");
        for file in &files {
            assert_eq!(digests.digest(file).unwrap(), digest_file(file).unwrap(), "{start:?}");
        }
    }
}
