//! What a card's repository holds right now, for a pin: asked for in a few kilobytes, the weights left where they are.
//!
//! The hash is the one that large file storage goes by, classes and parameters are counted in the header of the
//! weights, preprocessing is what `config.json` says; that file is hashed as well, and further ones that the card names where
//! they are small. transformers' `config.json` says nothing of the input but by such files, so of texts that is the card's.
//! `cargo xtask fetch-weights` then holds the bytes against it.

use std::{collections::BTreeMap, iter, ops::Range};

use rekindle_cards::{Card, HubConfig, InputSpec, Pin, PinnedFile, is_transformers};
use serde::Deserialize;
use ureq::http::{Method, header};

use crate::{
    Client, Error, Hub, RemoteFile,
    answer::Answer,
    client::Follow,
    digest::{Hasher, Sums},
    job::{CONFIG, WEIGHTS},
    names::MAIN,
    url::shown,
    watch::unwatched,
};

/// The longest header that is read, in bytes: that of a network of ten thousand tensors takes one million.
const LONGEST: u64 = 16 << 20;

/// Ends of names of tensors that are no parameters.
const BUFFERS: [&str; 4] =
    [".running_mean", ".running_var", ".num_batches_tracked", ".position_ids"];

/// A pin, and what speaks against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pinned {
    /// What the repository holds.
    pub pin: Pin,
    /// Where it contradicts the card or itself, one line a contradiction.
    pub differences: Vec<String>,
}

#[derive(Deserialize)]
struct Tensor {
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// What the header of the weights says.
struct Weights {
    /// Shapes by name.
    tensors: BTreeMap<String, Vec<u64>>,
    /// Where the last tensor ends in the file.
    end: u64,
}

impl Hub {
    /// Asks the Hub what a card's repository holds. Nothing is downloaded into the cache, and nothing recorded.
    ///
    /// # Errors
    ///
    /// [`Error::NoRepository`] and [`Error::NoWeights`]; [`Error::Answer`] where config or weights are not laid out
    /// as theirs are; else as [`Hub::repository`].
    pub fn pin(&self, card: &Card) -> Result<Pinned, Error> {
        let name = card.name();
        let repository = card.repository.clone();
        let repository = repository.ok_or_else(|| Error::NoRepository { card: name.clone() })?;
        let info = self.repository(&repository, MAIN)?;
        let client = self.client()?;
        let Some(file) = info.files.iter().find(|file| file.name == WEIGHTS) else {
            let files: Vec<&str> = info.files.iter().map(|file| file.name.as_str()).collect();
            return Err(Error::NoWeights { repository, files: files.join(", ") });
        };
        let url = client.file_url(&repository, &info.commit, WEIGHTS)?;
        let bad = |problem: &str| Error::Answer { url: shown(&url), problem: problem.to_owned() };
        let (Some(bytes), Some(sha256)) = (file.bytes, file.sha256.clone()) else {
            return Err(bad("is not in large file storage, so the Hub gives no SHA-256 of it"));
        };
        let text = client.range(&client.file_url(&repository, &info.commit, CONFIG)?, None)?;
        let config = String::from_utf8_lossy(&text.content);
        let images = matches!(card.input, InputSpec::Image(_));
        let config = match is_transformers(&config) && !images {
            true => None,
            false => Some(HubConfig::from_json(&config)?),
        };
        let weights = client.header(&url, bytes)?;
        if weights.end != bytes {
            return Err(bad("its header describes a file of another size: it is damaged"));
        }
        // What the card names and the repository lacks is a difference.
        let named =
            card.files.iter().filter_map(|name| info.files.iter().find(|it| it.name == *name));
        let named = named.filter(|file| file.name != CONFIG);
        let further = named.map(|file| client.pinned(&repository, &info.commit, file));
        let files = iter::once(Ok(pinned(CONFIG, &text.content)));
        let files = files.chain(further).collect::<Result<Vec<_>, _>>()?;
        let classifier = config.as_ref().and_then(|config| config.classifier.clone());
        let classifier = classifier.unwrap_or_else(|| card.classifier.clone());
        let pin = Pin {
            card: name,
            repository,
            commit: info.commit,
            file: WEIGHTS.to_owned(),
            bytes,
            sha256,
            license: info.license,
            classes: weights.classes(&classifier),
            classifier,
            parameters: weights.parameters(),
            input: config.as_ref().map_or(&card.input, |config| &config.input).clone(),
            files,
        };
        let mut differences = pin.differences(card);
        differences.extend(config.iter().flat_map(|config| contradictions(&pin, card, config)));
        Ok(Pinned { pin, differences })
    }
}

/// Where `config.json` contradicts the weights, the repository's page or the card in what no pin holds.
fn contradictions(pin: &Pin, card: &Card, config: &HubConfig) -> Vec<String> {
    let mut found = Vec::new();
    if config.architecture != card.architecture {
        found.push(format!(
            "config.json is of {}, the card of {}",
            config.architecture, card.architecture
        ));
    }
    if config.classes != pin.classes {
        found.push(format!(
            "config.json says {} classes, the weights have {}",
            config.classes, pin.classes
        ));
    }
    if let Some(license) = &config.license
        && pin.license.as_ref() != Some(license)
    {
        let stated = pin.license.as_deref().unwrap_or("none");
        found.push(format!("config.json says license {license}, the repository {stated}"));
    }
    found
}

/// What a small file is, by its content.
fn pinned(name: &str, content: &[u8]) -> PinnedFile {
    let mut hasher = Hasher::new(content.len() as u64);
    hasher.update(content);
    let Sums { bytes, sha256, .. } = hasher.finish();
    PinnedFile { name: name.to_owned(), bytes, sha256 }
}

impl Client {
    /// What a file of a commit is: as the Hub says of large ones, and of a small one by its content.
    fn pinned(
        &self,
        repository: &str,
        commit: &str,
        file: &RemoteFile,
    ) -> Result<PinnedFile, Error> {
        let name = file.name.clone();
        if let (Some(bytes), Some(sha256)) = (file.bytes, file.sha256.clone()) {
            return Ok(PinnedFile { name, bytes, sha256 });
        }
        let content = self.range(&self.file_url(repository, commit, &name)?, None)?.content;
        Ok(pinned(&name, &content))
    }

