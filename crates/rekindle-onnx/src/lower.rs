//! From what Burn recorded to nodes of ONNX: one place an operation, whatever network it is of.

use std::collections::BTreeMap;

use burn::tensor::{DType, TensorData};
use burn_ir::{
    BaseOperationIr as Base, FloatOperationIr as Float, IntOperationIr as Ints,
    NumericOperationIr as Numeric, OperationIr, ScalarIr, TensorIr,
};

use crate::{
    Error,
    constant::Constants,
    graph::{Attribute, Edge, Graph, Node},
    size::{Size, Symbol},
    trace::{Trace, Traced},
};

mod modules;
mod pointwise;
mod shapes;

/// The graph of a trace. Inputs and outputs have their names.
pub(crate) fn lowered(trace: Trace) -> Result<Graph, Error> {
    let Trace { inputs, outputs, symbols, steps, constants } = trace;
    let mut lowering = Lowering {
        graph: Graph::default(),
        names: BTreeMap::new(),
        constants: Constants::new(),
        feeds: inputs.iter().map(|input| input.name.clone()).collect(),
        extents: BTreeMap::new(),
        symbols,
    };
    for input in &inputs {
        lowering.input(input);
    }
    for (id, values) in constants {
        lowering.constant(id, values)?;
    }
    for step in &steps {
        lowering.step(step)?;
        for (place, tensor) in step[0].outputs().enumerate() {
            if let Some(name) = lowering.names.get(&tensor.id.value())
                && let Ok(dims) = lowering.dims(step, |step| step.outputs().nth(place))
            {
                lowering.graph.dims.insert(name.clone(), dims);
            }
        }
    }
    for (name, id) in outputs {
        let made = lowering.value(id);
        // Under its own name, whatever made it.
        let node = Node {
            op: "Identity",
            inputs: vec![made.clone()],
            output: name.clone(),
            attributes: vec![],
        };
        lowering.graph.nodes.push(node);
        let dims = lowering.graph.dims.get(&made).cloned().unwrap_or_default();
        let edge = lowering.edge(&name, DType::F32, &dims);
        lowering.graph.outputs.push(edge);
    }
    Ok(lowering.graph)
}

struct Lowering {
    graph: Graph,
    /// What tensors are called that a graph computes or is fed.
    names: BTreeMap<u64, String>,
    constants: Constants,
    feeds: Vec<String>,
    /// Extents that the graph computes already.
    extents: BTreeMap<usize, String>,
    symbols: Vec<Symbol>,
}

fn int(name: &'static str, value: i64) -> (&'static str, Attribute) {
    (name, Attribute::Int(value))
}

fn ints(name: &'static str, values: impl IntoIterator<Item = usize>) -> (&'static str, Attribute) {
    (name, Attribute::Ints(values.into_iter().map(|value| value as i64).collect()))
}

/// The number of a scalar.
fn number(scalar: ScalarIr) -> f64 {
    scalar.elem()
}

/// An operation in Burn's words, without its tensors.
fn called(operation: &OperationIr) -> String {
    let text = format!("{operation:?}");
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let kept = words.filter(|word| word.chars().next().is_some_and(char::is_uppercase));
    kept.take(2).collect::<Vec<_>>().join("::")
}

impl Lowering {
    /// An input; whole numbers are 64 bits wide, as other exporters have them.
    fn input(&mut self, input: &Traced) {
        let Traced { name, id, dtype, dims } = input;
        let wide = if dtype.is_int() { DType::I64 } else { *dtype };
        let edge = self.edge(name, wide, dims);
        self.graph.inputs.push(edge);
        self.graph.dims.insert(name.clone(), dims.clone());
        let value = if wide == *dtype {
            name.clone()
        } else {
            let to = int("to", crate::proto::data_type(*dtype).into());
            self.graph.node("Cast", &[name], vec![to])
        };
        self.names.insert(*id, value);
    }

    fn edge(&self, name: &str, dtype: DType, dims: &[Size]) -> Edge {
        let dim = |size: &Size| match size {
            Size::Fixed(extent) => Ok(*extent),
            Size::Product { symbols, times: 1, over: 1 } if symbols.len() == 1 => {
                Err(self.symbols[symbols[0]].name.clone())
            }
            _ => Err(format!("{name}_extent")),
        };
        Edge { name: name.to_owned(), dtype, dims: dims.iter().map(dim).collect() }
    }

