//! A graph with what else is in its file.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::{Path, PathBuf},
};

use burn::tensor::{DType, TensorData};
use prost::Message;
use rekindle_base::{AtomicFile, write_file};

use crate::{
    Error,
    graph::{Attribute, Edge, Graph, Node},
    proto,
};

/// Operators of this version: layer norms came with 17, resizing as pictures are resized with 18.
const OPSET: i64 = 18;
/// The format's own version, which has had all that is used since 2021.
const IR_VERSION: i64 = 8;
/// What a protocol buffer holds at most is 2 GiB: beyond this, numbers lie in a file beside it.
const MOST_INLINE: usize = (2 << 30) - (64 << 20);
/// Where numbers begin in a file of their own, so that they can be mapped.
const ALIGNED: usize = 4096;

/// A network as ONNX.
#[derive(Debug, Clone)]
pub struct Onnx {
    graph: Graph,
    metadata: BTreeMap<String, String>,
}

impl Onnx {
    pub(crate) fn of(graph: Graph) -> Self {
        Self { graph, metadata: BTreeMap::new() }
    }

    /// The same, which says this of itself.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.metadata.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn graph_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }

    /// How many nodes of each operator there are.
    pub fn operators(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        self.graph.nodes.iter().for_each(|node| *counts.entry(node.op).or_default() += 1);
        counts
    }

    /// Bytes of all constants.
    pub fn bytes(&self) -> usize {
        self.graph.constants.values().map(|data| data.as_bytes().len()).sum()
    }

    /// The same with weights in float16, which is half as large; what is computed stays in float32.
    #[must_use]
    pub fn half(mut self) -> Self {
        let mut casts = Vec::new();
        let names: Vec<String> = self.graph.constants.keys().cloned().collect();
        for name in names {
            let Some(data) = self.graph.constants.get_mut(&name) else { continue };
            // A handful of numbers is not worth a node.
            if data.dtype() != DType::F32 || data.num_elements() < 256 {
                continue;
            }
            let half = data.clone().convert_dtype(DType::F16);
            *data = TensorData::new(Vec::<f32>::new(), [0]);
            let stored = format!("{name}_half");
            let to = ("to", Attribute::Int(proto::FLOAT.into()));
            casts.push(Node {
                op: "Cast",
                inputs: vec![stored.clone()],
                output: name.clone(),
                attributes: vec![to],
            });
            self.graph.constants.remove(&name);
            self.graph.constants.insert(stored, half);
        }
        casts.append(&mut self.graph.nodes);
        self.graph.nodes = casts;
        self
    }

    /// Writes it, whole or not at all; numbers of more than 2 GiB into `PATH.data` beside it.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.write_inline(path, MOST_INLINE)
    }

    /// The same with so many bytes of numbers at most within the file.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write_inline(&self, path: &Path, most: usize) -> Result<(), Error> {
        let to = |path: &Path| {
            let path = path.to_owned();
            |source| Error::Write { path, source }
        };
        let mut model = self.message();
        let graph = model.graph.get_or_insert_default();
        if self.bytes() > most {
            let beside = beside(path);
            let location = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let mut place = 0;
            let mut numbers = Vec::new();
            for tensor in &mut graph.initializer {
                let Some(bytes) = tensor.raw_data.take_if(|bytes| bytes.len() >= ALIGNED) else {
                    continue;
                };
                let start = place_of(place);
                tensor.external_data = vec![
                    entry("location", &location),
                    entry("offset", &start.to_string()),
                    entry("length", &bytes.len().to_string()),
                ];
                tensor.data_location = Some(1);
                place = start + bytes.len();
                numbers.push((start, bytes));
            }
            spread(&beside, &numbers).map_err(to(&beside))?;
        }
        write_file(path, model.encode_to_vec()).map_err(to(path))
    }

    /// The file's bytes, all numbers within.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.message().encode_to_vec()
    }

    fn message(&self) -> proto::Model {
        let Graph { inputs, outputs, nodes, constants, .. } = &self.graph;
        let metadata_props = self.metadata.iter().map(|(key, value)| entry(key, value)).collect();
        let graph = proto::Graph {
            node: nodes.iter().map(node).collect(),
            name: Some("network".to_owned()),
            initializer: constants.iter().map(|(name, data)| tensor(name, data)).collect(),
            input: inputs.iter().map(edge).collect(),
            output: outputs.iter().map(edge).collect(),
        };
        proto::Model {
            ir_version: Some(IR_VERSION),
            producer_name: Some("rekindle".to_owned()),
            producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            graph: Some(graph),
            opset_import: vec![proto::OperatorSet {
                domain: Some(String::new()),
                version: Some(OPSET),
            }],
            metadata_props,
        }
    }
}

/// The next place where numbers begin.
fn place_of(place: usize) -> usize {
    place.next_multiple_of(ALIGNED)
}

/// Writes numbers, each where it begins.
fn spread(path: &Path, numbers: &[(usize, Vec<u8>)]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    let mut written = 0;
    for (start, bytes) in numbers {
        file.write_all(&vec![0; start - written])?;
        file.write_all(bytes)?;
        written = start + bytes.len();
    }
    file.commit()
}

/// Where numbers lie that are too many for the file.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".data");
    name.into()
}

fn entry(key: &str, value: &str) -> proto::Entry {
    proto::Entry { key: Some(key.to_owned()), value: Some(value.to_owned()) }
}

fn tensor(name: &str, data: &TensorData) -> proto::Tensor {
    proto::Tensor {
        dims: data.shape().iter().map(|&extent| extent as i64).collect(),
        data_type: Some(proto::data_type(data.dtype())),
        name: Some(name.to_owned()),
        raw_data: Some(data.as_bytes().to_vec()),
        ..proto::Tensor::default()
    }
}

fn node(node: &Node) -> proto::Node {
    proto::Node {
        input: node.inputs.clone(),
        output: vec![node.output.clone()],
        name: Some(node.output.clone()),
        op_type: Some(node.op.to_owned()),
        attribute: node.attributes.iter().map(attribute).collect(),
    }
}

fn attribute((name, value): &(&'static str, Attribute)) -> proto::Attribute {
    let named = proto::Attribute { name: Some((*name).to_owned()), ..proto::Attribute::default() };
    match value {
        Attribute::Float(value) => proto::Attribute { f: Some(*value), r#type: Some(1), ..named },
        Attribute::Int(value) => proto::Attribute { i: Some(*value), r#type: Some(2), ..named },
        Attribute::Text(text) => {
            proto::Attribute { s: Some(text.as_bytes().to_vec()), r#type: Some(3), ..named }
        }
        Attribute::Ints(values) => {
            proto::Attribute { ints: values.clone(), r#type: Some(7), ..named }
        }
    }
}

fn edge(edge: &Edge) -> proto::ValueInfo {
    let dim = |dim: &Result<i64, String>| match dim {
        Ok(extent) => proto::Dimension { dim_value: Some(*extent), dim_param: None },
        Err(name) => proto::Dimension { dim_value: None, dim_param: Some(name.clone()) },
    };
    let shape = proto::Shape { dim: edge.dims.iter().map(dim).collect() };
    let tensor_type =
        proto::TensorType { elem_type: Some(proto::data_type(edge.dtype)), shape: Some(shape) };
    proto::ValueInfo {
        name: Some(edge.name.clone()),
        r#type: Some(proto::Type { tensor_type: Some(tensor_type) }),
    }
}
