//! Serves a folder as a Hub: `rekindle-loopback FOLDER [PORT]`.
//!
//! `FOLDER/owner/name/...` are the files of the repository `owner/name`. The first line of output is what
//! `HF_ENDPOINT` is to be; it runs until its input ends or it is stopped.

use std::{
    env, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use rekindle_loopback::{Revision, Server};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (folder, port) = match arguments.as_slice() {
        [folder] => (folder, Some(0)),
        [folder, port] => (folder, port.parse().ok()),
        _ => (&String::new(), None),
    };
    let Some(port) = port else {
        let _ = writeln!(io::stderr(), "usage: rekindle-loopback FOLDER [PORT]");
        return ExitCode::from(2);
    };
    match serve(Path::new(folder), port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{folder}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(folder: &Path, port: u16) -> io::Result<()> {
    let server = Server::start_at(port)?;
    let mut output = io::stdout();
    writeln!(output, "{}", server.endpoint())?;
    for owner in folders(folder)? {
        for repository in folders(&owner)? {
            let mut files = Vec::new();
            collect(&repository, "", &mut files)?;
            let name = repository.strip_prefix(folder).unwrap_or(&repository).to_string_lossy();
            let commit = server.publish_revision(&name, Revision::new(files));
            writeln!(output, "{name} {commit}")?;
        }
    }
    output.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Arc<[u8]>)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), files)?,
            false => files.push((name, Arc::from(fs::read(entry.path())?))),
        }
    }
    Ok(())
}
