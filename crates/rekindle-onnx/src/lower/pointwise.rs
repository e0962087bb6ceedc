//! Operations that compute number by number, or over an axis.

use burn_ir::{
    ActivationOperationIr as Act, BinaryOpIr, BoolOperationIr as Bools, FloatOperationIr as Float,
    NumericOperationIr as Numeric, OperationIr, TensorIr, UnaryOpIr,
};

use super::{Lowering, int, number, unknown};
use crate::{Error, graph::Attribute};

impl Lowering {
    pub(super) fn unary(&mut self, op: &'static str, of: &UnaryOpIr) -> Result<(), Error> {
        let x = self.of(&of.input);
        let y = self.graph.node(op, &[&x], vec![]);
        self.name(&of.out, y);
        Ok(())
    }

    pub(super) fn binary(&mut self, op: &'static str, of: &BinaryOpIr) -> Result<(), Error> {
        let (x, y) = (self.of(&of.lhs), self.of(&of.rhs));
        let z = self.graph.node(op, &[&x, &y], vec![]);
        self.name(&of.out, z);
        Ok(())
    }

    pub(super) fn with_scalar(
        &mut self,
        op: &'static str,
        of: &burn_ir::ScalarOpIr,
    ) -> Result<(), Error> {
        let x = self.of(&of.lhs);
        let scalar = self.graph.scalar(number(of.rhs), of.lhs.dtype);
        let y = self.graph.node(op, &[&x, &scalar], vec![]);
        self.name(&of.out, y);
        Ok(())
    }

    pub(super) fn cast(&mut self, input: &TensorIr, out: &TensorIr) {
        let x = self.of(input);
        let y = if input.dtype == out.dtype {
            x
        } else {
            self.graph.node(
                "Cast",
                &[&x],
                vec![int("to", crate::proto::data_type(out.dtype).into())],
            )
        };
        self.name(out, y);
    }

    pub(super) fn reduce(
        &mut self,
        op: &'static str,
        input: &TensorIr,
        axes: &[usize],
        out: &TensorIr,
    ) -> Result<(), Error> {
        let x = self.of(input);
        let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let axes = self.graph.ints(&axes);
        let y = self.graph.node(op, &[&x, &axes], vec![int("keepdims", 1)]);
        self.name(out, y);
        Ok(())
    }

    pub(super) fn numeric(&mut self, numeric: &Numeric, step: &[OperationIr]) -> Result<(), Error> {
        match numeric {
            Numeric::Add(of) => self.binary("Add", of),
            Numeric::Sub(of) => self.binary("Sub", of),
            Numeric::Mul(of) => self.binary("Mul", of),
            Numeric::Div(of) => self.binary("Div", of),
            Numeric::Powi(of) => self.binary("Pow", of),
            Numeric::Greater(of) => self.binary("Greater", of),
            Numeric::GreaterEqual(of) => self.binary("GreaterOrEqual", of),
            Numeric::Lower(of) => self.binary("Less", of),
            Numeric::LowerEqual(of) => self.binary("LessOrEqual", of),
            Numeric::AddScalar(of) => self.with_scalar("Add", of),
            Numeric::SubScalar(of) => self.with_scalar("Sub", of),
            Numeric::MulScalar(of) => self.with_scalar("Mul", of),
            Numeric::DivScalar(of) => self.with_scalar("Div", of),
            Numeric::GreaterElem(of) => self.with_scalar("Greater", of),
            Numeric::GreaterEqualElem(of) => self.with_scalar("GreaterOrEqual", of),
            Numeric::LowerElem(of) => self.with_scalar("Less", of),
            Numeric::LowerEqualElem(of) => self.with_scalar("LessOrEqual", of),
            Numeric::ClampMin(of) => self.with_scalar("Max", of),
            Numeric::ClampMax(of) => self.with_scalar("Min", of),
            Numeric::PowiScalar(of) if number(of.rhs) == 2.0 => {
                let x = self.of(&of.lhs);
                let y = self.graph.node("Mul", &[&x, &x], vec![]);
                self.name(&of.out, y);
                Ok(())
            }
            Numeric::PowiScalar(of) => self.with_scalar("Pow", of),
            Numeric::Abs(of) => self.unary("Abs", of),
            Numeric::Neg(of) => self.unary("Neg", of),
            Numeric::Sign(of) => self.unary("Sign", of),
            Numeric::Clamp(of) => {
                let x = self.of(&of.tensor);
                let [min, max] =
                    [of.min, of.max].map(|limit| self.graph.scalar(number(limit), of.tensor.dtype));
                let y = self.graph.node("Clip", &[&x, &min, &max], vec![]);
                self.name(&of.out, y);
                Ok(())
            }
            Numeric::MeanDim(of) => self.reduce("ReduceMean", &of.input, &[of.axis], &of.out),
            Numeric::SumDim(of) => self.reduce("ReduceSum", &of.input, &[of.axis], &of.out),
            Numeric::MaxDim(of) => self.reduce("ReduceMax", &of.input, &[of.axis], &of.out),
            Numeric::MinDim(of) => self.reduce("ReduceMin", &of.input, &[of.axis], &of.out),
            Numeric::SumDims(of) => self.reduce("ReduceSum", &of.input, &of.axes, &of.out),
            Numeric::Full(of) => {
                let dims = self.output_dims(step)?;
                self.filled(&of.out, &dims, number(of.value));
                Ok(())
            }
            Numeric::Pad(of) => self.pad(of),
            _ => Err(unknown(step)),
        }
    }

