//! Layers.

use burn::tensor::TensorData;
use burn_ir::{ModuleOperationIr as Module, OperationIr, TensorIr};

use super::{Lowering, int, ints, number, unknown};
use crate::{Error, graph::Attribute};

impl Lowering {
    pub(super) fn module(&mut self, module: &Module, step: &[OperationIr]) -> Result<(), Error> {
        match module {
            Module::Conv2d(of) => {
                let [top, left] = of.options.padding.map(|(before, _)| before);
                let [bottom, right] = of.options.padding.map(|(_, after)| after);
                let with = vec![
                    ints("kernel_shape", of.weight.shape[2..].iter().copied()),
                    ints("strides", of.options.stride),
                    ints("pads", [top, left, bottom, right]),
                    ints("dilations", of.options.dilation),
                    int("group", of.options.groups as i64),
                ];
                self.layer(
                    "Conv",
                    &[Some(&of.x), Some(&of.weight), of.bias.as_ref()],
                    with,
                    &of.out,
                )
            }
            Module::Conv1d(of) => {
                let padding = of.options.padding[0];
                let with = vec![
                    ints("kernel_shape", [of.weight.shape[2]]),
                    ints("strides", of.options.stride),
                    ints("pads", [padding.0, padding.1]),
                    ints("dilations", of.options.dilation),
                    int("group", of.options.groups as i64),
                ];
                self.layer(
                    "Conv",
                    &[Some(&of.x), Some(&of.weight), of.bias.as_ref()],
                    with,
                    &of.out,
                )
            }
            Module::BatchNorm(of) => {
                let with = vec![("epsilon", Attribute::Float(number(of.epsilon) as f32))];
                let inputs = [&of.x, &of.gamma, &of.beta, &of.mean, &of.variance].map(Some);
                self.layer("BatchNormalization", &inputs, with, &of.out)
            }
            Module::LayerNorm(of) => {
                let epsilon = ("epsilon", Attribute::Float(number(of.epsilon) as f32));
                let inputs = [Some(&of.input), Some(&of.gamma), of.beta.as_ref()];
                self.layer("LayerNormalization", &inputs, vec![int("axis", -1), epsilon], &of.out)
            }
            Module::Linear(of) => {
                let (x, weight) = (self.of(&of.x), self.of(&of.weight));
                let mut y = self.graph.node("MatMul", &[&x, &weight], vec![]);
                if let Some(bias) = &of.bias {
                    let bias = self.of(bias);
                    y = self.graph.node("Add", &[&y, &bias], vec![]);
                }
                self.name(&of.out, y);
                Ok(())
            }
            Module::Embedding(of) => {
                let (table, ids) = (self.of(&of.weights), self.of(&of.indices));
                let y = self.graph.node("Gather", &[&table, &ids], vec![int("axis", 0)]);
                self.name(&of.out, y);
                Ok(())
            }
            Module::MaxPool2d(of) => {
                let [height, width] = of.padding;
                let with = vec![
                    ints("kernel_shape", of.kernel_size),
                    ints("strides", of.stride),
                    ints("pads", [height, width, height, width]),
                    ints("dilations", of.dilation),
                    int("ceil_mode", of.ceil_mode.into()),
                ];
                self.layer("MaxPool", &[Some(&of.x)], with, &of.out)
            }
            Module::AvgPool2d(of) => {
                let [height, width] = of.padding;
                let with = vec![
                    ints("kernel_shape", of.kernel_size),
                    ints("strides", of.stride),
                    ints("pads", [height, width, height, width]),
                    int("ceil_mode", of.ceil_mode.into()),
                    int("count_include_pad", of.count_include_pad.into()),
                ];
                self.layer("AveragePool", &[Some(&of.x)], with, &of.out)
            }
            Module::AdaptiveAvgPool2d(of) if of.output_size == [1, 1] => {
                self.layer("GlobalAveragePool", &[Some(&of.x)], vec![], &of.out)
            }
            Module::AdaptiveAvgPool2d(of) => {
                let [height, width] = [of.x.shape[2], of.x.shape[3]];
                let x = self.of(&of.x);
                // A mean over some rows is a product with a matrix.
                let rows = means(height, of.output_size[0], false);
                let rows = self.graph.constant("means", rows);
                let columns = means(width, of.output_size[1], true);
                let columns = self.graph.constant("means", columns);
                let y = self.graph.node("MatMul", &[&rows, &x], vec![]);
                let y = self.graph.node("MatMul", &[&y, &columns], vec![]);
                self.name(&of.out, y);
                Ok(())
            }
            _ => Err(unknown(step)),
        }
    }

    /// A node over tensors, of which the last may be missing.
    fn layer(
        &mut self,
        op: &'static str,
        inputs: &[Option<&TensorIr>],
        with: Vec<(&'static str, Attribute)>,
        out: &TensorIr,
    ) -> Result<(), Error> {
        let inputs: Vec<String> = inputs.iter().flatten().map(|tensor| self.of(tensor)).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let y = self.graph.node(op, &inputs, with);
        self.name(out, y);
        Ok(())
    }
}

/// What makes of an axis the means of an adaptive pool: `[to, from]`, or `[from, to]` where it is turned. PyTorch's windows: from
/// `i from / to`, rounded down, to `(i + 1) from / to`, rounded up.
fn means(from: usize, to: usize, turned: bool) -> TensorData {
    let mut values = vec![0.0_f32; from * to];
    for place in 0..to {
        let (start, end) = (place * from / to, ((place + 1) * from).div_ceil(to));
        for at in start..end {
            let index = if turned { at * to + place } else { place * from + at };
            values[index] = 1.0 / (end - start) as f32;
        }
    }
    TensorData::new(values, if turned { [from, to] } else { [to, from] })
}
