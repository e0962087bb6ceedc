//! Products in 8 bits: weights with a scale a channel, what they meet with one a tensor, between QuantizeLinear and
//! DequantizeLinear, which runtimes turn into products of whole numbers. Jacob et al. 2018,
//! <https://arxiv.org/abs/1712.05877>.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use burn::tensor::TensorData;

use crate::{
    Onnx,
    graph::{Attribute, Graph, Node},
    size::Size,
};

/// From the least to the greatest number that a value takes.
pub type Range = [f32; 2];

impl Onnx {
    /// Which values meet weights, or each other, in 8 bits: what [`int8`](Self::int8) has to know the ranges of.
    pub fn activations(&self) -> Vec<String> {
        let graph = self.graph();
        let met = graph.nodes.iter().flat_map(|node| met(graph, node));
        met.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The same with products in 8 bits, by the ranges of [`activations`](Self::activations); what has no range stays as it is.
    #[must_use]
    pub fn int8(mut self, ranges: &BTreeMap<String, Range>) -> Self {
        let graph = self.graph_mut();
        let nodes = std::mem::take(&mut graph.nodes);
        let mut quantized: HashMap<String, (String, f64)> = HashMap::new();
        for mut node in nodes {
            let met = met(graph, &node);
            if !met.is_empty() && met.iter().all(|name| ranges.contains_key(name)) {
                let mut scale = 1.0;
                for place in 0..met.len() {
                    let name = node.inputs[place].clone();
                    let known = quantized.get(&name).cloned();
                    let (value, step) = known.unwrap_or_else(|| {
                        let found = quantize(graph, &name, ranges[&name]);
                        quantized.insert(name, found.clone());
                        found
                    });
                    node.inputs[place] = value;
                    scale = step;
                }
                weights(graph, &mut node, scale);
            }
            graph.nodes.push(node);
        }
        graph.prune();
        self
    }
}

/// The inputs of a node that are to be in 8 bits, which come first: none where it computes in float32.
fn met(graph: &Graph, node: &Node) -> Vec<String> {
    let constant = |place: usize| {
        node.inputs.get(place).and_then(|name| graph.constants.get(name)).map(|data| data.rank())
    };
    let maps = |place: usize| {
        let dims = node.inputs.get(place).and_then(|name| graph.dims.get(name));
        dims.is_some_and(|dims| dims.len() == 4 && !matches!(dims[0], Size::Fixed(_)))
    };
    match (node.op, constant(0), constant(1)) {
        ("Conv", None, Some(_)) | ("MatMul", None, Some(2)) => vec![node.inputs[0].clone()],
        // Shortcuts: a runtime goes on in whole numbers only where both are.
        ("Add", None, None) if maps(0) && maps(1) => node.inputs.clone(),
        _ => Vec::new(),
    }
}

/// A value in 8 bits and back again, and its step.
fn quantize(graph: &mut Graph, name: &str, [least, most]: Range) -> (String, f64) {
    // Zero has to be a number of its own: padding is.
    let (least, most) = (f64::from(least.min(0.0)), f64::from(most.max(0.0)));
    let step = ((most - least) / 255.0).max(f64::from(f32::MIN_POSITIVE));
    let zero = (-least / step).round().clamp(0.0, 255.0) as u8;
    let none = Vec::<usize>::new();
    let scale = graph.constant("scale", TensorData::new(vec![step as f32], none.clone()));
    let zero = graph.constant("zero", TensorData::new(vec![zero], none));
    let whole = graph.node("QuantizeLinear", &[name, &scale, &zero], vec![]);
    (graph.node("DequantizeLinear", &[&whole, &scale, &zero], vec![]), step)
}

/// The weights of a product in 8 bits, each channel by its greatest number, and the bias in 32.
fn weights(graph: &mut Graph, node: &mut Node, step: f64) {
    let Some(data) = node.inputs.get(1).and_then(|name| graph.constants.get(name)) else { return };
    let (axis, shape) = (if node.op == "Conv" { 0 } else { 1 }, data.shape().to_vec());
    let channels = shape[axis];
    let inner: usize = shape[axis + 1..].iter().product();
    let values: Vec<f64> = data.iter::<f64>().collect();
    let channel = |place: usize| place / inner.max(1) % channels.max(1);
    let mut greatest = vec![0.0_f64; channels];
    for (place, value) in values.iter().enumerate() {
        let most = &mut greatest[channel(place)];
        *most = most.max(value.abs());
    }
    // A channel of zeros has any step.
    let steps: Vec<f64> =
        greatest.iter().map(|most| if *most > 0.0 { most / 127.0 } else { 1.0 }).collect();
    let whole = |(place, value): (usize, &f64)| (value / steps[channel(place)]).round() as i8;
    let whole: Vec<i8> = values.iter().enumerate().map(whole).collect();
    let axis = vec![("axis", Attribute::Int(axis as i64))];
    node.inputs[1] =
        dequantized(graph, TensorData::new(whole, shape), &steps, vec![0_i8; channels], axis);
    let bias = node.inputs.get(2).and_then(|name| graph.constants.get(name));
    if let Some(bias) = bias {
        let steps: Vec<f64> = steps.iter().map(|of| of * step).collect();
        let whole: Vec<i32> = bias
            .iter::<f64>()
            .zip(&steps)
            .map(|(value, step)| (value / step).round().clamp(-2e9, 2e9) as i32)
            .collect();
        let axis = vec![("axis", Attribute::Int(0))];
        let whole = TensorData::new(whole, [channels]);
        node.inputs[2] = dequantized(graph, whole, &steps, vec![0_i32; channels], axis);
    }
}

/// Whole numbers, each channel times its step.
fn dequantized<E: burn::tensor::Element>(
    graph: &mut Graph,
    whole: TensorData,
    steps: &[f64],
    zeros: Vec<E>,
    axis: Vec<(&'static str, Attribute)>,
) -> String {
    let channels = steps.len();
    let steps: Vec<f32> = steps.iter().map(|step| *step as f32).collect();
    let whole = graph.constant("whole", whole);
    let steps = graph.constant("scale", TensorData::new(steps, [channels]));
    let zeros = graph.constant("zero", TensorData::new(zeros, [channels]));
    graph.node("DequantizeLinear", &[&whole, &steps, &zeros], axis)
}