    /// A constant; one that grows with an extent is the front of the largest there was.
    fn constant(&mut self, id: u64, mut values: Vec<TensorData>) -> Result<(), Error> {
        if values.len() == 1 {
            self.constants.insert(id, values.remove(0));
            return Ok(());
        }
        let largest = (0..values.len()).max_by_key(|&place| values[place].num_elements());
        let largest = values[largest.unwrap_or(0)].clone();
        if values.iter().any(|value| !is_front(value, &largest)) {
            return Err(Error::Constant);
        }
        let shapes: Vec<_> = values.iter().map(|value| value.shape().clone()).collect();
        let mut ends = Vec::new();
        for axis in 0..largest.shape().len() {
            let seen: Vec<i64> = shapes.iter().map(|shape| shape[axis] as i64).collect();
            let size = self.fitted("constant", &seen)?;
            if !matches!(size, Size::Fixed(_)) {
                ends.push((axis, Size::Fixed(0), size));
            }
        }
        let whole = self.graph.constant("table", largest);
        let name = self.cut(&whole, &ends);
        self.names.insert(id, name);
        Ok(())
    }

    fn fitted(&self, operation: &str, seen: &[i64]) -> Result<Size, Error> {
        let extent = || Error::Extent { operation: operation.to_owned(), seen: seen.to_vec() };
        Size::fitted(seen, &self.symbols).ok_or_else(extent)
    }

    /// The extents of a tensor of a step.
    fn dims<'a>(
        &self,
        step: &'a [OperationIr],
        of: impl Fn(&'a OperationIr) -> Option<&'a TensorIr>,
    ) -> Result<Vec<Size>, Error> {
        let tensors: Vec<&TensorIr> = step.iter().filter_map(of).collect();
        let axes = tensors.first().map_or(0, |tensor| tensor.shape.len());
        let axis = |axis: usize| {
            let seen: Vec<i64> = tensors.iter().map(|tensor| tensor.shape[axis] as i64).collect();
            self.fitted(&called(&step[0]), &seen)
        };
        (0..axes).map(axis).collect()
    }

    fn output_dims(&self, step: &[OperationIr]) -> Result<Vec<Size>, Error> {
        self.dims(step, |step| step.outputs().next())
    }

    fn input_dims(&self, step: &[OperationIr]) -> Result<Vec<Size>, Error> {
        self.dims(step, |step| step.inputs().next())
    }

    /// The name of a tensor's value, a constant's too.
    fn value(&mut self, id: u64) -> String {
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let data = self.constants.get(id).cloned();
        let name = match data {
            Some(data) => self.graph.constant("constant", data),
            // The order of steps makes each tensor before it is read.
            None => format!("unknown_{id}"),
        };
        self.names.insert(id, name.clone());
        name
    }

    fn of(&mut self, tensor: &TensorIr) -> String {
        self.value(tensor.id.value())
    }

    fn name(&mut self, tensor: &TensorIr, name: String) {
        self.names.insert(tensor.id.value(), name);
    }

    fn step(&mut self, step: &[OperationIr]) -> Result<(), Error> {
        let operation = &step[0];
        // Its value is known, or it is an input.
        if matches!(operation, OperationIr::Init(_)) {
            return Ok(());
        }
        let same = step.iter().all(|other| {
            let shapes = |of: &OperationIr| {
                of.nodes().iter().map(|tensor| tensor.shape.clone()).collect::<Vec<_>>()
            };
            shapes(other) == shapes(operation)
        });
        if same && self.constants.knows(operation) && !is_random(operation) {
            self.constants.run(operation);
            return Ok(());
        }
        match operation {
            OperationIr::BaseFloat(base)
            | OperationIr::BaseInt(base)
            | OperationIr::BaseBool(base) => self.base(base, step),
            OperationIr::NumericFloat(_, numeric) | OperationIr::NumericInt(_, numeric) => {
                self.numeric(numeric, step)
            }
            OperationIr::Float(_, float) => self.float(float, step),
            OperationIr::Int(Ints::IntoFloat(cast)) => {
                self.cast(&cast.input, &cast.out);
                Ok(())
            }
            OperationIr::Bool(bools) => self.bools(bools),
            OperationIr::Activation(activation) => self.activation(activation, step),
            OperationIr::Module(module) => self.module(module, step),
            _ => Err(unknown(step)),
        }
    }

