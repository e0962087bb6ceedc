//! `cargo xtask dist`: the archive of a release: the program, completions, manual pages, licenses, and its checksum.
//!
//! The same commit, compiler and machine give the same bytes: entries are sorted, and have neither times nor owners.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context, bail, ensure};
use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

use crate::cargo::{Metadata, Package, metadata, succeed};

/// Shells that completions are made for, and what a file of each is called.
const SHELLS: [(&str, &str); 4] = [
    ("bash", "rekindle.bash"),
    ("zsh", "_rekindle"),
    ("fish", "rekindle.fish"),
    ("powershell", "_rekindle.ps1"),
];

/// Files of the repository that go along.
const ALONG: [&str; 5] =
    ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The largest text of a license that is read, in bytes.
const MAX_LICENSE_BYTES: u64 = 1 << 20;

const USAGE: &str = "usage: cargo xtask dist [--target TRIPLE]

Builds the program and writes target/dist/rekindle-VERSION-TARGET.tar.gz with its .sha256.";

/// Builds the archive.
pub(crate) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let target = match args {
        [] => None,
        [option, target] if option == "--target" => Some(target.as_str()),
        _ => {
            println!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    };
    let root = crate::root()?;
    let metadata = metadata(&root)?;
    let host = host()?;
    let triple = target.unwrap_or(&host);
    // With `--workspace`, or Cargo compiles Burn once more for other features.
    let mut build = vec!["build", "--locked", "--release", "--workspace", "--bin", "rekindle"];
    build.extend(target.iter().flat_map(|target| ["--target", target]));
    succeed(Command::new("cargo").args(build).current_dir(&root))?;
    let folder = target
        .map_or(metadata.target_directory.clone(), |target| metadata.target_directory.join(target));
    let program = folder.join("release").join("rekindle");
    let Some(package) = metadata.packages.iter().find(|package| package.name == "rekindle") else {
        bail!("the workspace has no package `rekindle`");
    };
    let name = format!("rekindle-{}-{triple}", package.version);
    let mut entries = BTreeMap::new();
    entries.insert("rekindle".to_owned(), fs::read(&program).context("the program")?);
    for file in ALONG {
        entries.insert(file.to_owned(), fs::read(root.join(file)).context(file)?);
    }
    let licenses = licenses(&root, &metadata, triple)?;
    entries.insert("THIRD-PARTY-LICENSES.txt".to_owned(), licenses.into_bytes());
    // What the program says of itself, which one for another machine cannot be asked.
    if target.is_none_or(|target| target == host) {
        said(&program, &mut entries)?;
    }
    let out = metadata.target_directory.join("dist");
    fs::create_dir_all(&out)?;
    let archive = out.join(format!("{name}.tar.gz"));
    let bytes = packed(&name, &entries)?;
    rekindle_base::write_file(&archive, &bytes)?;
    let digest = Sha256::digest(&bytes);
    let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sums = format!("{digest}  {name}.tar.gz\n");
    rekindle_base::write_file(&out.join(format!("{name}.tar.gz.sha256")), sums)?;
    println!("{}: {} files, {:.1} MB", archive.display(), entries.len(), bytes.len() as f64 / 1e6);
    println!("sha256 {digest}");
    Ok(ExitCode::SUCCESS)
}

/// Completions and manual pages, which the program writes.
fn said(program: &Path, entries: &mut BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    for (shell, file) in SHELLS {
        let output = Command::new(program).args(["completions", shell]).output()?;
        ensure!(output.status.success(), "completions for {shell}: {}", output.status);
        entries.insert(format!("completions/{file}"), output.stdout);
    }
    let pages = tempfile::tempdir()?;
    let quiet = std::process::Stdio::null();
    succeed(Command::new(program).args(["manual", "--out"]).arg(pages.path()).stdout(quiet))?;
    for page in fs::read_dir(pages.path())? {
        let page = page?;
        let name = page.file_name().to_string_lossy().into_owned();
        entries.insert(format!("man/{name}"), fs::read(page.path())?);
    }
    Ok(())
}

/// A gzipped tar of one folder of this name.
fn packed(name: &str, entries: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let gz = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(gz);
    for (path, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(if path == "rekindle" { 0o755 } else { 0o644 });
        archive.append_data(&mut header, format!("{name}/{path}"), bytes.as_slice())?;
    }
    Ok(archive.into_inner()?.finish()?)
}

/// The machine that this compiles for where nothing else is asked for.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say which machine it is for")
}

/// The licenses of all that is compiled into the program, each text once, with the packages that it is of.
fn licenses(root: &Path, metadata: &Metadata, triple: &str) -> anyhow::Result<String> {
    let arguments = ["tree", "--locked", "--package", "rekindle", "--edges", "normal", "--prefix"];
    let format = ["none", "--format", "{p}", "--target", triple];
    let output = Command::new("cargo").args(arguments).args(format).current_dir(root).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let used: BTreeSet<(&str, &str)> = listed
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.split_once(" v")?;
            Some((name, rest.split(' ').next()?))
        })
        .collect();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut summary = String::new();
    for package in &metadata.packages {
        let is_used = used.contains(&(package.name.as_str(), package.version.as_str()));
        if package.source.is_none() || !is_used {
            continue;
        }
        let shown = format!("{} {}", package.name, package.version);
        let license = package.license.as_deref().unwrap_or("see its text");
        let _ = writeln!(summary, "{shown}: {license}");
        for text in texts_of(package)? {
            texts.entry(text).or_default().push(shown.clone());
        }
    }
    ensure!(!texts.is_empty(), "no license of any package was found");
    let mut whole = format!("rekindle is made of these packages, too.\n\n{summary}");
    for (text, packages) in texts {
        let line = "-".repeat(79);
        let _ = write!(whole, "\n{line}\n{}\n\n{}\n", packages.join(", "), text.trim_end());
    }
    Ok(whole)
}

/// The texts of licenses and notices beside a package's manifest.
fn texts_of(package: &Package) -> anyhow::Result<Vec<String>> {
    let folder = package.manifest_path.parent().context("a manifest has a folder")?;
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
        let is_one = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_one && path.is_file() {
            texts.push(rekindle_base::read_text(&path, MAX_LICENSE_BYTES)?);
        }
    }
    texts.sort();
    Ok(texts)
}
