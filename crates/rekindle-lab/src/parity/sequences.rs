//! The comparison for encoders of texts, and for layers of sequences.

use std::collections::BTreeMap;

use burn::{
    nn::loss::CrossEntropyLossConfig,
    prelude::*,
    tensor::{DType, TensorData},
};
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, load};
use rekindle_language::{EncoderConfig, TextBackbone};
use rekindle_layers::{
    Activation, Backbone, Conv1d, Conv1dConfig, Landmarks, MultiheadAttention, Padding1d,
    Recurrence, Recurrent, RecurrentConfig, Rules, Tokens,
};
use rekindle_transfer::Classifier;
use serde_json::Value;

use super::{
    check::{Agreement, Step, ToFloat64, Values, filled},
    error::Error,
    fill::uniform,
    golden::{LayerGolden, TextGolden, tolerance},
};

type Model = Classifier<TextBackbone>;

/// Compares an encoder with a golden file.
///
/// # Errors
///
/// If the family is unknown, or the filled weights do not fit it.
pub(super) fn text(golden: &TextGolden) -> Result<Agreement, Error> {
    let (_folder, file) = filled(&golden.tensors, 1.0)?;
    let build = |device: &Device| built(golden, &file, device);
    let mut agreement = Agreement::default();
    let device = Device::flex();
    let (model, _) = build(&device)?;
    let tokens = tokens(golden, &device)?;
    let allowed = tolerance(golden.float32_error);
    let hidden = model.backbone().hidden(tokens.clone());
    let hidden = hidden * tokens.mask.clone().unsqueeze_dim::<3>(2);
    agreement.compare("hidden", &golden.hidden, Values::of(hidden), allowed);
    let embedding = model.backbone().embed(tokens);
    agreement.compare("embedding", &golden.embedding, Values::of(embedding), allowed);

    let device = device.autodiff();
    let (model, naming) = build(&device)?;
    let [outputs, channels] = [golden.num_classes, model.backbone().embed_dim()];
    // The classifier is the formula's too, `[in, out]` here.
    let weight = super::fill::fill("classifier.weight", &[outputs, channels], 1.0);
    let turned = (0..channels * outputs).map(|at| weight[at % outputs * channels + at / outputs]);
    let bias = super::fill::fill("classifier.bias", &[outputs], 1.0);
    let model = model.with_head(turned.collect(), bias).map(&mut ToFloat64);
    let logits = model.forward(self::tokens(golden, &device)?);
    let targets = Tensor::<1, Int>::from_data(golden.train.targets.as_slice(), &device);
    let loss = CrossEntropyLossConfig::new().init(&device).forward(logits, targets);
    let running = BTreeMap::new();
    let step =
        Step { loss: golden.train.loss, gradients: &golden.train.gradients, running: &running };
    step.check(loss, (&model, &naming), None::<(&str, Tensor<1>)>, &mut agreement);
    Ok(agreement)
}

/// The network of a golden file, with the weights of its file and a head that is drawn.
fn built(
    golden: &TextGolden,
    file: &CheckpointFile,
    device: &Device,
) -> Result<(Model, Naming), Error> {
    let config = EncoderConfig::from_json(&golden.config.to_string())?;
    let backbone = TextBackbone::new(&config, device);
    let naming = Naming::of(&backbone, Model::TRUNK, Model::HEAD);
    let model = Model::new(backbone, golden.num_classes, device);
    Ok((load(model, file, &naming, HeadPolicy::Fresh)?.0, naming))
}

/// The same with the weights that the formula fills.
pub(super) fn network(golden: &TextGolden) -> Result<Model, Error> {
    let (_folder, file) = filled(&golden.tensors, 1.0)?;
    Ok(built(golden, &file, &Device::flex())?.0)
}

/// The texts of a golden file.
pub(super) fn tokens(golden: &TextGolden, device: &Device) -> Result<Tokens, Error> {
    let config = EncoderConfig::from_json(&golden.config.to_string())?;
    let TextGolden { batch, length, shorter, .. } = *golden;
    let vocab = config.vocab_size as f64;
    let there = |at: usize| at % length < length - (at / length) * shorter;
    let drawn = uniform("ids", batch * length);
    let id = |(at, u): (usize, &f32)| match there(at) {
        true => {
            (2.0 + ((f64::from(*u) + 1.0) / 2.0 * (vocab - 2.0)).floor()).min(vocab - 1.0) as i64
        }
        false => config.pad_token_id as i64,
    };
    let ids: Vec<i64> = drawn.iter().enumerate().map(id).collect();
    let mask: Vec<f32> = (0..batch * length).map(|at| f32::from(u8::from(there(at)))).collect();
    let shape = [batch, length];
    let ids = Tensor::<2, Int>::from_data(TensorData::new(ids, shape), device);
    Ok(Tokens {
        types: ids.zeros_like(),
        ids,
        mask: Tensor::from_data(TensorData::new(mask, shape), device),
    })
}

/// A layer of any kind.
#[derive(Module, Debug)]
enum Layer {
    Recurrent(Recurrent),
    Conv1d(Conv1d),
    Attention(MultiheadAttention),
}

/// What a layer gives: outputs, and of a recurrent one its states.
struct Given {
    output: Tensor<3>,
    hidden: Option<Tensor<3>>,
    cell: Option<Tensor<3>>,
}

