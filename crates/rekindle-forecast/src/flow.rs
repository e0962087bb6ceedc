//! What passes between the stages of networks that forecast.

use burn::prelude::*;
use rekindle_layers::{Flow, Input};

/// What a stage made, and what later ones see beside it as it came.
#[derive(Debug, Clone)]
pub struct WindowFlow {
    /// `[batch, steps, channels]`.
    pub x: Tensor<3>,
    /// `[batch, numbers]`; none where nothing stands beside windows.
    pub beside: Option<Tensor<2>>,
}

impl WindowFlow {
    /// With nothing beside it.
    pub(crate) fn new(x: Tensor<3>) -> Self {
        Self { x, beside: None }
    }

    fn map(
        self,
        one: impl Fn(Tensor<3>) -> Tensor<3>,
        two: impl Fn(Tensor<2>) -> Tensor<2>,
    ) -> Self {
        Self { x: one(self.x), beside: self.beside.map(two) }
    }
}

impl Input for WindowFlow {
    fn device(&self) -> Device {
        self.x.device()
    }

    fn inner(self) -> Self {
        self.map(Tensor::inner, Tensor::inner)
    }

    fn tracked(self) -> Self {
        self.map(Tensor::from_inner, Tensor::from_inner)
    }
}

impl Flow for WindowFlow {
    /// At least; whether there is a second one is in the shapes.
    const TENSORS: usize = 1;

    fn shapes(&self) -> Vec<Vec<usize>> {
        let beside = self.beside.iter().flat_map(Flow::shapes);
        Flow::shapes(&self.x).into_iter().chain(beside).collect()
    }

    fn into_rows(self) -> Vec<f32> {
        match self.beside {
            None => self.x.into_rows(),
            Some(beside) => Tensor::cat(vec![self.x.flatten(1, 2), beside], 1).into_rows(),
        }
    }

    fn from_rows(rows: Vec<f32>, shapes: &[Vec<usize>], device: &Device) -> Self {
        let [shape, beside] = shapes else {
            return Self::new(Tensor::from_rows(rows, shapes, device));
        };
        let (own, more) = (shape.iter().product::<usize>(), beside.iter().product::<usize>());
        let rows: Tensor<2> = Tensor::from_rows(rows, &[vec![own + more]], device);
        let [batch, _] = rows.dims();
        let x = rows.clone().narrow(1, 0, own).reshape([batch, shape[0], shape[1]]);
        Self { x, beside: Some(rows.narrow(1, own, more)) }
    }
}
