//! Loading: every tensor of the file and every parameter of the module is accounted for.

use std::collections::{BTreeMap, BTreeSet};

use burn::{
    module::{ModuleMapper, Param},
    prelude::*,
    tensor::TensorData,
};
use rekindle_files::CheckpointFile;
use rekindle_layers::{Landmarks, NameStack, ParameterInfo, parameters};

use crate::{Error, LoadReport};

/// Where a module's names differ from a checkpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naming {
    /// The module's name of the part that carries the checkpoint's names; empty if all of it does.
    pub trunk: &'static str,
    /// The module's name of the classifier; empty if it has none.
    pub head: &'static str,
    /// The checkpoint's names of first convolution and classifier.
    pub landmarks: Landmarks,
}

/// What becomes of the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadPolicy {
    /// It is loaded; one of another size is an error.
    Required,
    /// It is loaded if its size agrees, and re-initialized otherwise.
    IfSameSize,
    /// It is re-initialized, because its classes mean something else.
    Fresh,
}

/// The channels that a first convolution is adapted from: red, green and blue.
const COLORS: usize = 3;

impl Naming {
    /// The checkpoint's name of a tensor of the module.
    pub fn in_checkpoint(&self, name: &str) -> String {
        if let Some(rest) = strip_module(name, self.head) {
            return format!("{}.{rest}", self.landmarks.classifier);
        }
        strip_module(name, self.trunk).unwrap_or(name).to_owned()
    }

    fn is_head(&self, name: &str) -> bool {
        strip_module(name, self.landmarks.classifier).is_some()
    }

    fn is_first_convolution(&self, name: &str) -> bool {
        strip_module(name, self.landmarks.first_convolution) == Some("weight")
    }
}

/// What is left of `name` inside `module`.
fn strip_module<'a>(name: &'a str, module: &str) -> Option<&'a str> {
    if module.is_empty() { None } else { name.strip_prefix(module)?.strip_prefix('.') }
}

/// Loads a checkpoint into a module whose parameters may be uninitialized still.
///
/// A first convolution for another number of channels is adapted as timm does: summed for one
/// channel, repeated and scaled for more. The values are float32, whatever the file's type.
///
/// # Errors
///
/// Unless every parameter of the module is loaded, adapted or (the head) re-initialized, and every
/// tensor of the file used: one error lists everything that disagrees. The module is lost then.
pub fn load<M: Module>(
    module: M,
    file: &CheckpointFile,
    naming: &Naming,
    policy: HeadPolicy,
) -> Result<(M, LoadReport), Error> {
    let (steps, report) = account(&parameters(&module), file, naming, policy)?;
    let mut loader = Loader { file, naming, steps, names: NameStack::default(), failed: None };
    let module = module.map(&mut loader);
    match loader.failed {
        Some(error) => Err(error.into()),
        None => Ok((module, report)),
    }
}

/// What happens to a parameter that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Copy,
    Transpose,
    AdaptChannels,
}

