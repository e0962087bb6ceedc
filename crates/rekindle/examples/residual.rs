//! A layer of one's own, up to a small ResNet: 34 layers with and without shortcuts around pairs of them.
//!
//! ```sh
//! cargo run --release --example residual
//! cargo run --release --example residual -- --data cifar10 --side 32 --blocks 3 --epochs 12
//! ```
//!
//! Both networks have the same layers and as many parameters; one adds to what two convolutions make what went into them (He et
//! al. 2015, <https://arxiv.org/abs/1512.03385>, figure 2). Expected, on stripes that are drawn:
//!
//! ```text
//! 34 layers
//! way                        accuracy                 95%  seconds  the course
//! plain                         32.5%      26.0% to 39.0%      6.5
//! residual                      75.0%      69.0% to 80.5%      4.9
//! ```
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::path::PathBuf;

use anyhow::Result;
use burn::prelude::*;
use clap::Parser;
use rekindle::{
    data::Augment,
    layers::{
        Activation, Backbone, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct,
        FeatureMap, Stage, global_mean,
    },
};
use support::{Learn, lesson, pictures, stripes};

/// Learns pictures by a deep network with and without shortcuts.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// One folder per label, or train/ and test/ of those, or CIFAR's or MNIST's files; stripes without.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Height and width of the input, in pixels.
    #[arg(long, default_value_t = 32)]
    pub(crate) side: usize,
    /// Blocks of two convolutions in each of three stages.
    #[arg(long, default_value_t = 5)]
    pub(crate) blocks: usize,
    /// Epochs.
    #[arg(long, default_value_t = 6)]
    pub(crate) epochs: usize,
    /// Draws the networks and the order.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Folder for the curves.
    #[arg(long, default_value = "runs/residual")]
    pub(crate) out: PathBuf,
}

/// A convolution with its norm.
#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

/// A layer of one's own: two convolutions, and perhaps a shortcut around them.
#[derive(Module, Debug)]
struct Block {
    first: ConvNorm,
    second: ConvNorm,
    shortcut: bool,
}

/// A stage begins with a convolution that widens and halves the map.
#[derive(Module, Debug)]
struct Group {
    begin: ConvNorm,
    blocks: Vec<Block>,
}

/// Three stages.
#[derive(Module, Debug)]
struct Deep {
    groups: Vec<Group>,
}

const WIDTHS: [usize; 3] = [16, 32, 64];

impl ConvNorm {
    fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let conv = Conv2dConfig { stride, ..Conv2dConfig::new(channels, 3) }.init(device);
        Self { conv, norm: BatchNormConfig { channels: channels[1], epsilon: 1e-5 }.init(device) }
    }

    /// The three of them in one pass over the map.
    fn relu(&self) -> ConvNormAct<'_> {
        ConvNormAct::new(&self.conv, &self.norm, Activation::Relu)
    }
}

// ANCHOR: block
impl Block {
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let y = self.first.relu().forward(x.clone());
        match self.shortcut {
            true => self.second.relu().forward_add(y, x),
            false => self.second.relu().forward(y),
        }
    }
}
// ANCHOR_END: block

impl Deep {
    fn new(blocks: usize, shortcut: bool, device: &Device) -> Self {
        let group = |(place, width): (usize, usize)| {
            let from = if place == 0 { 3 } else { WIDTHS[place - 1] };
            let conv = || ConvNorm::new([width, width], 1, device);
            let block = |_| Block { first: conv(), second: conv(), shortcut };
            let begin = ConvNorm::new([from, width], 2, device);
            Group { begin, blocks: (0..blocks).map(block).collect() }
        };
        Self { groups: WIDTHS.into_iter().enumerate().map(group).collect() }
    }
}

// ANCHOR: backbone
impl Backbone for Deep {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let stage = |(place, width): (usize, usize)| {
            let name = format!("groups.{place}");
            Stage::map(&name, &[&name], width, 2 << place)
        };
        WIDTHS.into_iter().enumerate().map(stage).collect()
    }

    fn enter(&self, pictures: Tensor<4>) -> Tensor<4> {
        pictures
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let Group { begin, blocks } = &self.groups[index];
        let x = begin.relu().forward(FeatureMap::new(x));
        blocks.iter().fold(x, |x, block| block.forward(x)).into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        WIDTHS[2]
    }
}
// ANCHOR_END: backbone

fn main() -> Result<()> {
    run(&Arguments::parse()).map(drop)
}

/// The accuracies without and with shortcuts.
pub(crate) fn run(arguments: &Arguments) -> Result<[f64; 2]> {
    let Arguments { data, side, blocks, epochs, seed, out } = arguments;
    let data = pictures(data.as_deref(), || stripes([50, 10, 50]))?;
    let augment = Augment::FLIP;
    let learn = Learn { input: [3, *side, *side], epochs: *epochs, lr: 3e-3, augment, seed: *seed };
    println!("{} layers", 3 * (1 + 2 * blocks) + 1);
    lesson::heading("accuracy");
    let mut reached = [0.0; 2];
    let mut curves = Vec::new();
    for (way, shortcut) in [("plain", false), ("residual", true)] {
        let found = learn.learn(|device| Deep::new(*blocks, shortcut, device), &data)?;
        reached[usize::from(shortcut)] =
            lesson::accuracy(way, &found.predictions, found.seconds, "");
        curves.push((way, found.history));
    }
    let curves: Vec<_> = curves.iter().map(|(way, history)| (*way, &history[..])).collect();
    lesson::draw_losses(&out.join("losses.svg"), &curves)?;
    Ok(reached)
}
