//! Several networks whose forecasts are taken together: of every number the median.

use std::path::{Path, PathBuf};

use burn::prelude::*;
use rekindle_layers::Backbone;
use rekindle_series::{Forecast, ForecastConfig, Origin};

use crate::{Error, ForecastBackbone, Forecaster};

/// Networks that forecast the same, at least one.
#[derive(Debug, Clone)]
pub struct Ensemble<B: Backbone = ForecastBackbone> {
    members: Vec<Forecaster<B>>,
}

/// What a run calls its best network.
pub const BEST: &str = "best.safetensors";

/// Most members of an ensemble.
pub const MAX_MEMBERS: usize = 100;

impl Ensemble {
    /// Reads one network of a file, or those that runs left in a folder: in it, or each in a folder of its own in it.
    ///
    /// # Errors
    ///
    /// If there is none, or one cannot be read.
    pub fn open(path: &Path, device: &Device) -> Result<Self, Error> {
        let files = if path.is_dir() { found(path)? } else { vec![path.to_owned()] };
        let members: Result<Vec<Forecaster>, Error> =
            files.iter().map(|file| Forecaster::open(file, device)).collect();
        let members = members?;
        let wrong = |problem| Error::Model { path: path.to_owned(), problem };
        let family = |member: &Forecaster| member.config().network.family;
        if members.windows(2).any(|pair| family(&pair[0]) != family(&pair[1])) {
            return Err(wrong("holds networks of several families; give the folder of one".into()));
        }
        let nothing =
            format!("holds no `{BEST}`; give a file of weights or the folder of a network");
        Self::new(members).ok_or_else(|| wrong(nothing))
    }
}

impl<B: Backbone<Input = Tensor<3>>> Ensemble<B> {
    /// These networks; none where there is none.
    pub fn new(members: Vec<Forecaster<B>>) -> Option<Self> {
        (!members.is_empty()).then_some(Self { members })
    }

    /// The networks.
    pub fn members(&self) -> &[Forecaster<B>] {
        &self.members
    }

    /// Forecasts of what follows some places of one panel.
    ///
    /// # Errors
    ///
    /// Those of [`Forecaster::forecast`].
    ///
    /// # Panics
    ///
    /// As [`Forecaster::forecast`].
    pub fn forecast(
        &self,
        origins: &[Origin<'_>],
        ask: &ForecastConfig,
    ) -> Result<Vec<Forecast>, Error> {
        let of_members: Result<Vec<Vec<Forecast>>, Error> =
            self.members.iter().map(|member| member.forecast(origins, ask)).collect();
        let mut of_members = of_members?;
        if of_members.len() == 1 {
            return Ok(of_members.remove(0));
        }
        let together = |place: usize| {
            let of: Vec<&Forecast> = of_members.iter().map(|member| &member[place]).collect();
            Forecast::median(&of, of[0].model.clone())
        };
        Ok((0..origins.len()).map(together).collect())
    }
}

/// The networks in a folder, in the order of their names.
fn found(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let own = folder.join(BEST);
    if own.is_file() {
        return Ok(vec![own]);
    }
    let wrong = |error: std::io::Error| Error::Model {
        path: folder.to_owned(),
        problem: format!(
            "cannot be read: {error}; check that it exists and that its permissions allow it"
        ),
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let file = entry.map_err(wrong)?.path().join(BEST);
        if file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.len() > MAX_MEMBERS {
        let problem = format!("holds {} networks, and may hold {MAX_MEMBERS}", files.len());
        return Err(Error::Model { path: folder.to_owned(), problem });
    }
    Ok(files)
}
