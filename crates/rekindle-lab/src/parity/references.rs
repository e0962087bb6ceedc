//! Layers with weights that somebody trained, against what PyTorch and Keras computed with them.

use std::{fs, path::Path};

use burn::{
    nn::{Embedding, EmbeddingConfig, Linear, LinearConfig},
    prelude::*,
    tensor::{
        TensorData,
        activation::{relu, softmax},
    },
};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, load};
use rekindle_layers::{Landmarks, Recurrence, Recurrent, RecurrentConfig, RecurrentState, Rules};
use rekindle_skip::real_data;
use serde_json::Value;

/// Largest error, relative to the largest number where that is above 1.
const ALLOWED: f32 = 1e-5;

/// A module with the weights of a folder.
fn loaded<M: Module>(module: M, folder: &Path) -> M {
    let file = CheckpointFile::open(&folder.join("model.safetensors")).unwrap();
    let landmarks = Landmarks { first_convolution: "", classifier: "" };
    let naming = Naming { trunk: "", head: "", landmarks, further: &[], rules: Rules::default() };
    load(module, &file, &naming, HeadPolicy::Fresh).unwrap().0
}

/// What was computed elsewhere.
struct Expected(CheckpointFile);

impl Expected {
    fn open(folder: &Path) -> Self {
        Self(CheckpointFile::open(&folder.join("reference.safetensors")).unwrap())
    }

    fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let shape = self.0.get(name).unwrap().shape.clone();
        Tensor::from_data(TensorData::new(self.0.read_f32(name).unwrap(), shape), device)
    }

    fn compare<const D: usize>(&self, name: &str, found: Tensor<D>) {
        let shape = &self.0.get(name).unwrap().shape;
        assert_eq!(found.dims().as_slice(), shape.as_slice(), "{name}");
        let expected = self.0.read_f32(name).unwrap();
        let largest = expected.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
        let found: Vec<f32> = found.into_data().iter::<f32>().collect();
        let off = |(found, expected): (&f32, &f32)| (found - expected).abs() / largest;
        let worst = found.iter().zip(&expected).map(off).fold(0.0, f32::max);
        assert!(worst <= ALLOWED, "{name}: off by {worst:e}");
    }
}

/// A tensor of whole numbers in a file of tensors, which [`CheckpointFile`] does not read.
fn whole(file: &Path, name: &str) -> Vec<i64> {
    let bytes = fs::read(file).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, values) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: Value = serde_json::from_slice(header).unwrap();
    let place = |at: usize| header[name]["data_offsets"][at].as_u64().unwrap() as usize;
    let values = values[place(0)..place(1)].as_chunks::<8>().0;
    values.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
}

/// Numbers of letters or sounds, and GRUs over their vectors.
#[derive(Module, Debug)]
struct Spelling {
    embedding: Embedding,
    gru: Recurrent,
}

impl Spelling {
    fn new(tokens: usize, device: &Device) -> Self {
        Self {
            embedding: EmbeddingConfig::new(tokens, 256).init(device),
            gru: RecurrentConfig::new(Recurrence::Gru, 256, 256).init(device),
        }
    }

    fn forward(
        &self,
        ids: &[i64],
        states: Option<RecurrentState>,
        device: &Device,
    ) -> (Tensor<3>, RecurrentState) {
        let ids = Tensor::<1, Int>::from_data(ids, device).unsqueeze::<2>();
        self.gru.forward(self.embedding.forward(ids), None, states)
    }
}

/// From letters to sounds, one after the other.
#[derive(Module, Debug)]
struct Pronunciation {
    encoder: Spelling,
    decoder: Spelling,
    fc: Linear,
}

#[test]
fn a_gru_encoder_and_decoder_spell_as_pytorchs() {
    let Some(data) = real_data() else { return };
    let folder = data.join("weights/g2p_en_gru");
    let device = Device::flex();
    let network = Pronunciation {
        encoder: Spelling::new(29, &device),
        decoder: Spelling::new(74, &device),
        fc: LinearConfig::new(256, 74).init(&device),
    };
    let network = loaded(network, &folder);
    let expected = Expected::open(&folder);
    let words: Vec<Value> =
        serde_json::from_slice(&fs::read(folder.join("reference.json")).unwrap()).unwrap();
    assert_eq!(words.len(), 12);
    let numbers = |value: &Value| -> Vec<i64> {
        value.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
    };
    let (begin, end, longest) = (2, 3, 20);
    for (index, word) in words.iter().enumerate() {
        let letters = numbers(&word["grapheme_ids"]);
        let (states, mut last) = network.encoder.forward(&letters, None, &device);
        expected.compare(&format!("enc_{index}"), states.squeeze_dim::<2>(0));
        let (mut sounds, mut rows) = (Vec::new(), Vec::new());
        let mut sound = begin;
        while rows.len() < longest {
            let (output, next) = network.decoder.forward(&[sound], Some(last), &device);
            last = next;
            let logits = network.fc.forward(output.squeeze_dim::<2>(0));
            sound = i64::from(logits.clone().argmax(1).into_data().iter::<i32>().next().unwrap());
            rows.push(logits);
            if sound == end {
                break;
            }
            sounds.push(sound);
        }
        expected.compare(&format!("logits_{index}"), Tensor::cat(rows, 0));
        assert_eq!(sounds, numbers(&word["phoneme_ids"]), "{}", word["word"]);
    }
}

