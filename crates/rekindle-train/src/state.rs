//! Everything that training changes, and the file that a run goes on from after an interruption.
//!
//! | part of the file | bytes |
//! |---|---|
//! | `rekindle state 1\n` | 17 |
//! | length of the header, little-endian | 8 |
//! | header: JSON with what was noted, the history, and the name and length of each part | as it says |
//! | the parts: model, optimizer, and the average if there is one, as Burn's records | as the header says |
//! | SHA-256 of all of the above | 32 |

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use burn::{module::Module, store::ModuleRecord, tensor::Bytes};
use rekindle_base::{AtomicFile, PathError, open_regular};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Ema, EmaConfig, Epoch, Optimizer, OptimizerConfig};

/// Everything that training changes.
#[derive(Debug)]
pub struct State<M> {
    /// The model in training.
    pub model: M,
    /// What the optimizer remembers of the parameters that train.
    pub optimizer: Optimizer,
    /// The average of the model, where there is one; it is what is evaluated and kept.
    pub ema: Option<Ema<M>>,
    /// What came out of the epochs so far.
    pub history: Vec<Epoch>,
}

/// Why a saved state cannot be written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] PathError),
    /// The file is no state, or not as it was written.
    #[error("{}: {problem}; delete it, and the run starts from its beginning", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is whole, but of another model.
    #[error("{}: is of another model: {problem}; go on with the model, the data and the plan that it was written with", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What differs.
        problem: String,
    },
}

const MAGIC: &[u8; 17] = b"rekindle state 1\n";
/// Bytes of a SHA-256.
const DIGEST: usize = 32;
/// Most bytes of a state: that of the largest network here, with its optimizer and its average, has a quarter of that.
const MAX_STATE_BYTES: u64 = 16 << 30;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// What the caller wants to find again, such as the plan.
    note: String,
    history: Vec<Epoch>,
    parts: Vec<Part>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    name: String,
    bytes: u64,
}

/// A state as it was saved, to be put into a model.
pub struct SavedState {
    path: PathBuf,
    /// What was noted when it was saved.
    pub note: String,
    /// What came out of the epochs until then.
    pub history: Vec<Epoch>,
    parts: Vec<(String, Vec<u8>)>,
}

impl std::fmt::Debug for SavedState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SavedState")
            .field("path", &self.path)
            .field("note", &self.note)
            .finish_non_exhaustive()
    }
}

impl<M> State<M> {
    /// Epochs that were trained: that before the first step is none.
    pub fn epochs(&self) -> usize {
        self.history.iter().filter(|epoch| epoch.number > 0).count()
    }
}

impl<M: Module> State<M> {
    /// A model before its first step, without an average.
    pub fn new(model: M, optimizer: &OptimizerConfig) -> Self {
        Self { model, optimizer: optimizer.init(), ema: None, history: Vec::new() }
    }

    /// The model to evaluate: in validation, averaged where there is an average.
    pub fn evaluated(&self) -> M {
        match &self.ema {
            Some(ema) => ema.model(),
            None => self.model.valid(),
        }
    }

    /// Writes all of it beside `path` and renames it: whoever reads sees the old file or the new one.
    ///
    /// `note` is kept with it, for the caller to check on return.
    ///
    /// # Errors
    ///
    /// If the folder cannot be written to; what was at `path` is then unchanged.
    pub fn save(&self, path: &Path, note: &str) -> Result<(), StateError> {
        let failed = |problem: String| StateError::Damaged { path: path.to_owned(), problem };
        // A model that trains holds back its last update of the running statistics; one in validation does not.
        let record = |model: M| {
            let bytes =
                model.into_record().into_bytes().map_err(|error| failed(error.to_string()))?;
            Ok::<_, StateError>(bytes.to_vec())
        };
        let mut parts = vec![(MODEL.to_owned(), record(self.model.valid())?)];
        let optimizer = self.optimizer.to_bytes().map_err(|error| failed(error.to_string()))?;
        parts.push((OPTIMIZER.to_owned(), optimizer));
        if let Some(ema) = &self.ema {
            parts
                .push((EMA.to_owned(), ema.to_bytes().map_err(|error| failed(error.to_string()))?));
        }
        let header = Header {
            note: note.to_owned(),
            history: self.history.clone(),
            parts: parts
                .iter()
                .map(|(name, bytes)| Part { name: name.clone(), bytes: bytes.len() as u64 })
                .collect(),
        };
        let header = serde_json::to_vec(&header).map_err(|error| failed(error.to_string()))?;
        Ok(write(path, &header, &parts).map_err(PathError::of(path, "written"))?)
    }
}

