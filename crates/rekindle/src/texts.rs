//! Models of texts: an encoder, the tokenizer that belongs to it, and how tokens become a text.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use burn::prelude::*;
use rayon::prelude::*;
use rekindle_base::Random;
use rekindle_cards::{HubConfig, InputSpec, StatedLicenses, TaskSpec, Terms, TextInput};
use rekindle_checkpoint::CheckpointFile;
use rekindle_data::{
    DataSet, Digests, Gathered, Measurable, Part, Target, TargetKind, TokenBatch, canonical,
    manifest::Offer,
};
use rekindle_language::{
    EncoderConfig, Family, TextBackbone, pool_files, pool_from_json, pool_to_json, text_pool,
};
use rekindle_layers::{Backbone as _, Pooling, TextFlow};
use rekindle_report::{ItemKind, TextFacts};
use rekindle_text::{PrepareTexts, Text, TextConfig, Tokenizer, measure_texts, open_texts};
use rekindle_transfer::Classifier;
use serde_json::json;

use crate::{
    Error,
    modality::Modality,
    model::{ModelOf, config_text, parsed},
};

mod from_nothing;

pub use from_nothing::is_scratch;
use from_nothing::learned;

/// Keys of what is written beside the weights: the encoder's own config, how tokens become a text, the tokenizer.
const ENCODER: &str = "encoder";
const POOL: &str = "pool";
const TOKENIZER: &str = "tokenizer";
/// What a tokenizer is called where it is a file.
const TOKENIZER_FILE: &str = "tokenizer.json";

/// A model of texts.
pub type TextModel = ModelOf<Texts>;

/// What belongs to a text model besides its weights and its config.
#[derive(Debug, Clone)]
pub struct Texts {
    /// The encoder's `config.json`, as it came.
    json: Arc<str>,
    encoder: EncoderConfig,
    tokenizer: Arc<Tokenizer>,
}

impl Texts {
    /// The encoder, as its `config.json` says.
    pub fn encoder(&self) -> &EncoderConfig {
        &self.encoder
    }

    /// The encoder's `config.json`, as it came.
    pub fn encoder_json(&self) -> &str {
        &self.json
    }

    /// How texts become tokens.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// What a folder as the Hub has it says of its weights.
    fn of_folder(
        name: Option<&str>,
        file: &CheckpointFile,
        json: &str,
    ) -> Result<(Self, HubConfig), Error> {
        let folder = match file.path().is_dir() {
            true => file.path(),
            false => file.path().parent().unwrap_or(Path::new("")),
        };
        let wrong = |source| Error::Encoder { path: folder.to_owned(), source: Box::new(source) };
        let shape = |name: &str| Some(file.get(name)?.shape.clone());
        let mut encoder = EncoderConfig::from_json_with_shapes(json, shape).map_err(wrong)?;
        let pool = text_pool(folder).map_err(wrong)?;
        encoder.pool = pool.unwrap_or(encoder.pool);
        let tokenizer = Arc::new(Tokenizer::open(folder, encoder.max_tokens())?);
        let card = name.map(rekindle_cards::find).transpose();
        // A name that no card has is what the user calls it.
        let config = match card {
            Ok(Some(card)) => HubConfig::from_card(card),
            _ => {
                let called = name.map(str::to_owned).or_else(|| called(folder));
                untitled(&called.unwrap_or_else(|| encoder.family.name().to_owned()))
            }
        };
        let texts = Self { json: json.into(), encoder, tokenizer };
        let input = InputSpec::Text(texts.input(Vec::new()));
        let license = config.license.clone().or_else(|| stated(json));
        Ok((texts, HubConfig { input, license, classes: 0, ..config }))
    }

    /// What a file that was saved here says.
    fn of_saved(file: &CheckpointFile, config: HubConfig) -> Result<(Self, HubConfig), Error> {
        let most = match &config.input {
            InputSpec::Text(text) => text.max_tokens,
            _ => usize::MAX,
        };
        let part = |key: &'static str| file.metadata().get(key).map(String::as_str);
        let shape = |name: &str| Some(file.get(name)?.shape.clone());
        Ok((Self::of_kept(part, shape, most, file.path())?, config))
    }

    /// What is kept beside weights, by its keys, with the shapes of their tensors; texts are cut at `most` tokens, or fewer.
    pub(crate) fn of_kept<'a>(
        part: impl Fn(&'static str) -> Option<&'a str>,
        shape: impl Fn(&str) -> Option<Vec<usize>>,
        most: usize,
        path: &Path,
    ) -> Result<Self, Error> {
        let part = |key: &'static str| {
            part(key).ok_or_else(|| Error::LacksPart { path: path.to_owned(), part: key })
        };
        let (json, tokenizer) = (part(ENCODER)?, part(TOKENIZER)?);
        let wrong = |source| Error::Encoder { path: path.to_owned(), source: Box::new(source) };
        let mut encoder = EncoderConfig::from_json_with_shapes(json, shape).map_err(wrong)?;
        encoder.pool = pool_from_json(part(POOL)?).map_err(wrong)?;
        let most = most.min(encoder.max_tokens());
        let tokenizer = Arc::new(Tokenizer::from_json(tokenizer, most, path)?);
        Ok(Self { json: json.into(), encoder, tokenizer })
    }

    /// What the config says of the input.
    pub(crate) fn input(&self, columns: Vec<String>) -> TextInput {
        let max_tokens = self.tokenizer.max_tokens();
        TextInput { tokenizer: TOKENIZER_FILE.to_owned(), max_tokens, columns, context: 0 }
    }
}

