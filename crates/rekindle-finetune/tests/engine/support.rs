//! A small network, small pictures, and the bits of all that a network holds.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use burn::{module::Param, prelude::*};
use rekindle_data::{Dense, Digests, Error, Item, Prepare, Random, View};
use rekindle_layers::{
    Activation, Backbone, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct,
    FeatureMap, NameStack, ParameterMapper, ParameterVisitor, Stage, global_mean, map_parameters,
    visit_parameters,
};

/// Channels of a chain's maps.
const WIDTH: usize = 8;

/// Convolutions in a row, each a stage: every second one is 1x1, which low-rank factors are for.
#[derive(Module, Debug)]
pub(crate) struct Chain {
    conv: Vec<Conv2d>,
    bn: Vec<BatchNorm>,
}

impl Chain {
    pub(crate) fn new(stages: usize, device: &Device) -> Self {
        let conv = |place: usize| match place {
            0 => Conv2dConfig { stride: 2, ..Conv2dConfig::new([3, WIDTH], 3) },
            _ => Conv2dConfig::new([WIDTH, WIDTH], if place.is_multiple_of(2) { 3 } else { 1 }),
        };
        let norm = BatchNormConfig { channels: WIDTH, epsilon: 1e-5 };
        Self {
            conv: (0..stages).map(|place| conv(place).init(device)).collect(),
            bn: (0..stages).map(|_| norm.init(device)).collect(),
        }
    }
}

impl Backbone for Chain {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let stage = |place| {
            let modules = [format!("conv.{place}"), format!("bn.{place}")];
            Stage::map(&format!("stage{place}"), &modules.each_ref().map(String::as_str), WIDTH, 2)
        };
        (0..self.conv.len()).map(stage).collect()
    }

    fn enter(&self, input: Tensor<4>) -> Tensor<4> {
        input
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let unit = ConvNormAct::new(&self.conv[index], &self.bn[index], Activation::Relu);
        unit.forward(FeatureMap::new(x)).into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        WIDTH
    }
}

/// A network whose weights, but not the norms', are drawn by a seed: nothing that another test draws changes them.
pub(crate) fn seeded<M: Module>(network: M, seed: u64) -> M {
    struct Drawn(Random);
    impl ParameterMapper for Drawn {
        fn float<const D: usize>(
            &mut self,
            _: &NameStack,
            param: Param<Tensor<D>>,
        ) -> Param<Tensor<D>> {
            if D == 1 {
                return param;
            }
            param.map(|old| {
                let shape = old.dims();
                let [count, out] = [shape.iter().product::<usize>(), shape[0]];
                // He et al. 2015, equation 10, which is of outputs `[out, ...]`.
                let bound = (6.0 * out as f64 / count as f64).sqrt();
                let values = (0..count).map(|_| self.0.between(-bound, bound) as f32).collect();
                Tensor::from_data(TensorData::new(values, shape), &old.device())
            })
        }
    }
    map_parameters(network, &mut Drawn(Random::new(seed, 0, 0)))
}

/// Height and width of a picture, and of its middle.
pub(crate) const SIDE: usize = 8;
pub(crate) const MIDDLE: usize = 4;

/// A picture of random pixels, `[3, SIDE, SIDE]`.
#[derive(Debug, Clone)]
pub(crate) struct Noise(Arc<Vec<f32>>);

impl Item for Noise {
    fn path(&self) -> Option<&Path> {
        None
    }
}

/// Pictures that are the same every time.
pub(crate) fn noise(count: usize, seed: u64) -> Vec<Noise> {
    let picture = |place| {
        let mut random = Random::new(seed, 0, place);
        Noise(Arc::new((0..3 * SIDE * SIDE).map(|_| random.unit() as f32 - 0.5).collect()))
    };
    (0..count as u64).map(picture).collect()
}

