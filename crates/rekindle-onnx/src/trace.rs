//! What a network computes, as Burn records it: the same steps over inputs of several extents.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
};

use burn::{
    backend::{BackendTensor, DispatchTensorKind},
    prelude::*,
    tensor::{DType, TensorData, kind::Basic},
};
use burn_ir::{
    BaseOperationIr as Base, IrVisitorMut, NumericOperationIr as Numeric, OperationIr, TensorId,
    TensorIr, TensorStatus,
};
use rekindle_layers::{Input, Tokens};

use crate::{
    Error,
    size::{Size, Symbol},
};

/// A tensor of an input, as a graph names it.
#[derive(Debug, Clone)]
pub struct Named {
    /// As runtimes know it: `images`.
    pub name: String,
    /// What its axes are called where their extents differ from run to run, `batch` for one; the others are fixed.
    pub axes: Vec<String>,
    /// Its values.
    pub data: TensorData,
    id: Option<TensorId>,
}

impl Named {
    /// The values of a tensor, under a name.
    pub fn new<const D: usize, K: Basic>(
        name: &str,
        axes: [&str; D],
        tensor: &Tensor<D, K>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            axes: axes.map(str::to_owned).to_vec(),
            data: tensor.to_data(),
            id: recorded(tensor.clone()),
        }
    }
}

/// What a tensor is called in the scope that records it; nothing on other devices.
fn recorded<const D: usize, K: Basic>(tensor: Tensor<D, K>) -> Option<TensorId> {
    match tensor.into_dispatch().kind {
        DispatchTensorKind::Capture(BackendTensor::Float(tensor)) => Some(tensor.id()),
        DispatchTensorKind::Capture(BackendTensor::Int(tensor)) => Some(tensor.id()),
        DispatchTensorKind::Capture(BackendTensor::Bool(tensor)) => Some(tensor.id()),
        _ => None,
    }
}

/// What a graph can be fed.
pub trait Feed: Input {
    /// The same values on another device.
    #[must_use]
    fn moved(self, device: &Device) -> Self;

    /// Its tensors, always in the same order.
    fn named(&self) -> Vec<Named>;
}

/// Pictures.
impl Feed for Tensor<4> {
    fn moved(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn named(&self) -> Vec<Named> {
        vec![Named::new("images", ["batch", "", "", ""], self)]
    }
}

/// Windows of a series.
impl Feed for Tensor<3> {
    fn moved(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn named(&self) -> Vec<Named> {
        vec![Named::new("windows", ["batch", "", ""], self)]
    }
}

/// Rows of numbers.
impl Feed for Tensor<2> {
    fn moved(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn named(&self) -> Vec<Named> {
        vec![Named::new("numbers", ["batch", ""], self)]
    }
}

/// Texts, under the names that transformers gives them.
impl Feed for Tokens {
    fn moved(self, device: &Device) -> Self {
        Self {
            ids: self.ids.to_device(device),
            types: self.types.to_device(device),
            mask: self.mask.to_device(device),
        }
    }

    fn named(&self) -> Vec<Named> {
        let axes = ["batch", "length"];
        vec![
            Named::new("input_ids", axes, &self.ids),
            Named::new("token_type_ids", axes, &self.types),
            Named::new("attention_mask", axes, &self.mask),
        ]
    }
}

/// Several inputs of an item: names have the place of theirs in front.
impl<A: Feed> Feed for Vec<A> {
    fn moved(self, device: &Device) -> Self {
        self.into_iter().map(|part| part.moved(device)).collect()
    }