/// What a folder is called: in the Hub's cache by its repository, for the folder's own name is a commit.
fn called(folder: &Path) -> Option<String> {
    let mut parts = folder.iter().filter_map(|part| part.to_str());
    let repository = parts.find_map(|part| part.strip_prefix("models--"));
    let repository = repository.and_then(|name| name.rsplit("--").next());
    repository.or_else(|| folder.file_name()?.to_str()).map(str::to_owned)
}

/// The license that a config states, the strictest of several.
fn stated(json: &str) -> Option<String> {
    let all = StatedLicenses::of_config(json);
    let strict = all.names().find(|name| Terms::of(Some(name)) != Terms::Permissive);
    strict.or_else(|| all.names().next()).map(str::to_ascii_lowercase)
}

/// A config that says no more than a name.
pub(crate) fn untitled(name: &str) -> HubConfig {
    HubConfig {
        architecture: name.to_owned(),
        tag: String::new(),
        classes: 0,
        features: None,
        input: InputSpec::Text(TextInput {
            tokenizer: TOKENIZER_FILE.to_owned(),
            max_tokens: 1,
            columns: Vec::new(),
            context: 0,
        }),
        task: TaskSpec::SingleLabel,
        temperature: None,
        test_input_size: None,
        test_crop_pct: None,
        fixed_input_size: false,
        first_conv: None,
        classifier: None,
        license: None,
        labels: Vec::new(),
        descriptions: BTreeMap::new(),
    }
}

impl Modality for Texts {
    const MANY: &'static str = "texts";
    const ONE: &'static str = "text";
    const KIND: ItemKind = ItemKind::Texts;

    type Backbone = TextBackbone;
    type Prepare = PrepareTexts;
    type Options = ();
    type Data = TextConfig;

    fn of_weights(name: Option<&str>, file: &CheckpointFile) -> Result<(Self, HubConfig), Error> {
        let Some(text) = config_text(file) else {
            return Err(Error::NoConfig(file.path().to_owned()));
        };
        match rekindle_cards::is_transformers(text) {
            true => Self::of_folder(name, file, text),
            false => Self::of_saved(file, parsed(name, file, text)?),
        }
    }

    fn untrained(name: &str, items: &[&Text]) -> Result<(Self, HubConfig), Error> {
        let (encoder, tokenizer) = learned(name, items)?;
        let json = encoder.to_json().into();
        let texts = Self { json, encoder, tokenizer: Arc::new(tokenizer) };
        let input = InputSpec::Text(texts.input(Vec::new()));
        Ok((texts, HubConfig { input, ..untitled(name) }))
    }

    fn backbone(&self, _: &HubConfig, device: &Device) -> Result<TextBackbone, Error> {
        Ok(TextBackbone::new(&self.encoder, device))
    }

    fn prepare(&self, _: &HubConfig, (): &()) -> Result<PrepareTexts, Error> {
        let found = PrepareTexts::new(Arc::clone(&self.tokenizer), self.encoder.vocab_size);
        Ok(match self.encoder.family {
            Family::Static => found.known_alone(),
            _ => found,
        })
    }

    /// Each text but the first is shorter than it could be, for padding is part of what a network computes.
    fn sample(
        &self,
        _: &HubConfig,
        [items, length]: [usize; 2],
        random: &mut Random,
    ) -> Result<TokenBatch, Error> {
        let vocabulary = self.encoder.vocab_size.max(1);
        let mut batch = TokenBatch {
            ids: vec![self.tokenizer.pad(); items * length],
            types: vec![0; items * length],
            mask: vec![0; items * length],
            shape: [items, length],
        };
        for item in 0..items {
            let tokens = if item == 0 { length } else { 1 + random.below(length) };
            for place in item * length..item * length + tokens {
                batch.ids[place] = random.below(vocabulary) as u32;
                batch.mask[place] = 1;
            }
        }
        Ok(batch)
    }

    fn longest(&self) -> Option<usize> {
        Some(self.tokenizer.max_tokens())
    }

    fn tokenizer_json(&self) -> Option<String> {
        Some(self.tokenizer.json().to_owned())
    }

