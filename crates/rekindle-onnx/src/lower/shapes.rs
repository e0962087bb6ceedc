//! Operations that move numbers and leave them as they are.

use burn::tensor::{DType, TensorData};
use burn_ir::{
    BaseOperationIr as Base, FlipOpIr, OperationIr, PadModeIr, PadOpIr, ShapeOpIr, TensorIr,
};

use super::{Lowering, called, int, ints, number, unknown};
use crate::{Error, graph::Attribute, size::Size};

/// Beyond the end of every axis, as ONNX has it.
const END: i64 = i64::MAX;

/// The operation on tensors of any kind.
fn base(operation: &OperationIr) -> Option<&Base> {
    match operation {
        OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => {
            Some(base)
        }
        _ => None,
    }
}

/// The ranges of a slice, one an axis.
fn sliced(operation: &OperationIr) -> Option<&[burn::tensor::Slice]> {
    match base(operation)? {
        Base::Slice(of) => Some(&of.ranges),
        Base::SliceAssign(of) => Some(&of.ranges),
        _ => None,
    }
}

impl Lowering {
    /// An extent as a list of one number.
    pub(super) fn extent(&mut self, size: &Size) -> String {
        let (symbols, times, plus, over) = match size {
            Size::Fixed(extent) => return self.graph.ints(&[*extent]),
            Size::Product { symbols, times, over } => (symbols.clone(), *times, 0, *over),
            Size::Sum { symbol, times, plus } => (vec![*symbol], *times, *plus, 1),
        };
        let mut value = None;
        for symbol in symbols {
            let of = self.symbol(symbol);
            value = Some(match value {
                None => of,
                Some(value) => {
                    let value: String = value;
                    self.graph.node("Mul", &[&value, &of], vec![])
                }
            });
        }
        let mut value = value.unwrap_or_default();
        for (op, by, none) in [("Mul", times, 1), ("Div", over, 1), ("Add", plus, 0)] {
            if by != none {
                let by = self.graph.ints(&[by]);
                value = self.graph.node(op, &[&value, &by], vec![]);
            }
        }
        value
    }

    /// A symbol as a list of one number: an extent of an input.
    fn symbol(&mut self, symbol: usize) -> String {
        if let Some(name) = self.extents.get(&symbol) {
            return name.clone();
        }
        let (input, axis) = self.symbols[symbol].at;
        let feed = self.feeds[input].clone();
        let ends = vec![int("start", axis as i64), int("end", axis as i64 + 1)];
        let name = self.graph.node("Shape", &[&feed], ends);
        self.extents.insert(symbol, name.clone());
        name
    }

