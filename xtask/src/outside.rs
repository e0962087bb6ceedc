//! `cargo xtask outside`: whether the packages, as they would be published, are enough for a stranger.
//!
//! They are packed, unpacked elsewhere, and a program of a few lines that is no part of the workspace is built on them and
//! fine-tunes the starter on a folder of pictures. Burn is compiled once more: ten minutes on two cores.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context, ensure};
use flate2::read::GzDecoder;

use crate::cargo::{metadata, succeed};

const USAGE: &str = "usage: cargo xtask outside FOLDER

Packs all packages, and fine-tunes on FOLDER (a folder of pictures a label) by a program that knows nothing but them.";

/// The program: what its README could show.
const PROGRAM: &str = r#"use std::path::Path;

use rekindle::{Device, Model, data::DataConfig, data::open_pictures, transfer::Recipe};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [folder, weights] = [1, 2].map(|place| std::env::args().nth(place).unwrap_or_default());
    let (model, _) = Model::open(None, Path::new(&weights), &Device::flex())?;
    let pictures = open_pictures::<usize>(&DataConfig::new(&folder))?;
    let tuned = model.finetune(&pictures, &Recipe::named("head", 5, 0.01)?)?;
    println!("a probe has {:.1}%", 100.0 * tuned.probe().unwrap_or_default());
    tuned.save(Path::new("best.safetensors"), None)?;
    Ok(())
}
"#;

pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let [folder] = args else {
        println!("{USAGE}");
        return Ok(ExitCode::from(2));
    };
    let root = crate::root()?;
    let folder = fs::canonicalize(folder).with_context(|| folder.clone())?;
    let metadata = metadata(&root)?;
    let place = metadata.target_directory.join("outside");
    let packed = ["package", "--workspace", "--no-verify", "--allow-dirty"];
    succeed(Command::new("cargo").args(packed).current_dir(&root))?;
    let packages = place.join("packages");
    let _ = fs::remove_dir_all(&packages);
    fs::create_dir_all(&packages)?;
    let mut patches = String::new();
    for package in metadata.published() {
        let name = format!("{}-{}", package.name, package.version);
        let file = metadata.target_directory.join(format!("package/{name}.crate"));
        let file = fs::File::open(&file).with_context(|| file.display().to_string())?;
        tar::Archive::new(GzDecoder::new(file)).unpack(&packages)?;
        patches += &format!("{} = {{ path = \"packages/{name}\" }}\n", package.name);
    }
    let version = metadata.published().next().map(|package| package.version.clone());
    let version = version.context("no package is published")?;
    let manifest = format!(
        "[package]\nname = \"outside\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nrekindle = \"{version}\"\n\n[patch.crates-io]\n{patches}\n[workspace]\n"
    );
    fs::create_dir_all(place.join("src"))?;
    fs::write(place.join("Cargo.toml"), manifest)?;
    fs::write(place.join("src/main.rs"), PROGRAM)?;
    let saved = place.join("best.safetensors");
    let _ = fs::remove_file(&saved);
    let weights = root.join("weights/resnet20_cifar.doodles.safetensors");
    let target = place.join("target");
    let mut command = Command::new("cargo");
    command.args(["run", "--release", "--"]).args([&folder, &weights]);
    succeed(command.env("CARGO_TARGET_DIR", target).current_dir(&place))?;
    ensure!(saved.exists(), "nothing was saved");
    let count = patches.lines().count();
    println!("a program outside of the workspace was built on {count} packages, and fine-tuned");
    Ok(ExitCode::SUCCESS)
}