    fn plain((): &()) {}

    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (ENCODER.to_owned(), self.json.to_string()),
            (POOL.to_owned(), pool_to_json(self.encoder.pool)),
            (TOKENIZER.to_owned(), self.tokenizer.json().to_owned()),
        ])
    }

    /// As transformers and sentence-transformers read them.
    fn files(&self, _: &HubConfig) -> Result<Vec<(String, String)>, Error> {
        let Self { json, encoder, tokenizer } = self;
        let most = tokenizer.max_tokens();
        let token =
            |names: [&'static str; 2]| names.into_iter().find(|name| tokenizer.id(name).is_some());
        let special = |key: &str, names: [&'static str; 2]| {
            token(names).map(|name| (key.to_owned(), json!(name)))
        };
        let mut about = serde_json::Map::from_iter([
            ("tokenizer_class".to_owned(), json!("PreTrainedTokenizerFast")),
            ("model_max_length".to_owned(), json!(most)),
        ]);
        about.extend(special("pad_token", ["[PAD]", "<pad>"]));
        about.extend(special("unk_token", ["[UNK]", "<unk>"]));
        let sentence = json!({"max_seq_length": most, "do_lower_case": false});
        let mut files = vec![
            ("config.json", json.to_string()),
            (TOKENIZER_FILE, tokenizer.json().to_owned()),
            ("tokenizer_config.json", format!("{:#}\n", serde_json::Value::Object(about))),
            ("sentence_bert_config.json", format!("{sentence:#}\n")),
        ];
        files.extend(pool_files(encoder.pool, encoder.hidden_size));
        Ok(files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
    }

    fn mean(flow: TextFlow) -> Tensor<2> {
        match flow {
            TextFlow::Sequence(sequence) => Pooling::Mean.forward(sequence),
            TextFlow::Tokens(tokens) => tokens.mask.sum_dim(1),
        }
    }

    fn open<L: Target>(data: &TextConfig) -> Result<DataSet<L, Text>, Error> {
        Ok(open_texts(data)?)
    }

    fn measurable<L: Target>(
        data: &TextConfig,
        part: Option<Part>,
    ) -> Result<Measurable<L, Text>, Error> {
        Ok(measure_texts(data, part)?)
    }

    fn gathered(data: &TextConfig, kind: TargetKind) -> Result<Gathered<Text>, Error> {
        Ok(rekindle_text::read_texts(data, kind)?)
    }

    fn offer(data: &TextConfig) -> Result<Offer, Error> {
        Ok(rekindle_text::offer(data)?)
    }

    fn completed(&self, config: &HubConfig, data: &TextConfig) -> TextConfig {
        let columns = match &config.input {
            InputSpec::Text(text) if data.text.is_empty() => text.columns.clone(),
            _ => data.text.clone(),
        };
        TextConfig { text: columns, ..data.clone() }
    }

    fn identity(&self, config: &HubConfig) -> String {
        let pool = pool_to_json(self.encoder.pool);
        canonical(&json!([config.input, *self.json, pool, self.tokenizer.json()]))
    }

    fn digest(item: &Text, _: &Digests) -> Result<[u8; 32], Error> {
        Ok(item.digest())
    }

    fn called(item: &Text, _: usize) -> String {
        item.called()
    }

    fn facts(&self, items: &[&Text]) -> Result<Option<TextFacts>, Error> {
        let counted = |text: &&Text| -> Result<(usize, bool, usize), Error> {
            let encoded = self.tokenizer.encode(text)?;
            Ok((encoded.ids.len(), encoded.cut, self.tokenizer.unknown(&encoded)))
        };
        let counted: Result<Vec<_>, Error> = items.par_iter().map(counted).collect();
        let mut counted = counted?;
        counted.sort_unstable();
        let Some(longest) = counted.last() else { return Ok(None) };
        let at = |share: f64| counted[((counted.len() - 1) as f64 * share).round() as usize].0;
        let tokens: usize = counted.iter().map(|(length, ..)| length).sum();
        let unknown: usize = counted.iter().map(|(.., unknown)| unknown).sum();
        Ok(Some(TextFacts {
            tokens: [at(0.5), at(0.95), longest.0],
            max_tokens: self.tokenizer.max_tokens(),
            cut: counted.iter().filter(|(_, cut, _)| *cut).count() as f64 / counted.len() as f64,
            unknown: unknown as f64 / tokens.max(1) as f64,
        }))
    }
}

impl TextModel {
    /// The same network from nothing, whose tokens begin with given vectors where there are some for them, of a file of GloVe's or
    /// word2vec's. What it has for its words is said in a line.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the network has vectors of its own.
    pub fn with_vectors(self, file: &Path, device: &Device) -> Result<(Self, String), Error> {
        let Texts { encoder, tokenizer, .. } = self.modality();
        let tokenizer = Arc::clone(tokenizer);
        let (encoder, backbone, said) =
            from_nothing::with_vectors(encoder, &tokenizer, file, device)?;
        let config = HubConfig { features: Some(backbone.embed_dim()), ..self.config().clone() };
        let network = Classifier::new(backbone, config.classes, device);
        let json = encoder.to_json().into();
        Ok((Self::of(network, config, Texts { json, encoder, tokenizer }), said))
    }
}

/// The columns of texts that were learned from, as a config keeps them.
pub fn with_columns(config: HubConfig, columns: &[String]) -> HubConfig {
    let input = match config.input {
        InputSpec::Text(text) => InputSpec::Text(TextInput { columns: columns.to_vec(), ..text }),
        other => other,
    };
    HubConfig { input, ..config }
}