    fn named(&self) -> Vec<Named> {
        let parts = self.iter().enumerate().flat_map(|(place, part)| {
            part.named()
                .into_iter()
                .map(move |named| Named { name: format!("input{place}_{}", named.name), ..named })
        });
        parts.collect()
    }
}

/// An input of all traces.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) dtype: DType,
    pub(crate) dims: Vec<Size>,
}

/// The same steps over all examples. Tensors are numbered alike in all of them.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) inputs: Vec<Traced>,
    pub(crate) outputs: Vec<(String, u64)>,
    pub(crate) symbols: Vec<Symbol>,
    /// Each step as it is in each trace.
    pub(crate) steps: Vec<Vec<OperationIr>>,
    /// Each constant as it is in each trace; once where it is the same in all.
    pub(crate) constants: BTreeMap<u64, Vec<TensorData>>,
}

/// One trace.
struct Recorded {
    steps: Vec<OperationIr>,
    values: BTreeMap<u64, TensorData>,
    inputs: Vec<(Named, u64)>,
    outputs: Vec<u64>,
}

impl Trace {
    /// Records what `run` computes of each example. Examples differ in the axes that have names.
    pub(crate) fn of<I: Feed>(
        examples: &[I],
        outputs: &[&str],
        run: impl Fn(I, &Device) -> Vec<Tensor<2>>,
    ) -> Result<Self, Error> {
        let traces = examples.iter().map(|example| record(example.clone(), &run));
        let traces = traces.collect::<Result<Vec<_>, _>>()?;
        let Some(first) = traces.first() else {
            return Err(Error::NotTraced { reason: "there are no examples".to_owned() });
        };
        let symbols = symbols(&traces);
        let inputs = first.inputs.iter().enumerate().map(|(place, (named, id))| {
            let size = |axis: usize| {
                let seen = extents(&traces, place, axis).map(|extent| extent as i64);
                let seen: Vec<i64> = seen.collect();
                let unknown =
                    || Error::Extent { operation: named.name.clone(), seen: seen.clone() };
                Size::fitted(&seen, &symbols).ok_or_else(unknown)
            };
            let dims = (0..named.data.shape().len()).map(size).collect::<Result<_, _>>()?;
            Ok(Traced { name: named.name.clone(), id: *id, dtype: named.data.dtype(), dims })
        });
        let inputs = inputs.collect::<Result<Vec<_>, Error>>()?;
        let names = outputs.iter().map(|&name| name.to_owned());
        let outputs = names.zip(first.outputs.iter().copied()).collect();
        let ids: BTreeSet<u64> = inputs.iter().map(|input| input.id).collect();
        let other = || Error::OtherSteps {
            what: symbols
                .iter()
                .map(|symbol| symbol.name.as_str())
                .collect::<Vec<_>>()
                .join(" or "),
        };
        let known = first.values.keys().copied().filter(|id| !ids.contains(id));
        let constants = known.map(|id| {
            let values = traces.iter().map(|trace| trace.values.get(&id).cloned());
            let mut values = values.collect::<Option<Vec<_>>>().ok_or_else(other)?;
            if values.iter().all(|value| *value == values[0]) {
                values.truncate(1);
            }
            Ok((id, values))
        });
        let constants = constants.collect::<Result<_, Error>>()?;
        let kinds = |trace: &Recorded| trace.steps.iter().map(kind).collect::<Vec<_>>();
        let first = kinds(first);
        if traces.iter().any(|trace| kinds(trace) != first) {
            return Err(other());
        }
        let mut steps: Vec<Vec<OperationIr>> = first.iter().map(|_| Vec::new()).collect();
        for trace in traces {
            steps.iter_mut().zip(trace.steps).for_each(|(step, operation)| step.push(operation));
        }
        Ok(Self { inputs, outputs, symbols, steps, constants })
    }
}

/// An operation without what may differ between traces: tensors' shapes, ranges and extents.
fn kind(operation: &OperationIr) -> OperationIr {
    struct Bare;
    impl IrVisitorMut for Bare {
        fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
            tensor.shape = Vec::<usize>::new().into();
            tensor.status = TensorStatus::ReadOnly;
        }

        fn visit_range_mut(&mut self, range: &mut burn::tensor::Slice) {
            (range.start, range.end) = (0, range.end.map(|_| 0));
        }
    }
    let mut operation = operation.clone();
    operation.visit_mut(&mut Bare);
    match &mut operation {
        OperationIr::BaseFloat(Base::RepeatDim(repeated))
        | OperationIr::BaseInt(Base::RepeatDim(repeated)) => repeated.times = 0,
        OperationIr::NumericFloat(
            _,
            Numeric::MeanDim(reduced)
            | Numeric::SumDim(reduced)
            | Numeric::ProdDim(reduced)
            | Numeric::MaxDim(reduced)
            | Numeric::MinDim(reduced),
        )
        | OperationIr::NumericInt(
            _,
            Numeric::SumDim(reduced) | Numeric::MaxDim(reduced) | Numeric::MinDim(reduced),
        ) => reduced.accumulator_len = 0,
        _ => {}
    }
    operation
}

