//! Transposes, taken towards the outputs until they meet.

use std::collections::HashMap;

use burn::tensor::TensorData;

use super::{BINARY, UNARY, again, drop_identities};
use crate::graph::{Attribute, Graph, Node};

/// Rows of channels read as maps.
const TO_FIRST: [i64; 4] = [0, 3, 1, 2];

/// A value as another with its axes in another order.
#[derive(Debug, Clone)]
struct Turned {
    of: String,
    by: Vec<i64>,
}

/// One pass from inputs to outputs that takes every transpose as far back as operations do not mind the order of axes.
pub(super) fn sink_transposes(graph: &mut Graph) {
    let mut turned: HashMap<String, Turned> = HashMap::new();
    let nodes = std::mem::take(&mut graph.nodes);
    for node in nodes {
        if let Some(result) = sunk(graph, &turned, &node) {
            if let Some(dims) = graph.dims.get(&node.output) {
                let mut before = dims.clone();
                for (size, &axis) in dims.iter().zip(&result.by) {
                    before[axis as usize].clone_from(size);
                }
                graph.dims.insert(result.of.clone(), before);
            }
            let inverse = is_identity(&result.by);
            // Under the name that others read it by.
            let op = if inverse { "Identity" } else { "Transpose" };
            let attributes =
                if inverse { vec![] } else { vec![("perm", Attribute::Ints(result.by.clone()))] };
            graph.nodes.push(Node {
                op,
                inputs: vec![result.of.clone()],
                output: node.output.clone(),
                attributes,
            });
            turned.insert(node.output, result);
        } else {
            graph.nodes.push(node);
        }
    }
    drop_identities(graph);
}

/// What a node is, as another with its axes turned; none where it is just what it is.
fn sunk(graph: &mut Graph, turned: &HashMap<String, Turned>, node: &Node) -> Option<Turned> {
    let of = |name: &String| turned.get(name).cloned();
    match node.op {
        "Transpose" => {
            let by = node.ints("perm").to_vec();
            Some(match of(&node.inputs[0]) {
                // Axis i is the first's axis by[i], which is the inner one's axis of that.
                Some(inner) => Turned {
                    by: by.iter().map(|&axis| inner.by[axis as usize]).collect(),
                    of: inner.of,
                },
                None => Turned { of: node.inputs[0].clone(), by },
            })
        }
        "Conv" => {
            let x = of(&node.inputs[0]).filter(|x| x.by == TO_FIRST)?;
            let plain = node.ints("kernel_shape") == [1, 1]
                && node.ints("strides") == [1, 1]
                && node.ints("pads").iter().all(|pad| *pad == 0)
                && node.attributes.contains(&("group", Attribute::Int(1)));
            let weight = graph.constants.get(&node.inputs[1]).filter(|_| plain)?;
            let shape = weight.shape().to_vec();
            let weight = transposed(weight, [shape[0], shape[1]])?;
            let weight = graph.constant("weight", weight);
            let mut y = graph.node("MatMul", &[&x.of, &weight], vec![]);
            if let Some(bias) = node.inputs.get(2) {
                y = graph.node("Add", &[&y, bias], vec![]);
            }
            Some(Turned { of: y, by: TO_FIRST.to_vec() })
        }
        op if UNARY.contains(&op) => {
            let x = of(&node.inputs[0])?;
            let mut inputs = node.inputs.clone();
            inputs[0] = x.of;
            Some(Turned { of: again(graph, node, &inputs), by: x.by })
        }
        op if BINARY.contains(&op) => {
            let found = [of(&node.inputs[0]), of(&node.inputs[1])];
            let by = match &found {
                [Some(x), Some(y)] if x.by == y.by => x.by.clone(),
                [Some(x), None] | [None, Some(x)] => x.by.clone(),
                _ => return None,
            };
            let mut inputs = Vec::new();
            for (name, found) in node.inputs.iter().zip(found) {
                inputs.push(match found {
                    Some(x) => x.of,
                    None => turned_constant(graph, name, &by)?,
                });
            }
            Some(Turned { of: again(graph, node, &inputs), by })
        }
        _ => None,
    }
}

fn is_identity(by: &[i64]) -> bool {
    by.iter().zip(0..).all(|(axis, place)| *axis == place)
}

/// A constant that meets a value before its axes are turned: a number, or a vector along one axis.
fn turned_constant(graph: &mut Graph, name: &str, by: &[i64]) -> Option<String> {
    let data = graph.constants.get(name)?;
    let shape = data.shape().to_vec();
    if shape.iter().product::<usize>() == 1 && shape.len() <= by.len() {
        return Some(name.to_owned());
    }
    if shape.len() != by.len() || shape.iter().filter(|extent| **extent != 1).count() != 1 {
        return None;
    }
    let mut before = vec![1; shape.len()];
    for (place, &axis) in by.iter().enumerate() {
        before[axis as usize] = shape[place];
    }
    // Along one axis alone numbers stay in their order.
    let mut data = data.clone();
    data = TensorData::from_bytes(data.bytes().clone(), before, data.dtype());
    Some(graph.constant("turned", data))
}

/// `[out, in, ..]` as `[in, out]`.
fn transposed(weight: &TensorData, [out, seen]: [usize; 2]) -> Option<TensorData> {
    let width = weight.dtype().size();
    let bytes = weight.as_bytes();
    if bytes.len() != out * seen * width {
        return None;
    }
    let mut turned = Vec::with_capacity(bytes.len());
    for column in 0..seen {
        for row in 0..out {
            let place = (row * seen + column) * width;
            turned.extend_from_slice(&bytes[place..place + width]);
        }
    }
    Some(TensorData::from_bytes_vec(turned, [seen, out], weight.dtype()))
}