/// Compares a layer with a golden file.
///
/// # Errors
///
/// If there is no such layer, or the filled weights do not fit it.
pub(super) fn layer(golden: &LayerGolden) -> Result<Agreement, Error> {
    let (_folder, file) = filled(&golden.tensors, 1.0)?;
    let landmarks = Landmarks { first_convolution: "", classifier: "" };
    let naming = Naming { trunk: "", head: "", landmarks, further: &[], rules: Rules::default() };
    let build = |device: &Device| -> Result<Layer, Error> {
        let layer = Layer::of(golden, device)?;
        Ok(load(layer, &file, &naming, HeadPolicy::Fresh)?.0)
    };
    let [batch, length, features] = golden.input_shape;
    let there = |row: usize, step: usize| step < golden.lengths.get(row).copied().unwrap_or(length);
    let mut values = uniform("input", batch * length * features);
    for (at, value) in values.iter_mut().enumerate() {
        let (row, step) = (at / (length * features), at / features % length);
        *value *= f32::from(u8::from(there(row, step)));
    }
    let mask = (0..batch * length).map(|at| f32::from(u8::from(there(at / length, at % length))));
    let mask = TensorData::new(mask.collect::<Vec<f32>>(), [batch, length]);
    let input = TensorData::new(values, golden.input_shape);

    let mut agreement = Agreement::default();
    let device = Device::flex();
    let allowed = tolerance(golden.float32_error);
    let given = build(&device)?
        .run(Tensor::from_data(input.clone(), &device), Tensor::from_data(mask.clone(), &device));
    agreement.compare("output", &golden.output, Values::of(given.output), allowed);
    for (what, digest, found) in
        [("hidden", &golden.hidden, given.hidden), ("cell", &golden.cell, given.cell)]
    {
        if let (Some(digest), Some(found)) = (digest, found) {
            agreement.compare(what, digest, Values::of(found), allowed);
        }
    }

    let device = device.autodiff();
    let layer = build(&device)?.map(&mut ToFloat64);
    let wide = |data: TensorData| data.convert_dtype(DType::F64);
    let options = (&device, DType::F64);
    let input = Tensor::<3>::from_data(wide(input), options).require_grad();
    let given = layer.run(input.clone(), Tensor::from_data(wide(mask), options)).output;
    let weights = uniform("loss", given.shape().num_elements());
    let weights = TensorData::new(weights, given.dims());
    let loss = (given * Tensor::from_data(wide(weights), options)).mean();
    let running = BTreeMap::new();
    let step = Step { loss: golden.loss, gradients: &golden.gradients, running: &running };
    step.check(loss, (&layer, &naming), Some(("input", input)), &mut agreement);
    Ok(agreement)
}

impl Layer {
    fn of(golden: &LayerGolden, device: &Device) -> Result<Self, Error> {
        let LayerGolden { model, config, .. } = golden;
        let unknown = || Error::Layer { model: model.clone(), config: config.to_string() };
        let number = |name: &str| {
            config
                .get(name)
                .and_then(Value::as_u64)
                .map(|number| number as usize)
                .ok_or_else(unknown)
        };
        let recurrent = |kind| -> Result<Self, Error> {
            let both = config.get("bidirectional").and_then(Value::as_bool).ok_or_else(unknown)?;
            let config = RecurrentConfig {
                num_layers: number("num_layers")?,
                bidirectional: both,
                ..RecurrentConfig::new(kind, number("input_size")?, number("hidden_size")?)
            };
            Ok(Self::Recurrent(config.init(device)))
        };
        match model.as_str() {
            "torch/lstm" => recurrent(Recurrence::Lstm),
            "torch/gru" => recurrent(Recurrence::Gru),
            "torch/rnn" => recurrent(Recurrence::Rnn),
            "torch/attention" => {
                let (channels, heads) = (number("embed_dim")?, number("num_heads")?);
                Ok(Self::Attention(MultiheadAttention::new(channels, heads, device)))
            }
            "torch/conv1d" => {
                let padding = match config.get("padding") {
                    Some(Value::String(name)) if name == "same" => Padding1d::Same,
                    Some(Value::String(name)) if name == "valid" => Padding1d::Explicit(0, 0),
                    _ => Padding1d::Explicit(number("padding")?, number("padding")?),
                };
                let channels = [number("in_channels")?, number("out_channels")?];
                let config = Conv1dConfig {
                    stride: number("stride")?,
                    dilation: number("dilation")?,
                    groups: number("groups")?,
                    padding,
                    ..Conv1dConfig::new(channels, number("kernel_size")?)
                };
                Ok(Self::Conv1d(config.init(device)))
            }
            _ => Err(unknown()),
        }
    }

    fn run(&self, x: Tensor<3>, mask: Tensor<2>) -> Given {
        match self {
            Self::Recurrent(layer) => {
                let (output, states) = layer.forward(x, Some(&mask), None);
                Given { output, hidden: Some(states.hidden), cell: Some(states.cell) }
            }
            Self::Conv1d(layer) => {
                Given { output: layer.forward(x, Activation::Identity), hidden: None, cell: None }
            }
            Self::Attention(layer) => {
                let output = layer.forward(x, &mask) * mask.unsqueeze_dim::<3>(2);
                Given { output, hidden: None, cell: None }
            }
        }
    }
}
