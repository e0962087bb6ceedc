//! How one sample becomes an input: found in a cache, or decoded; drawn; prepared.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Views;
use crate::cache::{Cache, Kept};
use crate::decode::{decode_rows, panic_message};
use crate::{Augment, DiskCache, Error, Preprocess, Random, Sample, Source};

/// How one sample becomes an input.
#[derive(Debug)]
pub(super) struct Recipe<L> {
    pub(super) samples: Vec<Sample<L>>,
    pub(super) preprocess: Preprocess,
    pub(super) augment: Augment,
    pub(super) seed: u64,
    pub(super) cache: Cache,
    pub(super) disk: Option<DiskCache>,
}

/// The input of one picture.
#[derive(Debug)]
pub(super) enum Input {
    /// In a buffer that serves the next one in turn.
    Drawn(Vec<f32>),
    Kept(Arc<[f32]>),
}

impl Input {
    pub(super) fn values(&self) -> &[f32] {
        match self {
            Self::Drawn(values) => values,
            Self::Kept(values) => values,
        }
    }
}

impl<L> Recipe<L> {
    /// Writes to `buffer`, whatever it holds.
    pub(super) fn prepare_or_report(
        &self,
        index: usize,
        view: u64,
        buffer: Vec<f32>,
    ) -> Result<Input, Error> {
        let prepare = || self.prepare(index, view, buffer);
        catch_unwind(AssertUnwindSafe(prepare)).unwrap_or_else(|panic| {
            let path = self.samples.get(index).and_then(Sample::path);
            let name =
                path.map_or_else(|| format!("picture {index}"), |path| path.display().to_string());
            Err(Error::Panicked { name, message: panic_message(&*panic) })
        })
    }

    fn prepare(&self, index: usize, view: u64, mut buffer: Vec<f32>) -> Result<Input, Error> {
        let kept = self.cache.get(index);
        if let Some(Kept::Input(input)) = kept {
            return Ok(Input::Kept(input));
        }
        let random = || Random::new(self.seed, view, index as u64);
        let augment = if view == Views::PLAIN { &Augment::NONE } else { &self.augment };
        let picture = match (&self.samples[index].source, kept) {
            (_, Some(Kept::Picture(picture))) => picture,
            (Source::Memory(picture), _) => Arc::clone(picture),
            (Source::File(path), _) => {
                let keep = |bytes| !self.augment.is_none() && self.cache.has_room(bytes);
                let disk = self.disk.as_ref().map(DiskCache::file);
                let on_disk = |bytes| disk.is_some_and(|disk| disk.has_room(bytes));
                let mut whole = true;
                let picture = match disk.and_then(|disk| disk.get(path)) {
                    Some(picture) => picture,
                    None => {
                        let picture = decode_rows(path, &mut |height, width| {
                            let bytes = height * width * 3;
                            whole = keep(bytes) || on_disk(bytes);
                            if whole { height } else { augment.rows(height, width, &mut random()) }
                        })?;
                        if let Some(disk) = disk.filter(|_| whole) {
                            disk.put(path, &picture);
                        }
                        picture
                    }
                };
                let picture = Arc::new(picture);
                if whole && keep(picture.pixels().len()) {
                    self.cache.keep(index, || Kept::Picture(Arc::clone(&picture)));
                }
                picture
            }
        };
        buffer.resize(self.preprocess.shape().iter().product(), 0.0);
        augment.apply_into(&picture, &self.preprocess, &mut random(), &mut buffer)?;
        if self.augment.is_none() && self.cache.has_room(size_of_val(&buffer[..])) {
            self.cache.keep(index, || Kept::Input(Arc::from(&buffer[..])));
        }
        Ok(Input::Drawn(buffer))
    }
}