/// A voice as a vector.
#[derive(Module, Debug)]
struct Voice {
    lstm: Recurrent,
    linear: Linear,
}

#[test]
fn three_lstms_on_top_of_each_other_are_pytorchs() {
    let Some(data) = real_data() else { return };
    let folder = data.join("weights/resemblyzer_lstm3");
    let device = Device::flex();
    let config =
        RecurrentConfig { num_layers: 3, ..RecurrentConfig::new(Recurrence::Lstm, 40, 256) };
    let network =
        Voice { lstm: config.init(&device), linear: LinearConfig::new(256, 256).init(&device) };
    let network = loaded(network, &folder);
    let expected = Expected::open(&folder);
    let input = expected.tensor::<3>("input", &device);
    let (output, states) = network.lstm.forward(input, None, None);
    let last = states.hidden.clone().narrow(0, 2, 1).squeeze_dim::<2>(0);
    let voice = relu(network.linear.forward(last));
    let length = voice.clone().powi_scalar(2).sum_dim(1).sqrt();
    expected.compare("output", output);
    expected.compare("h", states.hidden);
    expected.compare("c", states.cell);
    expected.compare("embedding", voice / length);
}

/// The role of a sentence in an abstract by its vector, its characters and its place.
#[derive(Module, Debug)]
struct Roles {
    char_embed: Embedding,
    char_lstm: Recurrent,
    token_dense: Linear,
    line_dense: Linear,
    total_dense: Linear,
    out_dense: Linear,
}

#[test]
fn a_network_of_four_inputs_is_kerass() {
    let Some(data) = real_data() else { return };
    let folder = data.join("weights/skimlit_tribrid");
    let device = Device::flex();
    let linear = |channels_in, out| LinearConfig::new(channels_in, out).init(&device);
    let config =
        RecurrentConfig { bidirectional: true, ..RecurrentConfig::new(Recurrence::Lstm, 25, 24) };
    let network = Roles {
        char_embed: EmbeddingConfig::new(28, 25).init(&device),
        char_lstm: config.init(&device),
        token_dense: linear(512, 128),
        line_dense: linear(15, 32),
        total_dense: linear(20, 32),
        out_dense: linear(240, 5),
    };
    let network = loaded(network, &folder);
    let expected = Expected::open(&folder);
    let file = folder.join("reference.safetensors");
    let lengths = whole(&file, "char_lengths");
    let ids = whole(&file, "char_ids");
    let (texts, longest) = (lengths.len(), ids.len() / lengths.len());
    let there = lengths
        .iter()
        .flat_map(|length| (0..longest as i64).map(move |at| f32::from(u8::from(at < *length))));
    let mask = TensorData::new(there.collect::<Vec<f32>>(), [texts, longest]);
    let mask = Tensor::<2>::from_data(mask, &device);
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, [texts, longest]), &device);
    let characters = network.char_embed.forward(ids);
    let (_, states) = network.char_lstm.forward(characters, Some(&mask), None);
    let direction = |index: usize| states.hidden.clone().narrow(0, index, 1).squeeze_dim::<2>(0);
    let characters = Tensor::cat(vec![direction(0), direction(1)], 1);
    let dense = |layer: &Linear, name: &str| relu(layer.forward(expected.tensor(name, &device)));
    let parts = vec![
        dense(&network.line_dense, "line_onehot"),
        dense(&network.total_dense, "total_onehot"),
        dense(&network.token_dense, "token_embedding"),
        characters.clone(),
    ];
    let logits = network.out_dense.forward(Tensor::cat(parts, 1));
    expected.compare("char_state", characters);
    expected.compare("probabilities", softmax(logits, 1));
}
