//! A graph of ONNX as it is built: nodes of one output each, in an order in which they can run.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use burn::tensor::{DType, TensorData};

use crate::size::Size;

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Float(f32),
    Text(&'static str),
}

/// An operation.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) op: &'static str,
    /// Names; empty where one is left out.
    pub(crate) inputs: Vec<String>,
    pub(crate) output: String,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

impl Node {
    pub(crate) fn ints(&self, name: &str) -> &[i64] {
        let found = self.attributes.iter().find(|(key, _)| *key == name);
        match found {
            Some((_, Attribute::Ints(values))) => values,
            _ => &[],
        }
    }
}

/// An input or an output.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    /// A number, or the name of what differs from run to run.
    pub(crate) dims: Vec<Result<i64, String>>,
}

/// A graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    pub(crate) inputs: Vec<Edge>,
    pub(crate) outputs: Vec<Edge>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: BTreeMap<String, TensorData>,
    /// Extents of values, as far as they are known.
    pub(crate) dims: HashMap<String, Vec<Size>>,
    next: usize,
}

impl Graph {
    /// A name that nothing has.
    pub(crate) fn fresh(&mut self, of: &str) -> String {
        self.next += 1;
        format!("{}_{}", of.to_lowercase(), self.next)
    }

    /// A constant.
    pub(crate) fn constant(&mut self, of: &str, data: TensorData) -> String {
        let name = self.fresh(of);
        self.constants.insert(name.clone(), data);
        name
    }

    /// A list of whole numbers; the same one for the same numbers.
    pub(crate) fn ints(&mut self, values: &[i64]) -> String {
        let words: Vec<String> = values.iter().map(i64::to_string).collect();
        let name = format!("ints_{}", words.join("_").replace('-', "m"));
        self.constants
            .entry(name.clone())
            .or_insert_with(|| TensorData::new(values.to_vec(), [values.len()]));
        name
    }

    /// A number of a type, without axes.
    pub(crate) fn scalar(&mut self, value: f64, dtype: DType) -> String {
        let name = format!("scalar_{value:e}_{}", dtype.name()).replace(['-', '+'], "m");
        self.constants.entry(name.clone()).or_insert_with(|| {
            TensorData::new(vec![value], Vec::<usize>::new()).convert_dtype(dtype)
        });
        name
    }

    /// Adds a node, and says what its output is called.
    pub(crate) fn node(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let output = self.fresh(op);
        let inputs = inputs.iter().map(|&name| name.to_owned()).collect();
        self.nodes.push(Node { op, inputs, output: output.clone(), attributes });
        output
    }

    /// How often each value is read, by nodes and as an output.
    pub(crate) fn uses(&self) -> HashMap<String, usize> {
        let mut uses = HashMap::new();
        let read = self.nodes.iter().flat_map(|node| &node.inputs);
        for name in read.chain(self.outputs.iter().map(|edge| &edge.name)) {
            *uses.entry(name.clone()).or_default() += 1;
        }
        uses
    }

    /// Which node makes each value.
    pub(crate) fn makers(&self) -> HashMap<String, usize> {
        self.nodes.iter().enumerate().map(|(place, node)| (node.output.clone(), place)).collect()
    }

    /// Drops what no output depends on.
    pub(crate) fn prune(&mut self) {
        let mut needed: BTreeSet<String> =
            self.outputs.iter().map(|edge| edge.name.clone()).collect();
        let mut kept: Vec<Node> = Vec::new();
        for node in std::mem::take(&mut self.nodes).into_iter().rev() {
            if needed.contains(&node.output) {
                needed.extend(node.inputs.iter().cloned());
                kept.push(node);
            }
        }
        kept.reverse();
        self.nodes = kept;
        self.constants.retain(|name, _| needed.contains(name));
        self.inputs.retain(|edge| needed.contains(&edge.name));
    }
}
