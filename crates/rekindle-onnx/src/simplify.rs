//! The same graph with fewer nodes: norms become part of convolutions, transposes meet and are gone, and what convolves one
//! pixel of rows is a product of matrices.

use std::collections::HashMap;

use burn::tensor::{DType, TensorData};

use crate::graph::{Attribute, Graph, Node};

mod reshapes;
mod transposes;

use reshapes::sink_reshapes;
use transposes::sink_transposes;

/// What is computed number by number.
const UNARY: [&str; 12] = [
    "Abs",
    "Clip",
    "Erf",
    "Exp",
    "HardSigmoid",
    "Identity",
    "Neg",
    "Reciprocal",
    "Relu",
    "Sigmoid",
    "Sqrt",
    "Tanh",
];
/// The same of two.
const BINARY: [&str; 7] = ["Add", "Div", "Max", "Min", "Mul", "Pow", "Sub"];

/// The same node over other inputs.
fn again(graph: &mut Graph, node: &Node, inputs: &[String]) -> String {
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    graph.node(node.op, &inputs, node.attributes.clone())
}

/// All of it.
pub(crate) fn simplified(mut graph: Graph) -> Graph {
    graph.prune();
    fold_norms(&mut graph);
    sink_transposes(&mut graph);
    sink_reshapes(&mut graph);
    join_reshapes(&mut graph);
    join_means(&mut graph);
    graph.prune();
    merge_same(&mut graph);
    name_outputs(&mut graph);
    graph.prune();
    graph
}

fn floats(data: &TensorData) -> Option<Vec<f64>> {
    matches!(data.dtype(), DType::F32 | DType::F64).then(|| data.iter::<f64>().collect())
}

/// A batch norm behind a convolution that nobody else reads: factors of its weights, and a bias.
fn fold_norms(graph: &mut Graph) {
    let (uses, makers) = (graph.uses(), graph.makers());
    let mut gone = Vec::new();
    for place in 0..graph.nodes.len() {
        let norm = &graph.nodes[place];
        if norm.op != "BatchNormalization" || uses.get(&norm.inputs[0]) != Some(&1) {
            continue;
        }
        let Some(&maker) = makers.get(&norm.inputs[0]) else { continue };
        let epsilon = norm.attributes.iter().find_map(|(name, value)| match value {
            Attribute::Float(value) if *name == "epsilon" => Some(f64::from(*value)),
            _ => None,
        });
        let (conv, norm) = (graph.nodes[maker].clone(), norm.clone());
        let constant = |name: &String| graph.constants.get(name);
        let vectors: Option<Vec<Vec<f64>>> =
            norm.inputs[1..].iter().map(|name| constant(name).and_then(floats)).collect();
        let (Some(vectors), Some(weight)) = (vectors, conv.inputs.get(1).and_then(constant)) else {
            continue;
        };
        let [gamma, beta, mean, variance] = vectors.as_slice() else { continue };
        let (Some(values), true) = (floats(weight), conv.op == "Conv") else { continue };
        let bias = match conv.inputs.get(2) {
            None => vec![0.0; gamma.len()],
            Some(name) => match constant(name).and_then(floats) {
                Some(bias) => bias,
                None => continue,
            },
        };
        let epsilon = epsilon.unwrap_or(1e-5);
        let factors: Vec<f64> =
            gamma.iter().zip(variance).map(|(gamma, v)| gamma / (v + epsilon).sqrt()).collect();
        let shift =
            |channel: usize| (bias[channel] - mean[channel]) * factors[channel] + beta[channel];
        let shifts: Vec<f64> = (0..factors.len()).map(shift).collect();
        let seen = values.len() / factors.len().max(1);
        let scaled: Vec<f64> = values
            .chunks(seen.max(1))
            .zip(&factors)
            .flat_map(|(row, factor)| row.iter().map(move |value| value * factor))
            .collect();
        let (shape, dtype) = (weight.shape().clone(), weight.dtype());
        let weight = graph.constant("weight", TensorData::new(scaled, shape).convert_dtype(dtype));
        let channels = shifts.len();
        let bias = graph.constant("bias", TensorData::new(shifts, [channels]).convert_dtype(dtype));
        let folded = &mut graph.nodes[maker];
        folded.inputs = vec![folded.inputs[0].clone(), weight, bias];
        folded.output = norm.output;
        gone.push(place);
    }
    let mut place = 0;
    graph.nodes.retain(|_| {
        place += 1;
        !gone.contains(&(place - 1))
    });
}

