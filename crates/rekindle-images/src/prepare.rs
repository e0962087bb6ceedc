//! How one picture becomes an input: found in a cache, or decoded; drawn; prepared.

use std::sync::Arc;

use rekindle_data::{Dense, Digests, Prepare, View, canonical};

use crate::decode::gate::Gate;
use crate::decode::{decode_rows, rows_of_bytes};
use crate::memory_cache::{Cache, Kept};
use crate::{Augment, DiskCache, Error, Picture, Preprocess, Source};

/// What is drawn for pictures, and where decoded ones are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureConfig {
    /// What is drawn for each picture.
    pub augment: Augment,
    /// Bytes of pictures kept in memory from one epoch to the next; what does not fit is decoded again.
    pub cache_bytes: usize,
    /// Where decoded pictures are kept that do not fit into memory, from one run to the next; nowhere without.
    pub disk: Option<DiskCache>,
}

impl Default for PictureConfig {
    /// Nothing drawn, a gibibyte of pictures in memory, none on disk.
    fn default() -> Self {
        Self { augment: Augment::NONE, cache_bytes: 1 << 30, disk: None }
    }
}

/// Pictures to inputs `[channels, height, width]`, with what is drawn for them and what is kept of them.
#[derive(Debug)]
pub struct PreparePictures {
    preprocess: Preprocess,
    augment: Augment,
    cache: Cache,
    disk: Option<DiskCache>,
}

impl PreparePictures {
    /// Checks the augmentation; nothing is decoded yet.
    ///
    /// # Errors
    ///
    /// [`Error::Augment`] for an augmentation outside its range.
    pub fn new(preprocess: &Preprocess, config: &PictureConfig) -> Result<Self, Error> {
        let PictureConfig { augment, cache_bytes, disk } = config.clone();
        augment.validate()?;
        Ok(Self { preprocess: preprocess.clone(), augment, cache: Cache::new(cache_bytes), disk })
    }

    /// How pictures become inputs where nothing is drawn.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// What is drawn.
    pub fn augment(&self) -> &Augment {
        &self.augment
    }

    /// Channels, height and width of an input.
    pub fn shape(&self) -> [usize; 3] {
        self.preprocess.shape()
    }

    /// The picture of a source: as a whole where it is kept, else at least the rows that the view looks at.
    ///
    /// The gate is to be held as long as the picture is needed.
    fn picture(&self, source: &Source, view: View) -> Result<(Arc<Picture>, Gate), Error> {
        let path = match source {
            Source::Memory(picture) => return Ok((Arc::clone(picture), Gate::default())),
            Source::Bytes { name, bytes } => {
                let augment = self.drawn(view);
                let (picture, gate) = rows_of_bytes(bytes, name, &mut |height, width| {
                    augment.rows(height, width, &mut view.random())
                })?;
                return Ok((Arc::new(picture), gate));
            }
            Source::File(path) => path,
        };
        let keep = |bytes| !self.augment.is_none() && self.cache.has_room(bytes);
        let disk = self.disk.as_ref().map(DiskCache::file);
        let on_disk = |bytes| disk.is_some_and(|disk| disk.has_room(bytes));
        let mut whole = true;
        let mut gate = Gate::default();
        let (picture, gate) = match disk.and_then(|disk| disk.get(path, &mut gate)) {
            Some(picture) => (picture, gate),
            None => {
                // Whoever decodes waits by itself.
                drop(gate);
                let augment = self.drawn(view);
                let (picture, gate) = decode_rows(path, &mut |height, width| {
                    let bytes = height * width * 3;
                    whole = keep(bytes) || on_disk(bytes);
                    if whole { height } else { augment.rows(height, width, &mut view.random()) }
                })?;
                if let Some(disk) = disk.filter(|_| whole) {
                    disk.put(path, &picture);
                }
                (picture, gate)
            }
        };
        let picture = Arc::new(picture);
        if whole && keep(picture.pixels().len()) {
            self.cache.keep(source, || Kept::Picture(Arc::clone(&picture)));
        }
        Ok((picture, gate))
    }

    fn drawn(&self, view: View) -> &Augment {
        if view.is_plain() { &Augment::NONE } else { &self.augment }
    }
}

/// The input of one picture.
#[derive(Debug)]
pub enum PictureInput {
    /// In a buffer that serves the next one in turn.
    Drawn(Vec<f32>),
    /// In memory from one epoch to the next.
    Kept(Arc<[f32]>),
}

impl PictureInput {
    /// The numbers, `[channels, height, width]`.
    pub fn values(&self) -> &[f32] {
        match self {
            Self::Drawn(values) => values,
            Self::Kept(values) => values,
        }
    }
}

impl Prepare for PreparePictures {
    type Item = Source;
    type Input = PictureInput;
    type Batch = Dense;
    type Error = Error;

    fn prepare(
        &self,
        source: &Source,
        view: View,
        spare: Option<PictureInput>,
    ) -> Result<PictureInput, Error> {
        let (picture, _gate) = match self.cache.get(source) {
            Some(Kept::Input(input)) => return Ok(PictureInput::Kept(input)),
            Some(Kept::Picture(picture)) => (picture, Gate::default()),
            None => self.picture(source, view)?,
        };
        let mut buffer = match spare {
            Some(PictureInput::Drawn(buffer)) => buffer,
            Some(PictureInput::Kept(_)) | None => Vec::new(),
        };
        buffer.resize(self.shape().iter().product(), 0.0);
        let random = &mut view.random();
        self.drawn(view).apply_into(&picture, &self.preprocess, random, &mut buffer)?;
        if self.augment.is_none() && self.cache.has_room(size_of_val(&buffer[..])) {
            self.cache.keep(source, || Kept::Input(Arc::from(&buffer[..])));
        }
        Ok(PictureInput::Drawn(buffer))
    }

    /// `[batch, channels, height, width]`.
    fn collate(&self, inputs: &mut Vec<PictureInput>) -> Result<Dense, Error> {
        let batch = Dense::stack(inputs.iter().map(PictureInput::values), &self.shape());
        inputs.retain(|input| matches!(input, PictureInput::Drawn(_)));
        Ok(batch)
    }

    fn input_bytes(&self) -> usize {
        self.shape().iter().product::<usize>() * size_of::<f32>()
    }

    fn draws(&self) -> bool {
        !self.augment.is_none()
    }

    fn describe_plain(&self) -> String {
        canonical(self.preprocess.config())
    }

    fn describe_drawn(&self) -> String {
        canonical(&self.augment)
    }

    fn digest(&self, source: &Source, files: &Digests) -> Result<[u8; 32], Error> {
        source.digest(files)
    }
}

#[cfg(test)]
mod tests;
