//! Models of several inputs: named columns of a list, each with its preparation and its network, joined.
//!
//! A sentence by a pretrained encoder, its characters by a network from nothing, and where it stands:
//!
//! ```no_run
//! use rekindle::{Device, Inputs, Modality, ModelOf, Several, transfer::Recipe};
//!
//! # fn main() -> Result<(), rekindle::Error> {
//! let inputs = Inputs::default()
//!     .text("sentence", "text", "all-MiniLM-L6-v2")
//!     .context(1)
//!     .untrained_text("characters", "text", "bilstm.chars")
//!     .one_hot("line", "line_number", 15)
//!     .one_hot("lines", "total_lines", 20)
//!     .join(256, 0.5);
//! let data = inputs.data("abstracts.csv");
//! let set = Several::open::<usize>(&data)?;
//! let model = ModelOf::<Several>::from_inputs(&inputs, &set, &Device::flex())?;
//! let tuned = model.finetune(&set, &Recipe::named("head", 5, 0.001)?)?;
//! tuned.save("abstracts.safetensors".as_ref(), None)?;
//! let row = tuned.modality().example(&[
//!     ("text", "We report a randomized trial."),
//!     ("line_number", "0"),
//!     ("total_lines", "9"),
//! ])?;
//! println!("{:?}", tuned.predict([row])?[0]);
//! # Ok(())
//! # }
//! ```

use std::{collections::BTreeMap, sync::Arc};

use burn::prelude::*;
use rekindle_cards::HubConfig;
use rekindle_checkpoint::CheckpointFile;
use rekindle_data::{
    DataSet, Digests, Gathered, Measurable, Part as DataPart, Target, TargetKind, canonical,
    manifest::Offer,
};
use rekindle_layers::{
    Backbone, JoinConfig, PartConfig, PartFlow, Several as Network, SeveralFlow,
};
use rekindle_report::{ExampleRecord, ItemKind, WordRecord};
use rekindle_transfer::{Frozen, Plan};

mod code;
mod inputs;
mod learn;
mod lists;
mod network;
mod prepare;
mod rows;
mod saved;

pub use code::NumberCode;
pub use inputs::{InputCode, InputPart, Inputs, MAX_UNITS, TextSource};
pub use lists::ListsRead;
pub use network::{Numbers, PartBatch, PartInput, PartNetwork, Passing};
pub use prepare::{PartEncoded, PrepareSeveral};
pub use rows::{Cells, Example, InputColumns, SeveralConfig, Value};

use crate::{
    Error, Learned, ModelOf, TextModel, Texts,
    gallery::Exhibit,
    modality::{Modality, NetworkOf, SetOf},
    model::{config_text, parsed},
    task::ModelTask,
};
use prepare::{How, PreparePart};

/// What the architecture of several inputs is called.
const NAME: &str = "several";

/// What belongs to a model of several inputs besides its weights and its config: how each part reads its columns.
#[derive(Debug, Clone)]
pub struct Several {
    parts: Arc<[Part]>,
    join: JoinConfig,
    /// Whether it was read beside weights, so that nothing of it is new.
    saved: bool,
}

/// A part, with what was learned of the data.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    columns: Vec<String>,
    hidden: Option<usize>,
    reads: Reads,
}

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "a model has a handful of parts")]
enum Reads {
    Texts {
        texts: Texts,
        context: usize,
        /// Weights that it begins with.
        begins: Option<Arc<CheckpointFile>>,
    },
    Numbers(NumberCode),
}

impl Reads {
    /// Texts of an item.
    fn per_item(&self) -> usize {
        match self {
            Self::Texts { context, .. } => 1 + 2 * context,
            Self::Numbers(_) => 1,
        }
    }

    fn begins(&self) -> Option<&Arc<CheckpointFile>> {
        match self {
            Self::Texts { begins, .. } => begins.as_ref(),
            Self::Numbers(_) => None,
        }
    }
}

impl Several {
    /// A row that is given by hand: cells under the names of columns. It has no neighbors.
    ///
    /// # Errors
    ///
    /// If a column is lacking, or a cell is of another kind.
    pub fn example(&self, cells: &[(&str, &str)]) -> Result<Example, Error> {
        let cells = cells.iter().copied().collect();
        rows::example(&self.columns(), &cells).map_err(|problem| Error::Settings(vec![problem]))
    }