    pub(super) fn float(&mut self, float: &Float, step: &[OperationIr]) -> Result<(), Error> {
        match float {
            Float::Exp(of) => self.unary("Exp", of),
            Float::Log(of) => self.unary("Log", of),
            Float::Erf(of) => self.unary("Erf", of),
            Float::Sqrt(of) => self.unary("Sqrt", of),
            Float::Cos(of) => self.unary("Cos", of),
            Float::Sin(of) => self.unary("Sin", of),
            Float::Tanh(of) => self.unary("Tanh", of),
            Float::Floor(of) => self.unary("Floor", of),
            Float::Ceil(of) => self.unary("Ceil", of),
            Float::Round(of) => self.unary("Round", of),
            Float::Recip(of) => self.unary("Reciprocal", of),
            Float::PowfScalar(of) => self.with_scalar("Pow", of),
            Float::Powf(of) => self.binary("Pow", of),
            Float::IntoInt(of) => {
                self.cast(&of.input, &of.out);
                Ok(())
            }
            Float::Matmul(of) => {
                let of =
                    BinaryOpIr { lhs: of.lhs.clone(), rhs: of.rhs.clone(), out: of.out.clone() };
                self.binary("MatMul", &of)
            }
            _ => Err(unknown(step)),
        }
    }

    pub(super) fn bools(&mut self, bools: &Bools) -> Result<(), Error> {
        match bools {
            Bools::IntoFloat(of) | Bools::IntoInt(of) => {
                self.cast(&of.input, &of.out);
                Ok(())
            }
            Bools::Not(of) => self.unary("Not", of),
            Bools::And(of) => self.binary("And", of),
            Bools::Or(of) => self.binary("Or", of),
            Bools::Xor(of) => self.binary("Xor", of),
        }
    }

    pub(super) fn activation(
        &mut self,
        activation: &Act,
        step: &[OperationIr],
    ) -> Result<(), Error> {
        match activation {
            Act::Relu(of) => self.unary("Relu", of),
            Act::Sigmoid(of) => self.unary("Sigmoid", of),
            Act::Gelu(of) => {
                // x / 2 (1 + erf(x / sqrt 2)), which runtimes fuse again: a Gelu of its own came with opset 20.
                let x = self.of(&of.input);
                let dtype = of.input.dtype;
                let [root, one, half] = [std::f64::consts::SQRT_2, 1.0, 0.5]
                    .map(|value| self.graph.scalar(value, dtype));
                let y = self.graph.node("Div", &[&x, &root], vec![]);
                let y = self.graph.node("Erf", &[&y], vec![]);
                let y = self.graph.node("Add", &[&y, &one], vec![]);
                let y = self.graph.node("Mul", &[&x, &y], vec![]);
                let y = self.graph.node("Mul", &[&y, &half], vec![]);
                self.name(&of.out, y);
                Ok(())
            }
            Act::Softmax(of) | Act::LogSoftmax(of) => {
                let op =
                    if matches!(activation, Act::Softmax(_)) { "Softmax" } else { "LogSoftmax" };
                let x = self.of(&of.input);
                let y = self.graph.node(op, &[&x], vec![int("axis", of.axis as i64)]);
                self.name(&of.out, y);
                Ok(())
            }
            Act::LeakyRelu(of) => {
                let x = self.of(&of.lhs);
                let slope = ("alpha", Attribute::Float(number(of.rhs) as f32));
                let y = self.graph.node("LeakyRelu", &[&x], vec![slope]);
                self.name(&of.out, y);
                Ok(())
            }
            Act::HardSigmoid(of) => {
                let x = self.of(&of.tensor);
                let float = |name, value| (name, Attribute::Float(number(value) as f32));
                let with = vec![float("alpha", of.alpha), float("beta", of.beta)];
                let y = self.graph.node("HardSigmoid", &[&x], with);
                self.name(&of.out, y);
                Ok(())
            }
            _ => Err(unknown(step)),
        }
    }
}
