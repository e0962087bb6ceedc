//! How many pictures of a folder a second a core turns into inputs: `cargo xtask bench data FOLDER`.
//!
//! | mode | what is measured |
//! |---|---|
//! | decode | file to pixels, the limit of the others |
//! | evaluate | and resized, cropped, normalised: 224 pixels, bicubic, `crop_pct` 0.95 |
//! | train | and a random crop, resized, mirrored half of the time, normalised |
#![allow(clippy::print_stdout, reason = "a measurement is printed")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rekindle_cards::{CropMode, Interpolation, Preprocessing};
use rekindle_data::LoaderConfig;
use rekindle_images::{
    Augment, DiskCache, Listing, Loader, PictureConfig, PreparePictures, Preprocess, Sample, decode,
};

const USAGE: &str =
    "usage: cargo xtask bench data FOLDER [--workers N] [--runs N] [--disk DIR] [--json]

  --workers N   threads; with 0 the caller does everything on one core (the default)
  --runs N      how often each is measured; the median counts (5)
  --disk DIR    read decoded pictures from a cache there, after a first round that fills it
  --json        one object a line";

/// Pictures that are measured, at most.
const MOST: usize = 400;

struct Options {
    folder: PathBuf,
    workers: usize,
    runs: usize,
    disk: Option<PathBuf>,
    json: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(options) = parse(std::env::args().skip(1))? else {
        println!("{USAGE}");
        return Ok(());
    };
    let mut files = Vec::new();
    collect(&options.folder, &mut files)?;
    files.sort();
    files.truncate(MOST);
    if files.is_empty() {
        return Err(format!("{} has no pictures", options.folder.display()).into());
    }
    measure(&options, "decode", &files, || decode_all(&files, options.workers))?;
    for (mode, augment) in [("evaluate", Augment::NONE), ("train", Augment::STANDARD)] {
        let loader = loader(&files, augment, &options)?;
        measure(&options, mode, &files, || {
            loader.epoch(0).try_for_each(|batch| batch.map(drop)).map_err(Into::into)
        })?;
    }
    Ok(())
}

/// The options, or nothing where help is asked for.
fn parse(mut args: impl Iterator<Item = String>) -> Result<Option<Options>, Box<dyn Error>> {
    let (mut folder, mut disk, mut workers, mut runs, mut json) = (None, None, 0, 5, false);
    while let Some(arg) = args.next() {
        if arg == "--disk" {
            disk = Some(PathBuf::from(args.next().ok_or("--disk needs a folder")?));
            continue;
        }
        let mut number = || -> Result<usize, Box<dyn Error>> {
            let value = args.next().ok_or_else(|| format!("{arg} needs a number"))?;
            Ok(value.parse().map_err(|error| format!("{arg} {value}: {error}"))?)
        };
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--workers" => workers = number()?,
            "--runs" => runs = number()?.max(1),
            "--json" => json = true,
            _ if folder.is_none() && !arg.starts_with('-') => folder = Some(PathBuf::from(arg)),
            _ => return Err(format!("what is {arg}?\n{USAGE}").into()),
        }
    }
    let folder = folder.ok_or_else(|| format!("which folder?\n{USAGE}"))?;
    Ok(Some(Options { folder, workers, runs, disk, json }))
}

/// The pictures under a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let found = Listing::of(folder)?;
    files.extend(found.files);
    found.folders.iter().try_for_each(|folder| collect(folder, files))
}

fn loader(
    files: &[PathBuf],
    augment: Augment,
    options: &Options,
) -> Result<Loader, Box<dyn Error>> {
    let preprocess = Preprocess::new(&Preprocessing {
        input_size: [3, 224, 224],
        interpolation: Interpolation::Bicubic,
        crop_pct: 0.95,
        crop_mode: CropMode::Center,
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
    })?;
    let samples = files.iter().map(|file| Sample::file(file.clone(), 0)).collect();
    let disk = options.disk.as_ref().map(|folder| DiskCache::open(folder, u64::MAX)).transpose()?;
    let workers = options.workers;
    let pictures = PictureConfig { augment, cache_bytes: 0, disk };
    let config = LoaderConfig { workers, ..LoaderConfig::default() };
    Ok(Loader::new(samples, PreparePictures::new(&preprocess, &pictures)?, &config)?)
}

fn decode_all(files: &[PathBuf], workers: usize) -> Result<(), Box<dyn Error>> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            decode(file)?;
        }
        Ok::<(), rekindle_images::Error>(())
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        work()?;
        others.into_iter().try_for_each(|other| other.join().unwrap_or(Ok(())))?;
        Ok(())
    })
}

fn measure(
    options: &Options,
    mode: &str,
    files: &[PathBuf],
    run: impl Fn() -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    run()?;
    let mut seconds = Vec::new();
    for _ in 0..options.runs {
        let start = Instant::now();
        run()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let cores = options.workers.max(1) as f64;
    let (workers, images) = (options.workers, files.len());
    let rate = images as f64 / seconds[seconds.len() / 2] / cores;
    if options.json {
        let rate = (rate * 10.0).round() / 10.0;
        println!(
            "{}",
            serde_json::json!({
                "what": "data", "mode": mode, "workers": workers, "images": images,
                "images_per_second_per_core": rate,
            })
        );
    } else {
        println!("{mode:<9}{workers:>3} workers{images:>5} images{rate:>9.1} images/s/core");
    }
    Ok(())
}
