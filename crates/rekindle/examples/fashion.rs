//! Pictures of clothes by a dense network, then by a small convolutional one: TinyVGG.
//!
//! ```sh
//! cargo run --release --example fashion
//! cargo run --release --example fashion -- --data fashion-mnist --epochs 10
//! ```
//!
//! `--data` is a folder of Fashion-MNIST's own four files, or of pictures; without it stripes in four directions are drawn. Expected of
//! those:
//!
//! ```text
//! 200 pictures to train on, 200 to test on
//! way                        accuracy                 95%  seconds  the course
//! dense                         74.5%      68.5% to 80.0%      0.2
//! TinyVGG                       98.5%     96.5% to 100.0%      2.7
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::path::PathBuf;

use anyhow::Result;
use burn::{nn, prelude::*, tensor::activation::relu};
use clap::Parser;
use rekindle::{
    data::Augment,
    layers::{
        Activation, Backbone, Bias, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap, MaxPool, Stage,
    },
};
use support::{Learn, lesson, pictures, stripes};

/// Learns gray pictures by dense layers, and by convolutions.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// Fashion-MNIST's files, or one folder per label in train/ and test/; stripes without.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Epochs.
    #[arg(long, default_value_t = 10)]
    pub(crate) epochs: usize,
    /// Draws the networks and the order.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for the curves.
    #[arg(long, default_value = "runs/fashion")]
    pub(crate) out: PathBuf,
}

/// Height and width of the input, in pixels.
const SIDE: usize = 28;

// ANCHOR: network
/// Convolutions in pairs, each followed by a pool that halves the map, then dense layers; a dense network has none of those.
#[derive(Module, Debug)]
struct Small {
    pairs: Vec<Vec<Conv2d>>,
    dense: Vec<nn::Linear>,
}
// ANCHOR_END: network

impl Small {
    fn new(channels: &[usize], units: &[usize], device: &Device) -> Self {
        let conv = |from, to| {
            Conv2dConfig { bias: Bias::Learned, ..Conv2dConfig::new([from, to], 3) }.init(device)
        };
        let before = std::iter::once(&1).chain(channels);
        let pair = |(&from, &to)| vec![conv(from, to), conv(to, to)];
        let pairs: Vec<_> = before.zip(channels).map(pair).collect();
        let side = SIDE >> pairs.len();
        let mut width = channels.last().unwrap_or(&1) * side * side;
        let mut dense = Vec::new();
        for &units in units {
            dense.push(nn::LinearConfig::new(width, units).init(device));
            width = units;
        }
        Self { pairs, dense }
    }
}

impl Backbone for Small {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let pairs = self.pairs.iter().enumerate().map(|(place, pair)| {
            let name = format!("pairs.{place}");
            Stage::map(&name, &[&name], pair[0].channels_out(), 2 << place)
        });
        pairs.chain([Stage::vector("dense", &["dense"], self.embed_dim())]).collect()
    }

    fn enter(&self, pictures: Tensor<4>) -> Tensor<4> {
        pictures
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        match self.pairs.get(index) {
            Some(pair) => {
                let conv = |x, conv| ConvNormAct::new(conv, None, Activation::Relu).forward(x);
                MaxPool::new(2, 2, 0)
                    .forward(pair.iter().fold(FeatureMap::new(x), conv))
                    .into_tensor()
            }
            None => {
                let x: Tensor<2> = x.flatten(1, 3);
                let dense = |x, layer: &nn::Linear| relu(layer.forward(x));
                self.dense.iter().fold(x, dense).unsqueeze_dims(&[2, 3])
            }
        }
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        x.flatten(1, 3)
    }

    fn embed_dim(&self) -> usize {
        match self.dense.last() {
            Some(layer) => layer.weight.lazy_shape()[1],
            None => {
                self.pairs.last().map_or(1, |pair| pair[0].channels_out())
                    * (SIDE >> self.pairs.len()).pow(2)
            }
        }
    }
}

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// The accuracies of the dense network and of TinyVGG.
pub(crate) fn run(arguments: &Arguments) -> Result<[f64; 2]> {
    let Arguments { data, epochs, seed, out } = arguments;
    let data = pictures(data.as_deref(), || stripes([50, 10, 50]))?;
    let (epochs, seed) = (*epochs, *seed);
    let learn = Learn { input: [1, SIDE, SIDE], epochs, lr: 3e-3, augment: Augment::NONE, seed };
    println!("{} pictures to train on, {} to test on", data.train.len(), data.test.len());
    lesson::heading("accuracy");
    let (mut reached, mut curves) = ([0.0; 2], Vec::new());
    // ANCHOR: ways
    let ways = [("dense", &[][..], &[128, 64][..], "79.7%"), ("TinyVGG", &[16, 32], &[64], "")];
    // ANCHOR_END: ways
    for ((way, channels, units, course), reached) in ways.into_iter().zip(&mut reached) {
        let found = learn.learn(|device| Small::new(channels, units, device), &data)?;
        *reached = lesson::accuracy(
            way,
            &found.predictions,
            found.seconds,
            lesson::course(arguments.data.as_ref(), course),
        );
        curves.push((way, found.history));
    }
    let curves: Vec<_> = curves.iter().map(|(way, history)| (*way, &history[..])).collect();
    lesson::draw_losses(&out.join("losses.svg"), &curves)?;
    Ok(reached)
}
