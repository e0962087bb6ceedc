use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;
use crate::{Digests, Item};

/// A number, or a file that is not there.
#[derive(Debug, Clone)]
enum Number {
    Here(f32),
    Absent(PathBuf),
}

impl Item for Number {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::Here(_) => None,
            Self::Absent(path) => Some(path),
        }
    }
}

/// A number becomes five: itself, and what is drawn for it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Five {
    Plain,
    Drawn,
}

impl Prepare for Five {
    type Item = Number;
    type Input = Vec<f32>;
    type Batch = Dense;
    type Error = Error;

    fn prepare(
        &self,
        item: &Number,
        view: View,
        spare: Option<Vec<f32>>,
    ) -> Result<Vec<f32>, Error> {
        let number = match item {
            Number::Here(number) => *number,
            Number::Absent(path) => {
                let source = std::io::ErrorKind::NotFound.into();
                return Err(Error::Read { path: path.clone(), source });
            }
        };
        let mut input = spare.unwrap_or_default();
        input.clear();
        let mut random = view.random();
        input.resize_with(5, || if view.is_plain() { number } else { random.unit() as f32 });
        Ok(input)
    }

    fn collate(&self, inputs: &mut Vec<Vec<f32>>) -> Result<Dense, Error> {
        Ok(Dense::stack(inputs.iter().map(Vec::as_slice), &[5]))
    }

    fn input_bytes(&self) -> usize {
        20
    }

    fn draws(&self) -> bool {
        *self == Self::Drawn
    }

    fn describe_plain(&self) -> String {
        String::new()
    }

    fn describe_drawn(&self) -> String {
        String::new()
    }

    fn digest(&self, _: &Number, _: &Digests) -> Result<[u8; 32], Error> {
        Ok([0; 32])
    }
}

type Numbers = Vec<Sample<usize, Number>>;

fn samples(count: usize) -> Numbers {
    (0..count).map(|index| Sample::new(Number::Here(index as f32), index % 3)).collect()
}

fn loader(samples: Numbers, config: LoaderConfig) -> Loader<Five> {
    Loader::new(samples, Five::Plain, &config).unwrap()
}

fn all(batches: Batches<Five>) -> Vec<Batch> {
    batches.map(Result::unwrap).collect()
}

#[test]
fn batches_are_the_same_for_any_number_of_workers() {
    for (prepare, order) in
        [(Five::Plain, Order::Kept), (Five::Plain, Order::Shuffled), (Five::Drawn, Order::Balanced)]
    {
        let loader = |workers| {
            let config = LoaderConfig {
                batch_size: 8,
                order,
                seed: 5,
                workers,
                prefetch: 1,
                ..LoaderConfig::default()
            };
            Loader::new(samples(45), prepare, &config).unwrap()
        };
        let expected = loader(0);
        for workers in [1, 2, 4, 64] {
            let found = loader(workers);
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
        batches.iter().map(|batch| &batch.input.shape[..]).collect::<Vec<_>>(),
        [[4, 5], [4, 5], [2, 5]]
    );
    assert_eq!(batches[2].indices, [8, 9]);
    assert_eq!(batches[2].labels, [2, 0]);
    assert_eq!(batches[2].input.values, [[8.0; 5], [9.0; 5]].concat());
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
    assert_eq!(batches.iter().map(|batch| batch.input.shape[0]).collect::<Vec<_>>(), [4, 4]);
    assert!(Loader::new(samples(3), Five::Plain, &config).is_err());
}

#[test]
fn what_cannot_be_batched_is_refused() {
    let config = LoaderConfig::default();
    assert!(Loader::new(samples(0), Five::Plain, &config).is_err());
    assert!(
        Loader::new(samples(3), Five::Plain, &LoaderConfig { batch_size: 0, ..config.clone() })
            .is_err()
    );
    let mut weighed = samples(3);
    weighed[2].weight = -0.5;
    let error = Loader::new(weighed, Five::Plain, &config).unwrap_err().to_string();
    assert!(error.contains("sample 2 weighs -0.5"), "{error}");
}

#[test]
fn an_error_names_the_file_and_ends_the_epoch() {
    for workers in [0, 1, 4] {
        let mut samples = samples(20);
        samples[9] = Sample::new(Number::Absent("/no/such/picture.jpg".into()), 0);
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
    let input = Five::Plain.input_bytes();
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
fn views_take_turns_and_the_first_is_the_evaluations() {
    let two = std::num::NonZeroUsize::new(2).unwrap();
    let config =
        LoaderConfig { batch_size: 3, views: Views::Cycled(two), ..LoaderConfig::default() };
    let loader = |prepare| Loader::new(samples(3), prepare, &config).unwrap();
    let values = |prepare, epoch| loader(prepare).epoch(epoch).next().unwrap().unwrap().input;
    assert_eq!(values(Five::Drawn, 0), values(Five::Plain, 0));
    assert_eq!(values(Five::Drawn, 1), values(Five::Drawn, 3));
    assert_ne!(values(Five::Drawn, 0), values(Five::Drawn, 1));
    // Where nothing is drawn, there is one view.
    assert_eq!([0, 1, 2].map(|epoch| loader(Five::Plain).view_of(epoch)), [Views::PLAIN; 3]);
    let viewed = loader(Five::Drawn).view(vec![0, 1, 2], 1).next().unwrap().unwrap();
    assert_eq!(viewed.input, values(Five::Drawn, 1));
}

#[test]
fn a_balanced_order_shows_every_label_equally_often() {
    // Nine of label 0, two of label 1, one of label 2.
    let labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2];
    let samples: Numbers =
        labels.iter().zip(samples(12)).map(|(&label, sample)| Sample { label, ..sample }).collect();
    let config = LoaderConfig { order: Order::Balanced, ..LoaderConfig::default() };
    let loader = loader(samples, config);
    for epoch in 0..5 {
        let order = loader.order(epoch);
        let count = |label| order.iter().filter(|&&place| labels[place] == label).count();
        assert_eq!([count(0), count(1), count(2)], [4, 4, 4], "{order:?}");
    }
    assert_ne!(loader.order(0), loader.order(1));
}

#[test]
fn labels_take_turns_with_as_many_samples_each() {
    // Eight of labels 0 and 1, three of label 2, one of label 3.
    let labels: Vec<usize> = [[0; 8], [1; 8]].concat().into_iter().chain([2, 2, 2, 3]).collect();
    let samples: Numbers =
        labels.iter().zip(samples(20)).map(|(&label, sample)| Sample { label, ..sample }).collect();
    let shuffled = loader(
        samples,
        LoaderConfig { order: Order::Shuffled, seed: 4, ..LoaderConfig::default() },
    );
    let four = std::num::NonZeroUsize::new(4).unwrap();
    let loader = shuffled.clone().with_order(Order::PerLabel(four));
    for epoch in 0..5 {
        let order = loader.order(epoch);
        assert_eq!(order.len(), 20);
        // A round is four of each of two labels, three of one, one of one.
        for round in order.chunks(12).filter(|round| round.len() == 12) {
            let count = |label| round.iter().filter(|&&place| labels[place] == label).count();
            assert_eq!([0, 1, 2, 3].map(count), [4, 4, 3, 1], "{order:?}");
            let mut places = round.to_vec();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), 12, "a sample twice in a round: {order:?}");
        }
        assert_ne!(order, shuffled.order(epoch));
    }
    assert_ne!(loader.order(0), loader.order(1));
    assert_eq!(loader.order(1), loader.order(1));
}
