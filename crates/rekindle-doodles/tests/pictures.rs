//! Facts about every row of both tables.

use std::collections::HashSet;

use rekindle_doodles::{Rendered, SIZE, SOURCE, TARGET, Task, render, set};

const TASKS: [Task; 2] = [Task::Source, Task::Target];

/// Mean and standard deviation of the bytes.
fn statistics<'a>(pixels: impl Iterator<Item = &'a u8> + Clone) -> (f64, f64) {
    let count = pixels.clone().count() as f64;
    let mean = pixels.clone().map(|&pixel| f64::from(pixel)).sum::<f64>() / count;
    let variance = pixels.map(|&pixel| (f64::from(pixel) - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// The 64-bit FNV-1a hash of the pictures and their labels.
fn fingerprint(pictures: &[Rendered]) -> u64 {
    let bytes = pictures.iter().flat_map(|it| it.pixels.iter().copied().chain([it.label as u8]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn names_are_unique_over_both_tasks() {
    let names: HashSet<&str> = SOURCE.iter().chain(TARGET).map(|doodle| doodle.name).collect();
    assert_eq!(names.len(), SOURCE.len() + TARGET.len());
}

#[test]
fn a_picture_depends_on_its_task_index_and_seed_alone() {
    for task in TASKS {
        let pictures = set(task, 3, 7);
        for (index, picture) in pictures.iter().enumerate().rev() {
            assert_eq!(*picture, render(task, index as u64, 7));
        }
        assert_eq!(set(task, 2, 7), pictures[..2 * task.doodles().len()]);
    }
}

#[test]
fn no_two_pictures_are_alike() {
    let mut seen = HashSet::new();
    for task in TASKS {
        for seed in [0, 1, 2, u64::MAX] {
            for picture in set(task, 10, seed) {
                assert!(seen.insert(picture.pixels), "{task:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn labels_are_balanced() {
    for task in TASKS {
        let pictures = set(task, 5, 3);
        for label in 0..task.doodles().len() {
            assert_eq!(pictures.iter().filter(|it| it.label == label).count(), 5);
        }
    }
}

#[test]
fn every_class_is_drawn_and_tells_nothing_by_its_colors() {
    for task in TASKS {
        let pictures = set(task, 100, 0);
        for (label, doodle) in task.doodles().iter().enumerate() {
            let of_class = pictures.iter().filter(|it| it.label == label);
            for picture in of_class.clone() {
                assert_eq!(picture.pixels.len(), SIZE * SIZE * 3);
                let (_, deviation) = statistics(picture.pixels.iter());
                assert!(deviation > 5.0, "{} is blank", doodle.name);
            }
            for channel in 0..3 {
                let (mean, deviation) = statistics(
                    of_class.clone().flat_map(|it| it.pixels.iter().skip(channel).step_by(3)),
                );
                assert!((110.0..145.0).contains(&mean), "{}: mean {mean}", doodle.name);
                assert!(
                    (60.0..85.0).contains(&deviation),
                    "{}: deviation {deviation}",
                    doodle.name
                );
            }
        }
    }
}

#[test]
fn pictures_are_the_same_bytes_on_every_machine() {
    // A checkpoint is trained on these: when they change, it is to be trained again.
    for (task, expected) in
        [(Task::Source, 0x6f59_64be_be59_d29f), (Task::Target, 0xe057_9b79_e7a9_fb08)]
    {
        let found = fingerprint(&set(task, 4, 0));
        assert_eq!(found, expected, "{task:?}: {found:#x}");
    }
}