    /// The columns that it reads, in the order of the inputs' names.
    fn columns(&self) -> Vec<InputColumns> {
        let of = |part: &Part| {
            let cells = match &part.reads {
                Reads::Texts { context, .. } => Cells::Texts { context: *context },
                Reads::Numbers(NumberCode::Category { .. }) => Cells::Words,
                Reads::Numbers(_) => Cells::Numbers,
            };
            InputColumns { name: part.name.clone(), columns: part.columns.clone(), cells }
        };
        let mut columns: Vec<InputColumns> = self.parts.iter().map(of).collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        columns
    }

    /// The place of a part's value in a row.
    fn place(&self, part: &Part) -> usize {
        self.parts.iter().filter(|other| other.name < part.name).count()
    }
}

impl Modality for Several {
    const MANY: &'static str = "rows";
    const ONE: &'static str = "row";
    const KIND: ItemKind = ItemKind::Texts;

    type Backbone = Network<PartNetwork>;
    type Prepare = PrepareSeveral;
    type Options = ();
    type Data = SeveralConfig;

    fn of_weights(name: Option<&str>, file: &CheckpointFile) -> Result<(Self, HubConfig), Error> {
        let Some(text) = config_text(file) else {
            return Err(Error::NoConfig(file.path().to_owned()));
        };
        let config = parsed(name, file, text)?;
        Ok((Self::of_saved(file)?, config))
    }

    /// There are none by name; see [`ModelOf::of_inputs`].
    fn untrained(_: &str, _: &[&Example]) -> Result<(Self, HubConfig), Error> {
        Err(Error::NoInputs)
    }

    /// Parts that begin with weights have them.
    fn backbone(&self, config: &HubConfig, device: &Device) -> Result<Network<PartNetwork>, Error> {
        let part = |part: &Part| -> Result<_, Error> {
            let network = match &part.reads {
                Reads::Texts { texts, begins, .. } => match begins {
                    Some(file) => {
                        let (model, _) = TextModel::open_file(None, file, device)?;
                        PartNetwork::Text(model.into_network().backbone().clone())
                    }
                    None if self.saved => PartNetwork::Text(texts.backbone(config, device)?),
                    None => PartNetwork::Padded(texts.backbone(config, device)?),
                },
                Reads::Numbers(code) => PartNetwork::Numbers(Numbers::new(code.width())),
            };
            let (name, hidden, per_item) = (part.name.clone(), part.hidden, part.reads.per_item());
            Ok(PartConfig { name, network, hidden, per_item })
        };
        let parts: Result<Vec<_>, Error> = self.parts.iter().map(part).collect();
        Ok(Network::new(parts?, self.join, device))
    }

    fn prepare(&self, config: &HubConfig, (): &()) -> Result<PrepareSeveral, Error> {
        let part = |part: &Part| -> Result<_, Error> {
            let how = match &part.reads {
                Reads::Texts { texts, .. } => How::Texts {
                    prepare: texts.prepare(config, &())?,
                    per_item: part.reads.per_item(),
                    padded: !self.saved && part.reads.begins().is_none(),
                },
                Reads::Numbers(code) => How::Numbers(code.clone()),
            };
            Ok(PreparePart { name: part.name.clone(), place: self.place(part), how })
        };
        let parts: Result<Vec<_>, Error> = self.parts.iter().map(part).collect();
        Ok(PrepareSeveral::new(parts?))
    }

    fn plain((): &()) {}

    fn suited(&self, network: &NetworkOf<Self>, plan: Plan) -> Plan {
        let begun = self.parts.iter().take_while(|part| part.reads.begins().is_some()).count();
        let networks = network.backbone().networks().take(begun);
        let begun: usize = networks.map(|(_, network)| network.depth()).sum();
        let stages = network.backbone().stages();
        let (Some(first), all, false) = (stages.get(begun), stages.len(), self.saved) else {
            return plan;
        };
        let suited = |frozen: Frozen| {
            let stages = match &frozen {
                Frozen::Backbone => all,
                Frozen::Stages(count) => *count,
                Frozen::AllBut(count) => all.saturating_sub(*count),
                _ => 0,
            };
            match (stages > begun, begun) {
                (true, 0) => Frozen::Nothing,
                (true, _) => Frozen::Before(first.name.clone()),
                _ => frozen,
            }
        };
        let mut plan = plan;
        for phase in &mut plan.phases {
            phase.frozen = suited(std::mem::replace(&mut phase.frozen, Frozen::Nothing));
        }
        plan
    }