impl Noise {
    /// The pixels, and those in the middle `[3, MIDDLE, MIDDLE]`; where something is drawn, a little brighter or darker.
    pub(crate) fn looks(&self, view: View) -> (Vec<f32>, Vec<f32>) {
        let light = if view.is_plain() { 0.0 } else { view.random().unit() as f32 };
        let whole: Vec<f32> = self.0.iter().map(|pixel| pixel + light).collect();
        let rows = whole.chunks_exact(SIDE).enumerate();
        let edge = (SIDE - MIDDLE) / 2;
        let inside = edge..edge + MIDDLE;
        let middle = rows
            .filter(|(row, _)| inside.contains(&(row % SIDE)))
            .flat_map(|(_, row)| row[inside.clone()].iter().copied())
            .collect();
        (whole, middle)
    }

    fn digest(&self) -> [u8; 32] {
        // Enough of it to tell some pictures of noise apart.
        let mut digest = [0; 32];
        for (bytes, pixel) in digest.chunks_exact_mut(4).zip(self.0.iter()) {
            bytes.copy_from_slice(&pixel.to_le_bytes());
        }
        digest
    }
}

/// A picture as a whole.
#[derive(Debug)]
pub(crate) struct Whole;

/// Two looks at a picture: as a whole, and at its middle.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Whether other views are lit otherwise.
    pub(crate) draws: bool,
}

impl Prepare for Whole {
    type Item = Noise;
    type Input = Vec<f32>;
    type Batch = Dense;
    type Error = Error;

    fn prepare(&self, item: &Noise, _: View, _: Option<Vec<f32>>) -> Result<Vec<f32>, Error> {
        Ok(item.looks(View::PLAIN).0)
    }

    fn collate(&self, inputs: &mut Vec<Vec<f32>>) -> Result<Dense, Error> {
        Ok(Dense::stack(inputs.iter().map(Vec::as_slice), &[3, SIDE, SIDE]))
    }

    fn input_bytes(&self) -> usize {
        4 * 3 * SIDE * SIDE
    }

    fn draws(&self) -> bool {
        false
    }

    fn describe_plain(&self) -> String {
        "whole".to_owned()
    }

    fn describe_drawn(&self) -> String {
        String::new()
    }

    fn digest(&self, item: &Noise, _: &Digests) -> Result<[u8; 32], Error> {
        Ok(item.digest())
    }
}

impl Prepare for Looks {
    type Item = Noise;
    type Input = (Vec<f32>, Vec<f32>);
    type Batch = (Dense, Dense);
    type Error = Error;

    fn prepare(
        &self,
        item: &Noise,
        view: View,
        _: Option<(Vec<f32>, Vec<f32>)>,
    ) -> Result<(Vec<f32>, Vec<f32>), Error> {
        Ok(item.looks(if self.draws { view } else { View::PLAIN }))
    }

    fn collate(&self, inputs: &mut Vec<(Vec<f32>, Vec<f32>)>) -> Result<(Dense, Dense), Error> {
        let wholes = inputs.iter().map(|(whole, _)| whole.as_slice());
        let middles = inputs.iter().map(|(_, middle)| middle.as_slice());
        Ok((Dense::stack(wholes, &[3, SIDE, SIDE]), Dense::stack(middles, &[3, MIDDLE, MIDDLE])))
    }

    fn input_bytes(&self) -> usize {
        4 * 3 * (SIDE * SIDE + MIDDLE * MIDDLE)
    }

    fn draws(&self) -> bool {
        self.draws
    }

    fn describe_plain(&self) -> String {
        "whole and middle".to_owned()
    }

    fn describe_drawn(&self) -> String {
        "light".to_owned()
    }

    fn digest(&self, item: &Noise, _: &Digests) -> Result<[u8; 32], Error> {
        Ok(item.digest())
    }
}

/// The bits of every tensor of a network, statistics included, by its path.
pub(crate) type Bits = BTreeMap<String, Vec<u32>>;

pub(crate) fn bits<M: Module>(network: &M) -> Bits {
    struct Visitor(Bits);
    impl ParameterVisitor for Visitor {
        fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
            let values = param.val().into_data();
            self.0.insert(at.path(), values.iter::<f32>().map(f32::to_bits).collect());
        }
    }
    let mut visitor = Visitor(Bits::new());
    // One that trains holds back its last update of the running statistics.
    visit_parameters(&network.valid(), &mut visitor);
    visitor.0
}