    fn base(&mut self, base: &Base, step: &[OperationIr]) -> Result<(), Error> {
        match base {
            Base::Reshape(_) => self.reshape(step),
            Base::Expand(of) => self.expand(of, step),
            Base::SwapDims(of) => {
                let mut axes: Vec<usize> = (0..of.input.shape.len()).collect();
                axes.swap(of.dim1, of.dim2);
                self.transpose(&of.input, &axes, &of.out);
                Ok(())
            }
            Base::Permute(of) => {
                self.transpose(&of.input, &of.axes, &of.out);
                Ok(())
            }
            Base::Slice(_) => self.slice(step),
            Base::SliceAssign(_) => self.slice_assign(step),
            Base::RepeatDim(_) => self.repeat(step),
            Base::Flip(of) => self.flip(of),
            Base::Select(of) => {
                let (x, places) = (self.of(&of.tensor), self.of(&of.indices));
                let axis = int("axis", of.dim as i64);
                let y = self.graph.node("Gather", &[&x, &places], vec![axis]);
                self.name(&of.out, y);
                Ok(())
            }
            Base::Gather(of) => {
                let (x, places) = (self.of(&of.tensor), self.of(&of.indices));
                let axis = int("axis", of.dim as i64);
                let y = self.graph.node("GatherElements", &[&x, &places], vec![axis]);
                self.name(&of.out, y);
                Ok(())
            }
            Base::Cat(of) => {
                let parts: Vec<String> = of.tensors.iter().map(|part| self.of(part)).collect();
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                let y = self.graph.node("Concat", &parts, vec![int("axis", of.dim as i64)]);
                self.name(&of.out, y);
                Ok(())
            }
            Base::MaskWhere(of) => {
                let [mask, value, x] =
                    [&of.mask, &of.value, &of.tensor].map(|tensor| self.of(tensor));
                let y = self.graph.node("Where", &[&mask, &value, &x], vec![]);
                self.name(&of.out, y);
                Ok(())
            }
            Base::MaskFill(of) => {
                let (mask, x) = (self.of(&of.mask), self.of(&of.tensor));
                let value = self.graph.scalar(number(of.value), of.tensor.dtype);
                let y = self.graph.node("Where", &[&mask, &value, &x], vec![]);
                self.name(&of.out, y);
                Ok(())
            }
            Base::Equal(of) => self.binary("Equal", of),
            Base::EqualElem(of) => self.with_scalar("Equal", of),
            Base::NotEqual(of) => {
                self.binary("Equal", of)?;
                self.negated(&of.out);
                Ok(())
            }
            Base::NotEqualElem(of) => {
                self.with_scalar("Equal", of)?;
                self.negated(&of.out);
                Ok(())
            }
            Base::Cast(of) => {
                self.cast(&of.input, &of.out);
                Ok(())
            }
            Base::Zeros(of) | Base::Empty(of) => {
                let dims = self.output_dims(step)?;
                self.filled(&of.out, &dims, 0.0);
                Ok(())
            }
            Base::Ones(of) => {
                let dims = self.output_dims(step)?;
                self.filled(&of.out, &dims, 1.0);
                Ok(())
            }
            _ => Err(unknown(step)),
        }
    }

    fn negated(&mut self, out: &TensorIr) {
        let x = self.of(out);
        let y = self.graph.node("Not", &[&x], vec![]);
        self.name(out, y);
    }
}

fn unknown(step: &[OperationIr]) -> Error {
    Error::Operation { operation: called(&step[0]) }
}

fn is_random(operation: &OperationIr) -> bool {
    matches!(
        operation,
        OperationIr::Float(_, Float::Random(_)) | OperationIr::NumericInt(_, Numeric::IntRandom(_))
    )
}

/// Whether a table is the front of another, along all axes.
fn is_front(small: &TensorData, large: &TensorData) -> bool {
    let (inner, outer) = (small.shape().to_vec(), large.shape().to_vec());
    if small.dtype() != large.dtype()
        || inner.len() != outer.len()
        || inner.iter().zip(&outer).any(|(inner, outer)| inner > outer)
    {
        return false;
    }
    let width = small.dtype().size();
    let row = inner.last().copied().unwrap_or(1) * width;
    if row == 0 {
        return true;
    }
    let rows = small.as_bytes().chunks_exact(row);
    rows.enumerate().all(|(index, bytes)| {
        // Where the row lies in the larger table.
        let (mut left, mut place, mut step) = (index, 0, outer.last().copied().unwrap_or(1));
        for axis in (0..inner.len().saturating_sub(1)).rev() {
            place += left % inner[axis] * step;
            left /= inner[axis];
            step *= outer[axis];
        }
        large.as_bytes().get(place * width..place * width + row) == Some(bytes)
    })
}