    fn described(&self) -> Vec<String> {
        let line = |part: &Part| {
            let columns = part.columns.join(" and ");
            let how = match &part.reads {
                Reads::Texts { texts, context, begins } => {
                    let from = match begins {
                        Some(file) => format!("weights of {}", file.path().display()),
                        None => format!("{} from nothing", texts.encoder().family.name()),
                    };
                    let around = match context {
                        0 => String::new(),
                        context => format!(", {context} before and behind read along"),
                    };
                    format!(
                        "texts of up to {} tokens, {from}{around}",
                        texts.tokenizer().max_tokens()
                    )
                }
                Reads::Numbers(NumberCode::OneHot { depth }) => format!("one of {depth}"),
                Reads::Numbers(NumberCode::Ordinal { depth }) => {
                    format!("how many of 1 to {depth}")
                }
                Reads::Numbers(NumberCode::Standardized { mean, std }) => {
                    format!("mean {mean:.4}, deviation {std:.4}")
                }
                Reads::Numbers(NumberCode::Category { values }) => {
                    format!("{} words", values.len())
                }
            };
            format!("{} ({columns}): {how}", part.name)
        };
        self.parts.iter().map(line).collect()
    }

    fn origin(&self) -> Option<String> {
        let begun = self.parts.iter().filter_map(|part| part.reads.begins());
        let paths: Vec<String> = begun.map(|file| file.path().display().to_string()).collect();
        (!paths.is_empty()).then(|| paths.join(", "))
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.to_saved()
    }

    fn mean(flow: SeveralFlow<Passing>) -> Tensor<2> {
        match flow {
            SeveralFlow::Joined(x) => x,
            SeveralFlow::Parts { mut parts, last } => match parts.swap_remove(last) {
                PartFlow::Own(x) => x.mean(),
                PartFlow::Embedded(x) => x,
            },
        }
    }

    fn open<L: Target>(data: &SeveralConfig) -> Result<DataSet<L, Example>, Error> {
        Ok(DataSet::of(&data.data.path, lists::gather(data, L::KIND)?, &data.data.split)?)
    }

    fn measurable<L: Target>(
        data: &SeveralConfig,
        part: Option<DataPart>,
    ) -> Result<Measurable<L, Example>, Error> {
        Ok(Measurable::of(&data.data.path, lists::gather(data, L::KIND)?, part)?)
    }

    fn gathered(data: &SeveralConfig, kind: TargetKind) -> Result<Gathered<Example>, Error> {
        lists::gather(data, kind)
    }

    fn offer(data: &SeveralConfig) -> Result<Offer, Error> {
        lists::offer(data)
    }

    fn completed(&self, _: &HubConfig, data: &SeveralConfig) -> SeveralConfig {
        let inputs = match data.inputs.as_slice() {
            [] => self.columns(),
            own => own.to_vec(),
        };
        SeveralConfig { inputs, ..data.clone() }
    }

    fn digest(item: &Example, _: &Digests) -> Result<[u8; 32], Error> {
        Ok(prepare::digest(item))
    }

    fn called(item: &Example, _: usize) -> String {
        item.called()
    }

    fn identity(&self, config: &HubConfig) -> String {
        let parts = self.to_saved();
        canonical(&serde_json::json!([config.input, parts]))
    }
}

impl Exhibit for Several {
    fn shown(_: &ModelOf<Self>, item: &Example, _: usize) -> Result<ExampleRecord, Error> {
        let words = vec![WordRecord { text: item.shown(), weight: 0.0 }];
        Ok(ExampleRecord { words, ..ExampleRecord::default() })
    }
}

impl ModelOf<Several> {
    /// A model of several inputs for what a data set is about; what it must know of its rows it learns of those to train on.
    ///
    /// # Errors
    ///
    /// If weights cannot be had or loaded, or there is nothing to learn.
    pub fn from_inputs<L: Learned>(
        inputs: &Inputs,
        data: &SetOf<Several, L>,
        device: &Device,
    ) -> Result<Self, Error> {
        let items: Vec<&Example> = data.train.iter().map(|sample| &sample.item).collect();
        Self::of_inputs(inputs, &L::Task::of(&data.names), (&data.names, &items), device)
    }

    /// The same for a task whose outputs are called `names`, of rows by themselves.
    ///
    /// # Errors
    ///
    /// Those of [`from_inputs`](Self::from_inputs).
    pub fn of_inputs<T: ModelTask>(
        inputs: &Inputs,
        task: &T,
        (names, items): (&[String], &[&Example]),
        device: &Device,
    ) -> Result<Self, Error> {
        Ok(Self::begun(Several::learn(inputs, items)?, None, task, names, device)?.0)
    }
}

#[cfg(test)]
mod tests;
