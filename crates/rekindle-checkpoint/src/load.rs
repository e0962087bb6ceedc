//! Loading: every tensor of the file and every parameter of the module is accounted for.

use burn::{module::Param, prelude::*, tensor::TensorData};
use rekindle_files::CheckpointFile;
use rekindle_layers::{NameStack, ParameterMapper, map_parameters};

use crate::{
    Error, HeadPolicy, LoadReport, Naming,
    account::{Account, Change, Step, account},
};

/// Loads a checkpoint into a module whose parameters may be uninitialized still.
///
/// A first convolution for another number of channels is adapted as timm does: summed for one
/// channel, repeated and scaled for more. What a wrapper has put before every name is dropped, and
/// said in the report. The values are float32, whatever the file's type.
///
/// # Errors
///
/// Unless every parameter of the module is loaded, adapted or (the head) re-initialized, and every
/// tensor of the file used: one error lists everything that disagrees. Another lists tensors with a
/// NaN, an infinity or a negative variance. The module is lost then.
pub fn load<M: Module>(
    module: M,
    file: &CheckpointFile,
    naming: &Naming,
    policy: HeadPolicy,
) -> Result<(M, LoadReport), Error> {
    let account = account(&naming.wanted(&module), file, naming, policy)?;
    let mut loader = Loader { file, account, problems: Vec::new(), failed: None };
    let module = map_parameters(module, &mut loader);
    let Loader { account, problems, failed, .. } = loader;
    match failed {
        Some(error) => Err(error.into()),
        None if problems.is_empty() => Ok((module, account.report)),
        None => Err(Error::Values { path: file.path().to_owned(), problems }),
    }
}

struct Loader<'a> {
    file: &'a CheckpointFile,
    account: Account,
    /// A line for each tensor whose values cannot be right.
    problems: Vec<String>,
    failed: Option<rekindle_files::Error>,
}

impl ParameterMapper for Loader<'_> {
    fn float<const D: usize>(
        &mut self,
        at: &NameStack,
        param: Param<Tensor<D>>,
    ) -> Param<Tensor<D>> {
        let Some(step) = self.account.steps.remove(&at.path()) else { return param };
        if self.failed.is_some() {
            return param;
        }
        let shape = param.lazy_shape();
        let values = match self.values(&step, shape.as_slice()) {
            Ok(Some(values)) => values,
            Ok(None) => return param,
            Err(error) => {
                self.failed = Some(error);
                return param;
            }
        };
        let device = param.lazy_device();
        let id = param.id;
        let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
        param.transform_for_load(tensor, id)
    }
}

impl Loader<'_> {
    /// The values of a parameter of that shape; none where they cannot be right.
    fn values(
        &mut self,
        step: &Step,
        shape: &[usize],
    ) -> Result<Option<Vec<f32>>, rekindle_files::Error> {
        let mut values = Vec::new();
        for name in &step.tensors {
            let mut part = self.file.read_f32(name)?;
            if let Some(share) = step.share {
                let row = part.len().checked_div(share.of).unwrap_or_default();
                part.truncate((share.first + share.rows) * row);
                part.drain(..share.first * row);
            }
            self.problems.extend(problem(name, &part));
            if values.is_empty() {
                values = part;
            } else {
                values.extend(part);
            }
        }
        if let (Some(twin), [name]) = (&step.twin, step.tensors.as_slice())
            && !same(&self.file.read_f32(twin)?, &values)
        {
            self.problems
                .push(format!("{twin} differs from {name}, which it is to be the same as"));
        }
        Ok(match &step.change {
            Change::Copy => Some(values),
            Change::Transpose => Some(transpose(&values, shape[0])),
            Change::AdaptChannels { .. } => Some(adapt_channels(&values, shape)),
            Change::Resample { by, from, to } => match by(&values, from, to) {
                Ok(resampled) if resampled.len() == to.iter().product::<usize>() => Some(resampled),
                Ok(_) => {
                    self.problems.push(format!("{}: resampled to another size", step.tensors[0]));
                    None
                }
                Err(reason) => {
                    self.problems.push(format!("{}: {reason}", step.tensors[0]));
                    None
                }
            },
        })
    }
}

/// What is wrong with values that were read.
fn problem(name: &str, values: &[f32]) -> Option<String> {
    let count = |wrong: fn(&f32) -> bool| values.iter().filter(|value| wrong(value)).count();
    let (odd, negative) = (
        count(|value| !value.is_finite()),
        if name.ends_with("running_var") { count(|value| *value < 0.0) } else { 0 },
    );
    let all = values.len();
    match (odd, negative) {
        (0, 0) => None,
        (0, negative) => Some(format!("{name}: {negative} of {all} variances are negative")),
        (odd, _) => Some(format!("{name}: {odd} of {all} values are NaN or infinite")),
    }
}

/// Whether two tensors have the same bits.
fn same(left: &[f32], right: &[f32]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(a, b)| a.to_bits() == b.to_bits())
}

/// From rows of `columns` values to columns: PyTorch's linear weight `[out, in]` to Burn's.
pub(crate) fn transpose(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
}

fn adapt_channels(values: &[f32], to: &[usize]) -> Vec<f32> {
    let [out, channels, pixels] = [to[0], to[1], to[2] * to[3]];
    let from = values.len() / (out * pixels);
    let mut adapted = Vec::with_capacity(out * channels * pixels);
    for filter in values.chunks_exact(from * pixels) {
        if channels == 1 {
            let sum = |pixel| filter.iter().skip(pixel).step_by(pixels).sum::<f32>();
            adapted.extend((0..pixels).map(sum));
        } else {
            let scale = from as f32 / channels as f32;
            let repeated = filter.iter().cycle().take(channels * pixels);
            adapted.extend(repeated.map(|value| value * scale));
        }
    }
    adapted
}