    /// Extents as a list.
    fn list(&mut self, sizes: &[Size]) -> String {
        let fixed: Option<Vec<i64>> = sizes
            .iter()
            .map(|size| if let Size::Fixed(extent) = size { Some(*extent) } else { None })
            .collect();
        if let Some(fixed) = fixed {
            return self.graph.ints(&fixed);
        }
        let parts: Vec<String> = sizes.iter().map(|size| self.extent(size)).collect();
        if let [one] = parts.as_slice() {
            return one.clone();
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.graph.node("Concat", &parts, vec![int("axis", 0)])
    }

    pub(super) fn reshape(&mut self, step: &[OperationIr]) -> Result<(), Error> {
        let Some(Base::Reshape(of)) = base(&step[0]) else { return Err(unknown(step)) };
        let (from, to) = (self.input_dims(step)?, self.output_dims(step)?);
        let x = self.of(&of.input);
        let y = if from == to {
            x
        } else {
            let shape = self.shape_of(&from, &to);
            self.graph.node("Reshape", &[&x, &shape], vec![])
        };
        self.name(&of.out, y);
        Ok(())
    }

    /// The shape of a reshape: 0 for an extent that stays, -1 for one that follows from the others.
    fn shape_of(&mut self, from: &[Size], to: &[Size]) -> String {
        let stays = |axis: usize, size: &Size| from.get(axis) == Some(size);
        let mut open = 0;
        let words: Vec<i64> = to
            .iter()
            .enumerate()
            .map(|(axis, size)| match size {
                Size::Fixed(extent) => *extent,
                size if stays(axis, size) => 0,
                _ => {
                    open += 1;
                    -1
                }
            })
            .collect();
        if open <= 1 && to.iter().all(|size| *size != Size::Fixed(0)) {
            return self.graph.ints(&words);
        }
        self.list(to)
    }

    pub(super) fn transpose(&mut self, input: &TensorIr, axes: &[usize], out: &TensorIr) {
        let x = self.of(input);
        let y = self.graph.node("Transpose", &[&x], vec![ints("perm", axes.iter().copied())]);
        self.name(out, y);
    }

    pub(super) fn expand(&mut self, of: &ShapeOpIr, step: &[OperationIr]) -> Result<(), Error> {
        let (from, to) = (self.input_dims(step)?, self.output_dims(step)?);
        let x = self.of(&of.input);
        let y = if from == to {
            x
        } else {
            let shape = self.list(&to);
            self.graph.node("Expand", &[&x, &shape], vec![])
        };
        self.name(&of.out, y);
        Ok(())
    }

    /// A part of a value along some axes: each from and to.
    pub(super) fn cut(&mut self, x: &str, axes: &[(usize, Size, Size)]) -> String {
        if axes.is_empty() {
            return x.to_owned();
        }
        let starts: Vec<Size> = axes.iter().map(|(_, start, _)| start.clone()).collect();
        let ends: Vec<Size> = axes.iter().map(|(_, _, end)| end.clone()).collect();
        let places: Vec<i64> = axes.iter().map(|(axis, ..)| *axis as i64).collect();
        let (starts, ends) = (self.list(&starts), self.list(&ends));
        let places = self.graph.ints(&places);
        self.graph.node("Slice", &[x, &starts, &ends, &places], vec![])
    }

    /// The axes along which a range is less than all, with where it begins and ends.
    fn ranges(
        &self,
        step: &[OperationIr],
        dims: &[Size],
    ) -> Result<Vec<(usize, Size, Size)>, Error> {
        let mut cut = Vec::new();
        for (axis, dim) in dims.iter().enumerate() {
            let ranges: Vec<_> =
                step.iter().filter_map(|step| sliced(step)?.get(axis).copied()).collect();
            let Some(first) = ranges.first() else { continue };
            if first.step != 1 {
                return Err(unknown(step));
            }
            let seen: Vec<i64> = ranges.iter().map(|range| range.start as i64).collect();
            let start = self.fitted(&called(&step[0]), &seen)?;
            let ends: Option<Vec<i64>> =
                ranges.iter().map(|range| range.end.map(|end| end as i64)).collect();
            let end = match ends {
                Some(ends) => self.fitted(&called(&step[0]), &ends)?,
                None => dim.clone(),
            };
            if start == Size::Fixed(0) && end == *dim {
                continue;
            }
            let end = if end == *dim { Size::Fixed(END) } else { end };
            cut.push((axis, start, end));
        }
        Ok(cut)
    }

    pub(super) fn slice(&mut self, step: &[OperationIr]) -> Result<(), Error> {
        let Some(Base::Slice(of)) = base(&step[0]) else { return Err(unknown(step)) };
        let dims = self.input_dims(step)?;
        let axes = self.ranges(step, &dims)?;
        let x = self.of(&of.tensor);
        let y = self.cut(&x, &axes);
        self.name(&of.out, y);
        Ok(())
    }

    /// Others in the place of a part along one axis: what is before, they, what is behind.
    pub(super) fn slice_assign(&mut self, step: &[OperationIr]) -> Result<(), Error> {
        let Some(Base::SliceAssign(of)) = base(&step[0]) else { return Err(unknown(step)) };
        let dims = self.input_dims(step)?;
        let axes = self.ranges(step, &dims)?;
        let value = self.of(&of.value);
        let y = match axes.as_slice() {
            [] => value,
            [(axis, start, end)] => {
                let x = self.of(&of.tensor);
                let mut parts = Vec::new();
                if *start != Size::Fixed(0) {
                    parts.push(self.cut(&x, &[(*axis, Size::Fixed(0), start.clone())]));
                }
                parts.push(value);
                if *end != Size::Fixed(END) {
                    parts.push(self.cut(&x, &[(*axis, end.clone(), Size::Fixed(END))]));
                }
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                self.graph.node("Concat", &parts, vec![int("axis", *axis as i64)])
            }
            _ => return Err(unknown(step)),
        };
        self.name(&of.out, y);
        Ok(())
    }

    pub(super) fn repeat(&mut self, step: &[OperationIr]) -> Result<(), Error> {
        let Some(Base::RepeatDim(of)) = base(&step[0]) else { return Err(unknown(step)) };
        let seen: Vec<i64> = step
            .iter()
            .filter_map(|step| match base(step) {
                Some(Base::RepeatDim(of)) => Some(of.times as i64),
                _ => None,
            })
            .collect();
        let mut times = vec![Size::Fixed(1); of.tensor.shape.len()];
        times[of.dim] = self.fitted(&called(&step[0]), &seen)?;
        let x = self.of(&of.tensor);
        let times = self.list(&times);
        let y = self.graph.node("Tile", &[&x, &times], vec![]);
        self.name(&of.out, y);
        Ok(())
    }

    pub(super) fn flip(&mut self, of: &FlipOpIr) -> Result<(), Error> {
        let x = self.of(&of.input);
        let axes: Vec<i64> = of.axes.iter().map(|&axis| axis as i64).collect();
        let all = |value: i64| vec![value; axes.len()];
        let [starts, ends, steps] = [-1, i64::MIN, -1].map(|value| self.graph.ints(&all(value)));
        let axes = self.graph.ints(&axes);
        let y = self.graph.node("Slice", &[&x, &starts, &ends, &axes, &steps], vec![]);
        self.name(&of.out, y);
        Ok(())
    }

    pub(super) fn pad(&mut self, of: &PadOpIr) -> Result<(), Error> {
        let x = self.of(&of.input);
        let pads: Vec<i64> = of
            .padding
            .iter()
            .map(|(before, _)| *before as i64)
            .chain(of.padding.iter().map(|(_, after)| *after as i64))
            .collect();
        // Burn names the last axes alone.
        let whole = of.input.shape.len();
        let named = of.padding.len();
        let zeros = vec![0; whole - named];
        let (before, after) = pads.split_at(named);
        let pads = [&zeros, before, &zeros, after].concat();
        let pads = self.graph.ints(&pads);
        let mode = match of.mode {
            PadModeIr::Constant(_) => "constant",
            PadModeIr::Reflect => "reflect",
            PadModeIr::Edge => "edge",
        };
        let mut inputs = vec![x, pads];
        if let PadModeIr::Constant(value) = of.mode {
            inputs.push(self.graph.scalar(number(value), of.input.dtype));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let y = self.graph.node("Pad", &inputs, vec![("mode", Attribute::Text(mode))]);
        self.name(&of.out, y);
        Ok(())
    }

    /// One number everywhere.
    pub(super) fn filled(&mut self, out: &TensorIr, dims: &[Size], value: f64) {
        let shape = self.list(dims);
        let one = TensorData::new(vec![value], [1]).convert_dtype(match out.dtype {
            DType::Bool(_) => DType::U8,
            dtype => dtype,
        });
        let one = self.graph.constant("value", one);
        let y = self.graph.node("Expand", &[&one, &shape], vec![]);
        self.name(out, y);
    }
}
