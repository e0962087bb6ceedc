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
use rekindle_base::Random;
use rekindle_cards::{Base, HubConfig};
use rekindle_checkpoint::CheckpointFile;
use rekindle_data::{
    DataSet, Dense, Digests, Gathered, Measurable, Part as DataPart, Target, TargetKind, canonical,
    manifest::Offer,
};
use rekindle_images::PictureConfig;
use rekindle_layers::{
    Backbone, JoinConfig, PartConfig, PartFlow, Several as Network, SeveralFlow,
};
use rekindle_report::ItemKind;
use rekindle_transfer::{Frozen, Plan};
use serde_json::json;

mod columns;
mod exhibit;
mod found;
mod inputs;
mod learn;
mod lists;
mod lists_read;
mod network;
mod part;
mod prepare;
mod probes;
mod rows;
mod saved;

pub use found::{FoundInputs, NotInputs};
pub use inputs::{InputCode, InputPart, Inputs, MAX_UNITS, PartSource};
pub use lists_read::ListsRead;
pub use network::{Numbers, PartBatch, PartInput, PartNetwork, Passing, Vectors};
pub use prepare::{PartEncoded, PrepareSeveral};
pub use rows::{Cells, Example, InputColumns, SeveralConfig, Value};

use crate::{
    Error, Learned, ModelOf, Pictures, Texts,
    export::normal,
    modality::{Modality, NetworkOf, SetOf},
    model::{config_text, parsed},
    task::ModelTask,
};
use part::{Part, Reads};
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

    /// The weights that its parts began with.
    pub fn bases(&self) -> Vec<Base> {
        self.parts.iter().filter_map(|part| part.base.clone()).collect()
    }

    /// Whether it looks at pictures.
    pub fn reads_pictures(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.reads, Reads::Pictures { .. }))
    }

    /// The columns that it reads, in the order of the inputs' names.
    pub fn columns(&self) -> Vec<InputColumns> {
        let mut columns: Vec<InputColumns> = self.parts.iter().map(Part::reads_of).collect();
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        columns
    }
}

impl Modality for Several {
    const MANY: &'static str = "rows";
    const ONE: &'static str = "row";
    const KIND: ItemKind = ItemKind::Rows;

    type Backbone = Network<PartNetwork>;
    type Prepare = PrepareSeveral;
    type Options = PictureConfig;
    type Data = SeveralConfig;