/// Records one trace, its tensors numbered from zero in the order in which they came to be.
fn record<I: Feed>(
    example: I,
    run: &impl Fn(I, &Device) -> Vec<Tensor<2>>,
) -> Result<Recorded, Error> {
    let device = Device::capture();
    let mut boundary = (Vec::new(), Vec::new());
    let traced = catch_unwind(AssertUnwindSafe(|| {
        device.capture_scope(|scope| {
            let input = example.moved(&device);
            let named = input.named();
            let inputs: Vec<TensorId> = named.iter().filter_map(|named| named.id).collect();
            let outputs: Vec<TensorId> =
                run(input, &device).into_iter().filter_map(recorded).collect();
            boundary = (named, outputs.clone());
            scope.complete(inputs, outputs)
        })
    }));
    let reason = |panic: Box<dyn std::any::Any + Send>| {
        let text = panic.downcast::<String>().map(|text| *text);
        text.unwrap_or_else(|other| {
            other
                .downcast::<&str>()
                .map_or_else(|_| "it panicked".to_owned(), |text| (*text).to_owned())
        })
    };
    let traced = traced.map_err(|panic| Error::NotTraced { reason: reason(panic) })?;
    let mut graph = traced.map_err(|error| Error::NotTraced { reason: error.to_string() })?;
    let (named, outputs) = boundary;
    let values = graph.values.keys().copied();
    let ids: BTreeSet<u64> = values
        .chain(graph.graph.operations.iter().flat_map(OperationIr::nodes).map(|tensor| tensor.id))
        .map(|id| id.value())
        .collect();
    let places: BTreeMap<u64, u64> = ids.into_iter().zip(0..).collect();
    let place = |id: TensorId| places.get(&id.value()).copied().unwrap_or(u64::MAX);
    struct Numbered<'a>(&'a BTreeMap<u64, u64>);
    impl IrVisitorMut for Numbered<'_> {
        fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
            tensor.id = TensorId::new(self.0[&tensor.id.value()]);
            // Nothing is taken away: what is a constant is looked at again.
            tensor.status = TensorStatus::ReadOnly;
        }
    }
    for operation in &mut graph.graph.operations {
        operation.visit_mut(&mut Numbered(&places));
    }
    let inputs = named.into_iter().map(|named| {
        let id = named.id.map_or(u64::MAX, place);
        (named, id)
    });
    Ok(Recorded {
        inputs: inputs.collect(),
        outputs: outputs.into_iter().map(place).collect(),
        values: graph.values.into_iter().map(|(id, value)| (place(id), value)).collect(),
        steps: graph.graph.operations,
    })
}

/// An extent of an input in each trace.
fn extents(traces: &[Recorded], input: usize, axis: usize) -> impl Iterator<Item = usize> {
    traces.iter().map(move |trace| trace.inputs[input].0.data.shape()[axis])
}

/// What differs between the inputs of the traces, each once.
fn symbols(traces: &[Recorded]) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for (input, (named, _)) in traces[0].inputs.iter().enumerate() {
        for (axis, name) in named.axes.iter().enumerate() {
            let seen: Vec<usize> = extents(traces, input, axis).collect();
            let varies = seen.iter().any(|extent| *extent != seen[0]);
            if varies && symbols.iter().all(|symbol| symbol.seen != seen) {
                let taken = symbols.iter().any(|symbol| symbol.name == *name);
                let name = if taken { format!("{}_{name}", named.name) } else { name.clone() };
                symbols.push(Symbol { name, at: (input, axis), seen });
            }
        }
    }
    symbols
}
