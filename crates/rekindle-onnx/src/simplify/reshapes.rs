//! Reshapes that leave the last axis as it is, taken towards the outputs until they are undone: what is computed for each row of
//! numbers does not mind how rows are counted.

use std::collections::HashMap;

use super::{BINARY, UNARY, again, drop_identities};
use crate::{
    graph::{Graph, Node},
    size::Size,
};

/// One pass from inputs to outputs.
pub(super) fn sink_reshapes(graph: &mut Graph) {
    // Values as others whose rows are counted otherwise.
    let mut rows: HashMap<String, String> = HashMap::new();
    let nodes = std::mem::take(&mut graph.nodes);
    for node in nodes {
        infer(graph, &node);
        match sunk(graph, &rows, &node) {
            Some(of) => {
                let node = reshaped(graph, &of, node);
                let output = node.output.clone();
                graph.nodes.push(node);
                rows.insert(output, of);
            }
            None => graph.nodes.push(node),
        }
    }
    drop_identities(graph);
}

/// The extents of what a node gives, where it was not traced itself: of products with matrices, and of rows and a vector.
fn infer(graph: &mut Graph, node: &Node) -> Option<()> {
    if graph.dims.contains_key(&node.output) {
        return Some(());
    }
    let mut dims = graph.dims.get(node.inputs.first()?)?.clone();
    match node.op {
        "MatMul" => {
            let [_, columns] = graph.constants.get(&node.inputs[1])?.shape().to_vec()[..] else {
                return None;
            };
            *dims.last_mut()? = Size::Fixed(columns as i64);
        }
        op if UNARY.contains(&op) => {}
        op if BINARY.contains(&op) => {
            let constant = graph.constants.get(node.inputs.get(1)?);
            let narrow = constant
                .is_some_and(|data| data.shape().iter().rev().skip(1).all(|extent| *extent == 1));
            if !narrow {
                return None;
            }
        }
        _ => return None,
    }
    graph.dims.insert(node.output.clone(), dims);
    Some(())
}

/// What gives a node's output under its own name.
fn reshaped(graph: &mut Graph, of: &str, node: Node) -> Node {
    let output = node.output;
    if graph.dims.get(of) == graph.dims.get(&output) {
        return Node { op: "Identity", inputs: vec![of.to_owned()], output, attributes: vec![] };
    }
    let words = graph.dims.get(&output).and_then(|dims| words(dims)).unwrap_or_default();
    let shape = graph.ints(&words);
    Node { op: "Reshape", inputs: vec![of.to_owned(), shape], output, attributes: vec![] }
}

/// A shape with one extent left open at most; none where more are.
fn words(dims: &[Size]) -> Option<Vec<i64>> {
    let word = |size: &Size| if let Size::Fixed(extent) = size { *extent } else { -1 };
    let words: Vec<i64> = dims.iter().map(word).collect();
    let open = words.iter().filter(|word| **word == -1).count();
    (open <= 1 && !words.contains(&0)).then_some(words)
}

/// The same numbers with rows as they were before; none where a node minds.
fn sunk(graph: &mut Graph, rows: &HashMap<String, String>, node: &Node) -> Option<String> {
    let dims = graph.dims.get(&node.output)?.clone();
    let before = |name: &String| rows.get(name).cloned();
    match node.op {
        "Reshape" => {
            let x = before(&node.inputs[0]).unwrap_or_else(|| node.inputs[0].clone());
            let same = graph.dims.get(&x)?;
            let fits = same == &dims || words(&dims).is_some();
            (fits && same.len() > 1 && same.last() == dims.last()).then_some(x)
        }
        "MatMul" => {
            let x = before(&node.inputs[0])?;
            let weight = graph.constants.get(&node.inputs[1])?;
            let [_, columns] = weight.shape().to_vec()[..] else { return None };
            words(&dims)?;
            let mut found = graph.dims.get(&x)?.clone();
            *found.last_mut()? = Size::Fixed(columns as i64);
            let y = again(graph, node, &[x, node.inputs[1].clone()]);
            graph.dims.insert(y.clone(), found);
            Some(y)
        }
        op if UNARY.contains(&op) => {
            let x = before(&node.inputs[0])?;
            words(&dims)?;
            let mut inputs = node.inputs.clone();
            inputs[0].clone_from(&x);
            with_dims_of(graph, node, &inputs, &x)
        }
        op if BINARY.contains(&op) => {
            let found = [before(&node.inputs[0]), before(&node.inputs[1])];
            words(&dims)?;
            let x = found.iter().flatten().next()?.clone();
            let mut inputs = Vec::new();
            for (name, found) in node.inputs.iter().zip(found) {
                inputs.push(match found {
                    Some(of) if graph.dims.get(&of) == graph.dims.get(&x) => of,
                    Some(_) => return None,
                    None => vector(graph, name)?,
                });
            }
            with_dims_of(graph, node, &inputs, &x)
        }
        _ => None,
    }
}

fn with_dims_of(graph: &mut Graph, node: &Node, inputs: &[String], x: &str) -> Option<String> {
    let dims = graph.dims.get(x)?.clone();
    let y = again(graph, node, inputs);
    graph.dims.insert(y.clone(), dims);
    Some(y)
}

/// A constant that is the same for all rows: a number, or one for each place of a row.
fn vector(graph: &mut Graph, name: &str) -> Option<String> {
    let data = graph.constants.get(name)?;
    let shape = data.shape().to_vec();
    match shape.split_last() {
        None | Some((_, [])) => Some(name.to_owned()),
        Some((last, front)) if front.iter().all(|extent| *extent == 1) => {
            let (bytes, dtype) = (data.bytes().clone(), data.dtype());
            let data = burn::tensor::TensorData::from_bytes(bytes, [*last], dtype);
            Some(graph.constant("vector", data))
        }
        Some(_) => None,
    }
}