const MODEL: &str = "model";
const OPTIMIZER: &str = "optimizer";
const EMA: &str = "average";

fn write(path: &Path, header: &[u8], parts: &[(String, Vec<u8>)]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    let mut hash = Sha256::new();
    let length = (header.len() as u64).to_le_bytes();
    let pieces = [MAGIC.as_slice(), &length, header].into_iter();
    for bytes in pieces.chain(parts.iter().map(|(_, bytes)| bytes.as_slice())) {
        hash.update(bytes);
        file.write_all(bytes)?;
    }
    file.write_all(&hash.finalize())?;
    file.commit()
}

impl SavedState {
    /// Reads a state whole and checks that it is as it was written; `None` where there is no such file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or was cut or changed.
    pub fn read(path: &Path) -> Result<Option<Self>, StateError> {
        let failed = PathError::of(path, "read");
        let damaged = |problem: &str| StateError::Damaged {
            path: path.to_owned(),
            problem: problem.to_owned(),
        };
        let mut file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error).into()),
        };
        let length = file.metadata().map_err(&failed)?.len();
        if length > MAX_STATE_BYTES {
            let problem =
                format!("it has {length} bytes, more than the limit of {MAX_STATE_BYTES}");
            return Err(damaged(&problem));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let (magic, rest) =
            bytes.split_at_checked(MAGIC.len()).ok_or_else(|| damaged("it ends early"))?;
        if magic != MAGIC {
            return Err(damaged("it is no state of a run that this version reads"));
        }
        let (rest, digest) =
            rest.split_last_chunk::<DIGEST>().ok_or_else(|| damaged("it ends early"))?;
        if Sha256::digest(&bytes[..bytes.len() - DIGEST])[..] != digest[..] {
            return Err(damaged("its bytes are not those that were written"));
        }
        let wrong = || damaged("its parts are not as long as they say");
        let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(wrong)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| wrong())?;
        let (header, mut rest) = rest.split_at_checked(length).ok_or_else(wrong)?;
        let header: Header = serde_json::from_slice(header)
            .map_err(|error| damaged(&format!("its header is wrong ({error})")))?;
        let mut parts = Vec::new();
        for Part { name, bytes } in header.parts {
            let length = usize::try_from(bytes).map_err(|_| wrong())?;
            let (part, others) = rest.split_at_checked(length).ok_or_else(wrong)?;
            parts.push((name, part.to_vec()));
            rest = others;
        }
        Ok(Some(Self { path: path.to_owned(), note: header.note, history: header.history, parts }))
    }

    /// Puts what was saved into a model of the same build; `optimizer` and `average` are those that were used.
    ///
    /// # Errors
    ///
    /// If the model has other parameters.
    pub fn restore<M: Module>(
        self,
        model: M,
        optimizer: &OptimizerConfig,
        average: Option<EmaConfig>,
    ) -> Result<State<M>, StateError> {
        let path = self.path;
        let other = |problem: String| StateError::Other { path: path.clone(), problem };
        let part = |wanted: &str| {
            self.parts.iter().find(|(name, _)| name == wanted).map(|(_, bytes)| bytes.clone())
        };
        let missing = || other("it lacks a part".to_owned());
        let load = |model: M, bytes: Vec<u8>| {
            let record = ModuleRecord::from_bytes(Bytes::from_bytes_vec(bytes));
            let record = record.map_err(|error| other(error.to_string()))?;
            model.try_load_record(record).map_err(|error| other(error.to_string()))
        };
        let model = load(model, part(MODEL).ok_or_else(missing)?)?;
        let optimizer = optimizer
            .from_bytes(&part(OPTIMIZER).ok_or_else(missing)?)
            .map_err(|error| other(error.to_string()))?;
        let ema = match average {
            None => None,
            Some(config) => {
                let bytes = part(EMA).ok_or_else(missing)?;
                let ema = Ema::from_bytes(&model, config, &bytes);
                Some(ema.map_err(|error| other(error.to_string()))?)
            }
        };
        Ok(State { model, optimizer, ema, history: self.history })
    }
}
