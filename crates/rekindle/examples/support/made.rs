//! Data that are made in code: pictures of stripes, and a table.

use std::{
    f64::consts::PI,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use rekindle::data::{DataSet, Picture, Random, Sample};
use rekindle_doodles::SIZE;

/// Stripes in four directions, of any width and shade and anywhere, under noise: little that small networks learn in a second.
pub(crate) fn stripes(each: [usize; 3]) -> Result<DataSet> {
    let part = |(count, seed): (usize, u64)| -> Result<Vec<Sample>> {
        let picture = |place: usize| {
            let (label, mut random) = (place % 4, Random::new(seed, 0, place as u64));
            let (sine, cosine) = (label as f64 * PI / 4.0 + 0.1 * random.normal()).sin_cos();
            let (period, phase) = (random.between(4.0, 9.0), random.between(0.0, 2.0 * PI));
            let mut shade = |at: usize| {
                let [x, y] = [at % SIZE, at / SIZE].map(|at| at as f64);
                let wave = (2.0 * PI * (x * cosine + y * sine) / period + phase).sin();
                (128.0 + 50.0 * wave + 40.0 * random.normal()) as u8
            };
            let pixels = (0..SIZE * SIZE).map(&mut shade).collect();
            Ok(Sample::new(Picture::from_gray(SIZE, SIZE, pixels)?.into(), label))
        };
        (0..4 * count).map(picture).collect()
    };
    let [train, val, test] = each;
    let parts = [part((train, 0))?, part((val, 1000))?, part((test, 2000))?];
    Ok(DataSet::from_samples(["across", "falling", "upright", "rising"], parts))
}

/// A table like the course's: to smoke costs more the heavier one is, which no sum of columns says.
pub(crate) fn charges(path: &Path) -> Result<PathBuf> {
    let mut random = Random::new(0, 0, 0);
    let mut list = "age,bmi,smoker,region,charges,split\n".to_owned();
    for row in 0..600 {
        let (age, bmi) = (random.between(18.0, 65.0), 30.0 + 6.0 * random.normal());
        let smoker = random.unit() < 0.2;
        let region = ["north", "east", "south", "west"][random.below(4)];
        let smoked = if smoker { 15000.0 + 1500.0 * (bmi - 30.0).max(0.0) } else { 0.0 };
        let charges = 4.0 * age * age + smoked + 500.0 * random.normal();
        let (smoker, split) =
            (["no", "yes"][usize::from(smoker)], ["test", "train"][(row % 5).min(1)]);
        writeln!(list, "{age:.0},{bmi:.2},{smoker},{region},{charges:.2},{split}")?;
    }
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(path, list)?;
    Ok(path.to_owned())
}
