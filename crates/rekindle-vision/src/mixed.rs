//! The blocks of Inception v3: branches of convolutions side by side, Figures 5, 6, 7 and 10 of Szegedy et al. 2015.
#![allow(non_snake_case, reason = "fields carry the checkpoint's names")]

use burn::prelude::*;
use rekindle_layers::{AveragePool, Divisor, FeatureMap};

use crate::{
    inception::{chain, halved, unit, valid},
    unit::ConvNorm,
};

/// Branches of convolutions side by side, of which a block has some, and a pool.
#[derive(Module, Debug)]
pub(crate) struct Mixed {
    branch1x1: Option<ConvNorm>,
    branch3x3: Option<ConvNorm>,
    branch3x3__n: Vec<ConvNorm>,
    branch5x5__n: Vec<ConvNorm>,
    branch3x3dbl__n: Vec<ConvNorm>,
    branch7x7__n: Vec<ConvNorm>,
    branch7x7dbl__n: Vec<ConvNorm>,
    branch7x7x3__n: Vec<ConvNorm>,
    branch_pool: Option<ConvNorm>,
}

/// Branches that end in two convolutions side by side.
#[derive(Module, Debug)]
pub(crate) struct Forked {
    branch1x1: ConvNorm,
    branch3x3__n: Vec<ConvNorm>,
    branch3x3_2a: ConvNorm,
    branch3x3_2b: ConvNorm,
    branch3x3dbl__n: Vec<ConvNorm>,
    branch3x3dbl_3a: ConvNorm,
    branch3x3dbl_3b: ConvNorm,
    branch_pool: ConvNorm,
}

impl Mixed {
    fn none() -> Self {
        Self {
            branch1x1: None,
            branch3x3: None,
            branch3x3__n: vec![],
            branch5x5__n: vec![],
            branch3x3dbl__n: vec![],
            branch7x7__n: vec![],
            branch7x7dbl__n: vec![],
            branch7x7x3__n: vec![],
            branch_pool: None,
        }
    }

    /// Figure 5 with one branch of 5x5, for so many channels and pooled ones.
    pub(crate) fn fives(x: usize, pooled: usize, device: &Device) -> Self {
        let unit = |channels, kernel| unit(channels, [kernel; 2], device);
        Self {
            branch1x1: Some(unit([x, 64], 1)),
            branch5x5__n: vec![unit([x, 48], 1), unit([48, 64], 5)],
            branch3x3dbl__n: vec![unit([x, 64], 1), unit([64, 96], 3), unit([96, 96], 3)],
            branch_pool: Some(unit([x, pooled], 1)),
            ..Self::none()
        }
    }

    /// Figure 10, for so many channels.
    pub(crate) fn first_halving(x: usize, device: &Device) -> Self {
        let narrow = unit([x, 64], [1, 1], device);
        let middle = unit([64, 96], [3, 3], device);
        Self {
            branch3x3: Some(valid([x, 384], 3, 2, device)),
            branch3x3dbl__n: vec![narrow, middle, valid([96, 96], 3, 2, device)],
            ..Self::none()
        }
    }

    /// Figure 6, for so many channels and channels inside.
    pub(crate) fn sevens(x: usize, c: usize, device: &Device) -> Self {
        let point = |channels| unit([x, channels], [1, 1], device);
        let wide = |channels| unit([c, channels], [1, 7], device);
        let high = |channels| unit([c, channels], [7, 1], device);
        Self {
            branch1x1: Some(point(192)),
            branch7x7__n: vec![point(c), wide(c), high(192)],
            branch7x7dbl__n: vec![point(c), high(c), wide(c), high(c), wide(192)],
            branch_pool: Some(point(192)),
            ..Self::none()
        }
    }

    /// Figure 10 with a branch of 7x7, for so many channels.
    pub(crate) fn second_halving(x: usize, device: &Device) -> Self {
        let unit = |channels, kernel| unit(channels, kernel, device);
        let (wide, high) = (unit([192, 192], [1, 7]), unit([192, 192], [7, 1]));
        let last = valid([192, 192], 3, 2, device);
        Self {
            branch3x3__n: vec![unit([x, 192], [1, 1]), valid([192, 320], 3, 2, device)],
            branch7x7x3__n: vec![unit([x, 192], [1, 1]), wide, high, last],
            ..Self::none()
        }
    }

    /// `[batch, channels, height, width]` to the channels of all branches; blocks that halve give half the height and width.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let alone = [&self.branch1x1, &self.branch3x3].into_iter().flatten();
        let mut maps: Vec<_> = alone.map(|unit| chain([unit], x.clone())).collect();
        let branches = [
            &self.branch3x3__n,
            &self.branch5x5__n,
            &self.branch3x3dbl__n,
            &self.branch7x7__n,
            &self.branch7x7dbl__n,
            &self.branch7x7x3__n,
        ];
        let branches = branches.into_iter().filter(|branch| !branch.is_empty());
        maps.extend(branches.map(|branch| chain(branch, x.clone())));
        maps.push(match &self.branch_pool {
            Some(unit) => chain([unit], averaged(x)),
            None => halved(x),
        });
        FeatureMap::concat(maps)
    }
}

/// The average around each pixel, where padding counts as zeros.
fn averaged(x: FeatureMap) -> FeatureMap {
    AveragePool::padded(3, 1, 1, Divisor::Positions).forward(x)
}

impl Forked {
    /// Figure 7, for so many channels.
    pub(crate) fn new(x: usize, device: &Device) -> Self {
        let point = |channels| unit([x, channels], [1, 1], device);
        let wide = || unit([384, 384], [1, 3], device);
        let high = || unit([384, 384], [3, 1], device);
        Self {
            branch1x1: point(320),
            branch3x3__n: vec![point(384)],
            branch3x3_2a: wide(),
            branch3x3_2b: high(),
            branch3x3dbl__n: vec![point(448), unit([448, 384], [3, 3], device)],
            branch3x3dbl_3a: wide(),
            branch3x3dbl_3b: high(),
            branch_pool: point(192),
        }
    }

    /// `[batch, channels, height, width]` to the channels of all branches.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let one = chain(&self.branch3x3__n, x.clone());
        let two = chain(&self.branch3x3dbl__n, x.clone());
        FeatureMap::concat(vec![
            chain([&self.branch1x1], x.clone()),
            chain([&self.branch3x3_2a], one.clone()),
            chain([&self.branch3x3_2b], one),
            chain([&self.branch3x3dbl_3a], two.clone()),
            chain([&self.branch3x3dbl_3b], two),
            chain([&self.branch_pool], averaged(x)),
        ])
    }
}