    fn of_weights(name: Option<&str>, file: &CheckpointFile) -> Result<(Self, HubConfig), Error> {
        let Some(text) = config_text(file) else {
            return Err(Error::NoConfig(file.path().to_owned()));
        };
        let config = parsed(name, file, text)?;
        Ok((Self::of_saved(file, &config)?, config))
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
                    Some(begun) => PartNetwork::Text(begun.backbone(texts.clone(), device)?),
                    None if self.saved => PartNetwork::Text(texts.backbone(config, device)?),
                    None => PartNetwork::Padded(texts.backbone(config, device)?),
                },
                Reads::Pictures { about, begins } => PartNetwork::Picture(match begins {
                    Some(begun) => begun.backbone(Pictures, device)?,
                    None => Pictures.backbone(about, device)?,
                }),
                Reads::Numbers(code) => match code.embedding() {
                    Some([rows, dim]) => PartNetwork::Vectors(Vectors::new(rows, dim, device)),
                    None => PartNetwork::Numbers(Numbers::new(code.width())),
                },
            };
            let (name, hidden, per_item) = (part.name.clone(), part.hidden, part.reads.per_item());
            Ok(PartConfig { name, network, hidden, per_item })
        };
        let parts: Result<Vec<_>, Error> = self.parts.iter().map(part).collect();
        Ok(Network::new(parts?, self.join.clone(), device))
    }

    fn prepare(
        &self,
        config: &HubConfig,
        options: &PictureConfig,
    ) -> Result<PrepareSeveral, Error> {
        let part = |part: &Part| -> Result<_, Error> {
            let how = match &part.reads {
                Reads::Texts { texts, .. } => How::Texts {
                    prepare: texts.prepare(config, &())?,
                    per_item: part.reads.per_item(),
                    padded: !self.saved && part.reads.begins().is_none(),
                },
                Reads::Pictures { about, .. } => How::Pictures(Pictures.prepare(about, options)?),
                Reads::Numbers(code) => How::Numbers(code.clone()),
            };
            Ok(PreparePart { name: part.name.clone(), place: part.place, how })
        };
        let parts: Result<Vec<_>, Error> = self.parts.iter().map(part).collect();
        Ok(PrepareSeveral::new(parts?))
    }

    fn sample(
        &self,
        config: &HubConfig,
        [items, length]: [usize; 2],
        random: &mut Random,
    ) -> Result<Vec<PartBatch>, Error> {
        let part = |part: &Part| match &part.reads {
            Reads::Texts { texts, .. } => {
                let items = items * part.reads.per_item();
                texts.sample(config, [items, length], random).map(PartBatch::Tokens)
            }
            Reads::Pictures { about, .. } => {
                Pictures.sample(about, [items, length], random).map(PartBatch::Pictures)
            }
            Reads::Numbers(code) => Ok(PartBatch::Numbers(match code.embedding() {
                Some([rows, _]) => Dense {
                    values: (0..items).map(|_| random.below(rows.max(1)) as f32).collect(),
                    shape: vec![items, 1],
                },
                None => normal(random, vec![items, code.width()]),
            })),
        };
        self.parts.iter().map(part).collect()
    }

    fn longest(&self) -> Option<usize> {
        let longest = |part: &Part| match &part.reads {
            Reads::Texts { texts, .. } => texts.longest(),
            _ => None,
        };
        self.parts.iter().filter_map(longest).min()
    }

    fn parts(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.name.clone()).collect()
    }

    fn tokenizer_json(&self) -> Option<String> {
        let tokenizer = |part: &Part| match &part.reads {
            Reads::Texts { texts, .. } => texts.tokenizer_json(),
            _ => None,
        };
        self.parts.iter().find_map(tokenizer)
    }

    fn plain(options: &PictureConfig) -> PictureConfig {
        Pictures::plain(options)
    }

    fn once() -> PictureConfig {
        Pictures::once()
    }

    fn check(options: &PictureConfig, items: &[&Example]) -> Result<(), Error> {
        if let Some(disk) = &options.disk {
            disk.check(items.iter().flat_map(|item| item.pictures()))?;
        }
        Ok(())
    }

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
        self.parts.iter().map(Part::described).collect()
    }

    fn origin(&self) -> Option<String> {
        let begun = self.parts.iter().filter_map(|part| part.reads.begins());
        let paths: Vec<String> =
            begun.map(|begun| begun.file.path().display().to_string()).collect();
        (!paths.is_empty()).then(|| paths.join(", "))
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.to_saved()
    }

    fn mean(flow: SeveralFlow<Passing>) -> Tensor<2> {
        match flow {
            SeveralFlow::Joined(x) => x,
            SeveralFlow::Parts { mut parts, last } => match parts.swap_remove(last) {
                PartFlow::Own(Passing::Text(x)) => Texts::mean(x),
                PartFlow::Own(Passing::Picture(x)) => Pictures::mean(x),
                PartFlow::Own(Passing::Numbers(x)) => x,
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

    fn digest(item: &Example, files: &Digests) -> Result<[u8; 32], Error> {
        prepare::digest(item, files)
    }

    fn called(item: &Example, _: usize) -> String {
        item.called()
    }

    /// Neither where weights came from nor how parts are joined: what inputs are does not depend on it.
    fn identity(&self, config: &HubConfig) -> String {
        let part = |part: &Part| {
            let how = match &part.reads {
                Reads::Texts { texts, .. } => json!(texts.identity(config)),
                Reads::Pictures { about, .. } => json!(Pictures.identity(about)),
                Reads::Numbers(code) => json!(code),
            };
            json!([part.name, part.columns, how])
        };
        canonical(&json!([config.input, self.parts.iter().map(part).collect::<Vec<_>>()]))
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
