//! Writes a contact sheet, a row for each class, as a PPM file that most viewers open.
//!
//! ```sh
//! cargo run --release -p rekindle-doodles --example sheet -- target 16 0 target.ppm
//! ```
//!
//! The result: 10 rows of 16 pictures of stream 0, and on the standard error the pictures per second.

use std::error::Error;
use std::time::Instant;

use rekindle_doodles::{SIZE, Task, set};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, columns, seed, path] = arguments.as_slice() else {
        return Err("usage: sheet <source|target> <pictures per class> <seed> <file.ppm>".into());
    };
    let task = match task.as_str() {
        "source" => Task::Source,
        "target" => Task::Target,
        other => return Err(format!("unknown task '{other}': neither source nor target").into()),
    };
    let (columns, rows) = (columns.parse::<usize>()?, task.doodles().len());

    let start = Instant::now();
    let pictures = set(task, columns, seed.parse()?);
    let rate = pictures.len() as f64 / start.elapsed().as_secs_f64();
    eprintln!("{} pictures, {rate:.0} per second", pictures.len());

    let mut sheet = format!("P6\n{} {}\n255\n", columns * SIZE, rows * SIZE).into_bytes();
    for row in 0..rows {
        for line in 0..SIZE {
            for picture in pictures.iter().skip(row).step_by(rows) {
                sheet.extend(&picture.pixels[line * SIZE * 3..(line + 1) * SIZE * 3]);
            }
        }
    }
    Ok(std::fs::write(path, sheet)?)
}