    /// The header of a safetensors file, in two short requests.
    fn header(&self, url: &str, bytes: u64) -> Result<Weights, Error> {
        let bad = |problem: &str| Error::Answer { url: shown(url), problem: problem.to_owned() };
        let length = self.range(url, Some(0..8))?.content;
        let length = <[u8; 8]>::try_from(length).map_err(|_| bad("is no safetensors file"))?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST || length > bytes.saturating_sub(8) {
            return Err(bad("is no safetensors file: the length of its header cannot be"));
        }
        let text = self.range(url, Some(8..8 + length))?.content;
        let mut header: BTreeMap<String, serde_json::Value> = serde_json::from_slice(&text)
            .map_err(|error| bad(&format!("is no safetensors file: {error}")))?;
        header.remove("__metadata__");
        let mut weights = Weights { tensors: BTreeMap::new(), end: 8 + length };
        for (name, value) in header {
            let tensor: Tensor = serde_json::from_value(value)
                .map_err(|error| bad(&format!("is no safetensors file: {name}: {error}")))?;
            let [_, end] = tensor.data_offsets;
            weights.end = weights.end.max((8 + length).saturating_add(end));
            weights.tensors.insert(name, tensor.shape);
        }
        Ok(weights)
    }

    /// A part of a file, or all of a short one.
    fn range(&self, url: &str, range: Option<Range<u64>>) -> Result<Answer, Error> {
        let asked = range.as_ref().map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let headers: Vec<_> = asked.iter().map(|asked| (header::RANGE, asked.as_str())).collect();
        let answer = self.retry(&unwatched, || {
            let answered = self.get(&Method::GET, url, &headers, Follow::All)?;
            if range.is_some() && answered.response.status() != 206 {
                let problem =
                    "sends the whole file where a part was asked for; is there a proxy in between?";
                return Err(Error::Answer { url: shown(url), problem: problem.to_owned() }.into());
            }
            self.read(answered)
        })?;
        match range {
            Some(range) if answer.content.len() as u64 != range.end - range.start => {
                Err(Error::Answer {
                    url: answer.url,
                    problem: "a part is of the wrong length".to_owned(),
                })
            }
            _ => Ok(answer),
        }
    }
}

impl Weights {
    /// Trainable parameters: all tensors but the running statistics of batch norms.
    fn parameters(&self) -> usize {
        let learned =
            |(name, _): &(&String, &Vec<u64>)| !BUFFERS.iter().any(|end| name.ends_with(end));
        let count = |(_, shape): (&String, &Vec<u64>)| {
            shape.iter().fold(1, |product: u64, side| product.saturating_mul(*side))
        };
        let total = self.tensors.iter().filter(learned).map(count).fold(0, u64::saturating_add);
        usize::try_from(total).unwrap_or(usize::MAX)
    }

    /// Outputs of the classifier; zero where there is none.
    fn classes(&self, classifier: &str) -> usize {
        let shape = self.tensors.get(&format!("{classifier}.weight"));
        let outputs = shape.and_then(|shape| usize::try_from(*shape.first()?).ok());
        outputs.unwrap_or_default()
    }
}
