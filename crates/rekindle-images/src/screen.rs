//! What to do with pictures that cannot be read: stop, or leave them out and say so.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rekindle_base::{AtomicFile, causes, path_cell, text_cell};

use crate::{Error, Sample, decode};

/// A picture that cannot be used, and why.
#[derive(Debug)]
pub struct Unusable<L = usize> {
    /// The picture.
    pub sample: Sample<L>,
    /// What is wrong with it, with its name.
    pub error: Error,
}

/// Decodes every picture once, on so many threads, and tells apart those that can be used and those that cannot.
///
/// Both come in the order of `samples`. Pictures in memory are whole already.
pub fn screen<L: Send + Sync>(
    samples: Vec<Sample<L>>,
    workers: usize,
) -> (Vec<Sample<L>>, Vec<Unusable<L>>) {
    let next = AtomicUsize::new(0);
    let look = || {
        let mut wrong = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(sample) = samples.get(place) else { return wrong };
            if let Some(Err(error)) = sample.path().map(decode) {
                wrong.push((place, error));
            }
        }
    };
    let mut wrong: Vec<(usize, Error)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..workers).map(|_| scope.spawn(look)).collect();
        let mut wrong = look();
        // A thread that panics in spite of everything is left to panic here.
        wrong.extend(threads.into_iter().flat_map(|thread| match thread.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        }));
        wrong
    });
    wrong.sort_by_key(|(place, _)| *place);
    let mut wrong = wrong.into_iter().peekable();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (place, sample) in samples.into_iter().enumerate() {
        match wrong.next_if(|(wrong, _)| *wrong == place) {
            Some((_, error)) => bad.push(Unusable { sample, error }),
            None => good.push(sample),
        }
    }
    (good, bad)
}

/// Writes the files that cannot be used and why, as comma-separated values below a line of names; whole or not at all.
///
/// It is for people: what a spreadsheet would compute is written so that it does not, and paths lead where they led.
///
/// # Errors
///
/// [`Error::Write`] where the file cannot be written.
pub fn quarantine<L>(path: &Path, unusable: &[Unusable<L>]) -> Result<(), Error> {
    write(path, unusable).map_err(|source| Error::Write { path: path.to_owned(), source })
}

fn write<L>(path: &Path, unusable: &[Unusable<L>]) -> std::io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    let mut list = csv::Writer::from_writer(&mut file);
    list.write_record(["path", "problem"])?;
    for Unusable { sample, error } in unusable {
        let file = sample.path().map_or_else(String::new, |path| path.display().to_string());
        list.write_record([&*path_cell(&file), &*text_cell(&causes(error))])?;
    }
    list.flush()?;
    drop(list);
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Picture;

    #[test]
    fn what_cannot_be_read_is_told_apart_whatever_the_number_of_threads() {
        let folder = tempfile::tempdir().unwrap();
        let png = Picture::from_gray(8, 8, (0..64).collect()).unwrap().to_png().unwrap();
        let samples: Vec<Sample> = (0..30)
            .map(|number| {
                let path = folder.path().join(format!("{number}.png"));
                // Every seventh is cut off, and one is not there.
                match number {
                    12 => {}
                    _ if number % 7 == 3 => std::fs::write(&path, &png[..png.len() / 2]).unwrap(),
                    _ => std::fs::write(&path, &png).unwrap(),
                }
                Sample::file(path, number % 2)
            })
            .collect();
        for workers in [0, 1, 2, 5] {
            let (good, bad) = screen(samples.clone(), workers);
            let names: Vec<_> =
                bad.iter().map(|bad| bad.sample.path().unwrap().file_stem().unwrap()).collect();
            assert_eq!(names, ["3", "10", "12", "17", "24"], "{workers}");
            assert_eq!(good.len(), 25);
            assert!(bad.iter().all(|bad| bad.error.to_string().contains(".png")));
            let list = folder.path().join("list.csv");
            quarantine(&list, &bad).unwrap();
            let mut list = csv::Reader::from_path(&list).unwrap();
            let rows: Vec<[String; 2]> = list.deserialize().map(Result::unwrap).collect();
            assert_eq!(rows.len(), 5);
            let bad = bad.iter().map(|bad| (bad.sample.path().unwrap(), causes(&bad.error)));
            for ([file, problem], (path, error)) in rows.iter().zip(bad) {
                assert_eq!((Path::new(file), problem), (path, &error));
            }
        }
        let missing = folder.path().join("no/list.csv");
        assert!(quarantine::<usize>(&missing, &[]).unwrap_err().to_string().contains("list.csv"));
    }
}
