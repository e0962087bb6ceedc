//! scratch: dump decoded files or preprocessed inputs
use rekindle_cards::*;
use std::io::Write;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let files: Vec<String> = std::fs::read_to_string(&args[2]).unwrap().lines().map(str::to_owned).collect();
    let mut out = std::io::BufWriter::new(std::fs::File::create(&args[3]).unwrap());
    let p = (args[1] != "raw").then(|| {
        let c: Vec<&str> = args[1].split(',').collect();
        rekindle_data::Preprocess::new(&Preprocessing {
            input_size: [3, c[0].parse().unwrap(), c[1].parse().unwrap()],
            crop_pct: c[2].parse().unwrap(),
            interpolation: match c[3] { "bilinear" => Interpolation::Bilinear, "bicubic" => Interpolation::Bicubic, "lanczos" => Interpolation::Lanczos, _ => Interpolation::Nearest },
            crop_mode: match c[4] { "center" => CropMode::Center, "squash" => CropMode::Squash, _ => CropMode::Border },
            mean: vec![0.485, 0.456, 0.406], std: vec![0.229, 0.224, 0.225],
        }).unwrap()
    });
    let t = std::time::Instant::now();
    let mut n = 0;
    for f in &files {
        let Ok(pic) = rekindle_data::decode(std::path::Path::new(f)) else { if p.is_none() { out.write_all(&[0u8; 8]).unwrap(); } continue };
        n += 1;
        match &p {
            None => { out.write_all(&(pic.width() as u32).to_le_bytes()).unwrap(); out.write_all(&(pic.height() as u32).to_le_bytes()).unwrap(); out.write_all(pic.pixels()).unwrap(); }
            Some(p) => { let v = p.apply(&pic).unwrap(); if args.len() < 5 { for x in v { out.write_all(&x.to_le_bytes()).unwrap(); } } }
        }
    }
    println!("{n} pictures, {:.1} a second", n as f64 / t.elapsed().as_secs_f64());
}
