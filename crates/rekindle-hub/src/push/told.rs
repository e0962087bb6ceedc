//! What the Hub says of files before they are sent: where their bytes belong, and which it has.

use std::{
    fs::File,
    io::{Read, Take},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Source, Upload, post};
use crate::{
    Client, Error,
    digest::{Hasher, Sums, sums},
    names::MAIN,
};

/// How much of a file the Hub looks at to decide, in bytes.
const SAMPLE: u64 = 512;

/// The longest file that is sent within the commit, in bytes: the Hub asks for none that is longer.
const LONGEST: u64 = 10 << 20;

/// A file, what it is, and what is to be done with it.
pub(super) struct Told<'a> {
    pub(super) upload: &'a Upload,
    pub(super) sums: Sums,
    pub(super) place: Place,
    /// Whether the repository has these very bytes at this path.
    pub(super) unchanged: bool,
}

/// Where a file's bytes belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// Large file storage.
    Lfs,
    /// The commit itself.
    Regular,
}

#[derive(Deserialize)]
struct Answered {
    files: Vec<AnsweredFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnsweredFile {
    path: String,
    upload_mode: Place,
    #[serde(default)]
    should_ignore: bool,
    oid: Option<String>,
}

/// Asks about every file; the answers are in the files' order.
pub(super) fn tell<'a>(
    client: &Client,
    repository: &str,
    files: &'a [Upload],
) -> Result<Vec<Told<'a>>, Error> {
    let sums: Vec<Sums> = files.iter().map(summed).collect::<Result<_, _>>()?;
    let mut asked = Vec::new();
    for (upload, sums) in files.iter().zip(&sums) {
        let sample = BASE64_STANDARD.encode(read(upload, SAMPLE)?);
        asked.push(json!({ "path": upload.path, "size": sums.bytes, "sample": sample }));
    }
    let path = format!("/api/models/{repository}/preupload/{MAIN}");
    let answer = post(client, &path, &json!({ "files": asked }))?;
    let answered: Answered = answer.json()?;
    let told = |(upload, sums): (&'a Upload, Sums)| {
        let found = answered.files.iter().find(|file| file.path == upload.path);
        let found = found.ok_or_else(|| Error::Answer {
            url: answer.url.clone(),
            problem: format!("says nothing of {}; try again later", upload.path),
        })?;
        if found.should_ignore {
            let problem = "the repository's .gitignore leaves it out";
            return Err(Error::Name { kind: "file to push", name: upload.path.clone(), problem });
        }
        // Storage takes no empty file.
        let place = if sums.bytes == 0 { Place::Regular } else { found.upload_mode };
        let ours = if place == Place::Lfs { Some(&sums.sha256) } else { sums.git.as_ref() };
        let unchanged = found.oid.is_some() && found.oid.as_ref() == ours;
        Ok(Told { upload, sums, place, unchanged })
    };
    files.iter().zip(sums).map(told).collect()
}

impl Told<'_> {
    /// The file's line in the commit.
    pub(super) fn operation(&self) -> Result<Value, Error> {
        let path = &self.upload.path;
        Ok(match self.place {
            Place::Lfs => {
                let (oid, size) = (&self.sums.sha256, self.sums.bytes);
                let value = json!({ "path": path, "algo": "sha256", "oid": oid, "size": size });
                json!({ "key": "lfsFile", "value": value })
            }
            Place::Regular => {
                let content = BASE64_STANDARD.encode(read(self.upload, LONGEST)?);
                let value = json!({ "path": path, "encoding": "base64", "content": content });
                json!({ "key": "file", "value": value })
            }
        })
    }
}

fn summed(upload: &Upload) -> Result<Sums, Error> {
    match &upload.source {
        Source::File(path) => sums(path),
        Source::Text(text) => {
            let mut hasher = Hasher::new(text.len() as u64);
            hasher.update(text.as_bytes());
            Ok(hasher.finish())
        }
    }
}

/// The first bytes, or all where there are no more.
fn read(upload: &Upload, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    match &upload.source {
        Source::Text(text) => bytes.extend(text.bytes().take(most as usize)),
        Source::File(path) => {
            let start = |file: File| -> Take<File> { file.take(most) };
            let read =
                File::open(path).map(start).and_then(|mut file| file.read_to_end(&mut bytes));
            read.map_err(Error::io("read", path))?;
        }
    }
    Ok(bytes)
}