/// Values under one name only, but for outputs, which keep theirs.
fn drop_identities(graph: &mut Graph) {
    let outputs: Vec<String> = graph.outputs.iter().map(|edge| edge.name.clone()).collect();
    let mut other: HashMap<String, String> = HashMap::new();
    let nodes = std::mem::take(&mut graph.nodes);
    for mut node in nodes {
        for input in &mut node.inputs {
            if let Some(name) = other.get(input) {
                input.clone_from(name);
            }
        }
        if node.op == "Identity" && !outputs.contains(&node.output) {
            other.insert(node.output, node.inputs.swap_remove(0));
        } else {
            graph.nodes.push(node);
        }
    }
}

/// Outputs are what makes them, not another name of it.
fn name_outputs(graph: &mut Graph) {
    let outputs: Vec<String> = graph.outputs.iter().map(|edge| edge.name.clone()).collect();
    for output in &outputs {
        let named =
            graph.nodes.iter().position(|node| node.op == "Identity" && node.output == *output);
        let Some(place) = named else { continue };
        let of = graph.nodes[place].inputs[0].clone();
        let made = graph.nodes.iter().any(|node| node.output == of);
        if !made || outputs.contains(&of) {
            continue;
        }
        graph.nodes.remove(place);
        for node in &mut graph.nodes {
            let names = node.inputs.iter_mut().chain([&mut node.output]);
            names.filter(|name| **name == of).for_each(|name| name.clone_from(output));
        }
    }
}

/// What is computed twice, once: masks of attention are, in every layer.
fn merge_same(graph: &mut Graph) {
    let outputs: Vec<String> = graph.outputs.iter().map(|edge| edge.name.clone()).collect();
    let mut seen: HashMap<String, String> = HashMap::new();
    let mut other: HashMap<String, String> = HashMap::new();
    let nodes = std::mem::take(&mut graph.nodes);
    for mut node in nodes {
        for input in &mut node.inputs {
            if let Some(name) = other.get(input) {
                input.clone_from(name);
            }
        }
        let key = format!("{} {:?} {:?}", node.op, node.inputs, node.attributes);
        match seen.get(&key) {
            Some(name) if !outputs.contains(&node.output) => {
                other.insert(node.output, name.clone());
            }
            _ => {
                seen.insert(key, node.output.clone());
                graph.nodes.push(node);
            }
        }
    }
}

/// Means over the last axis and then the one before are one.
fn join_means(graph: &mut Graph) {
    let (uses, makers) = (graph.uses(), graph.makers());
    for place in 0..graph.nodes.len() {
        let axes = |node: &Node| {
            let axes = graph.constants.get(node.inputs.get(1)?)?;
            (node.op == "ReduceMean").then(|| axes.iter::<i64>().collect::<Vec<_>>())
        };
        let node = &graph.nodes[place];
        let (Some(outer), Some(&maker)) = (axes(node), makers.get(&node.inputs[0])) else {
            continue;
        };
        let (Some(inner), Some(1)) = (axes(&graph.nodes[maker]), uses.get(&node.inputs[0])) else {
            continue;
        };
        let x = graph.nodes[maker].inputs[0].clone();
        let mut both = [outer, inner].concat();
        both.sort_unstable();
        let both = graph.ints(&both);
        graph.nodes[place].inputs = vec![x, both];
    }
}

/// Of a reshape of a reshape the last, where it says all of its shape.
fn join_reshapes(graph: &mut Graph) {
    let makers = graph.makers();
    for place in 0..graph.nodes.len() {
        if graph.nodes[place].op != "Reshape" {
            continue;
        }
        let says = graph.constants.get(&graph.nodes[place].inputs[1]);
        if says.is_none_or(|shape| shape.iter::<i64>().any(|extent| extent == 0)) {
            continue;
        }
        let Some(&maker) = makers.get(&graph.nodes[place].inputs[0]) else { continue };
        if graph.nodes[maker].op == "Reshape" {
            graph.nodes[place].inputs[0] = graph.nodes[maker].inputs[0].clone();
        }
    }
}