fn account(
    wanted: &[ParameterInfo],
    file: &CheckpointFile,
    naming: &Naming,
    policy: HeadPolicy,
) -> Result<(BTreeMap<String, Step>, LoadReport), Error> {
    let mut steps = BTreeMap::new();
    let mut report = LoadReport::default();
    let mut problems = Vec::new();
    let mut left: BTreeSet<&str> = file.tensors().map(|(name, _)| name).collect();

    let fresh_head = fresh_head(wanted, file, naming, policy);
    for parameter in wanted {
        let name = naming.in_checkpoint(&parameter.name);
        if naming.is_head(&name)
            && let Some(reason) = &fresh_head
        {
            if left.remove(name.as_str()) {
                report.unused.push((name.clone(), "classifier of another task".to_owned()));
            }
            report.reinitialized.push((name, reason.clone()));
            continue;
        }
        let Some(info) = file.get(&name) else {
            problems.push(format!("missing: {name} {:?}", parameter.checkpoint_shape()));
            continue;
        };
        left.remove(name.as_str());
        let shape = parameter.checkpoint_shape();
        let (from, to) = (&info.shape, &shape);
        if !info.dtype.is_float() {
            problems.push(format!("not a float tensor: {name} is {}", info.dtype.name()));
        } else if from == to {
            steps.insert(
                name.clone(),
                if parameter.transposed { Step::Transpose } else { Step::Copy },
            );
            report.loaded.push(name);
        } else if naming.is_first_convolution(&name) && adaptable(from, to) {
            let how = format!("{} input channels from {}", to[1], from[1]);
            steps.insert(name.clone(), Step::AdaptChannels);
            report.adapted.push((name, how));
        } else {
            problems.push(format!("shape: {name} is {from:?} in the file, {to:?} in the network"));
        }
    }
    for name in left {
        if name.ends_with("num_batches_tracked") {
            report.unused.push((name.to_owned(), "a counter nothing depends on".to_owned()));
        } else if naming.is_head(name) && naming.head.is_empty() {
            report.unused.push((name.to_owned(), "the network has no classifier".to_owned()));
        } else {
            problems.push(format!("left over: {name} {:?}", file.get(name).map(|i| &i.shape)));
        }
    }
    if problems.is_empty() {
        Ok((steps, report))
    } else {
        Err(Error::Mismatch { path: file.path().to_owned(), problems })
    }
}

/// Why the head is re-initialized, if it is.
fn fresh_head(
    wanted: &[ParameterInfo],
    file: &CheckpointFile,
    naming: &Naming,
    policy: HeadPolicy,
) -> Option<String> {
    match policy {
        HeadPolicy::Required => None,
        HeadPolicy::Fresh => Some("its classes are others than the checkpoint's".to_owned()),
        HeadPolicy::IfSameSize => wanted.iter().find_map(|parameter| {
            let name = naming.in_checkpoint(&parameter.name);
            let shape = parameter.checkpoint_shape();
            match file.get(&name) {
                _ if !naming.is_head(&name) => None,
                None => Some("the checkpoint has none".to_owned()),
                // A head that reads other embeddings is another architecture's: not excused.
                Some(info) if info.shape.get(1..) != shape.get(1..) => None,
                Some(info) if info.shape[0] == shape[0] => None,
                Some(info) => {
                    Some(format!("{} classes, the checkpoint has {}", shape[0], info.shape[0]))
                }
            }
        }),
    }
}

/// timm's rule: any number of channels is summed into one; colors are repeated for other numbers.
fn adaptable(from: &[usize], to: &[usize]) -> bool {
    match (from, to) {
        ([o1, i1, h1, w1], [o2, i2, h2, w2]) => {
            (o1, h1, w1) == (o2, h2, w2) && *i2 > 0 && (*i2 == 1 || *i1 == COLORS)
        }
        _ => false,
    }
}

struct Loader<'a> {
    file: &'a CheckpointFile,
    naming: &'a Naming,
    steps: BTreeMap<String, Step>,
    names: NameStack,
    failed: Option<rekindle_files::Error>,
}

impl ModuleMapper for Loader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.names.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.names.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let name = self.naming.in_checkpoint(&self.names.name());
        let Some(step) = self.steps.get(&name) else { return param };
        if self.failed.is_some() {
            return param;
        }
        let values = match self.file.read_f32(&name) {
            Ok(values) => values,
            Err(error) => {
                self.failed = Some(error);
                return param;
            }
        };
        let shape = param.lazy_shape();
        let values = match step {
            Step::Copy => values,
            Step::Transpose => transpose(&values, shape[0]),
            Step::AdaptChannels => adapt_channels(&values, shape.as_slice()),
        };
        let device = param.lazy_device();
        let id = param.id;
        let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
        param.transform_for_load(tensor, id)
    }
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
