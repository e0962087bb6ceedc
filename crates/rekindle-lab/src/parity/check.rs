//! One comparison: fill, write, load, run, and measure the largest disagreement of each kind.

use std::collections::BTreeMap;

use burn::{
    module::{ModuleMapper, Param},
    nn::loss::CrossEntropyLossConfig,
    optim::GradientsParams,
    prelude::*,
    tensor::{DType, TensorData},
};
use rekindle_checkpoint::{
    CheckpointFile, Dtype, Entry, HeadPolicy, Naming, load, write_safetensors,
};
use rekindle_layers::{Backbone, NameStack, ParameterVisitor, visit_parameters};
use rekindle_transfer::Classifier;
use rekindle_vision::{Architecture, Init, Regularization, VisionBackbone, VisionFlow};

use super::{
    error::Error,
    fill::{fill, uniform},
    golden::{Digest, Golden, Train},
};

/// A gradient smaller than this, relative to the largest, is rounding noise in the reference too.
const NOISE: f64 = 1e-6;
/// Largest error of gradients and running statistics.
const TRAIN_TOLERANCE: f64 = 1e-3;

/// The largest relative disagreement of each kind, and where it is.
#[derive(Debug, Clone, Default)]
pub struct Agreement {
    /// Features and logits in evaluation, relative to their largest value.
    pub logits: f64,
    /// Loss and gradients of a step of training, relative to the loss or the gradient's l2.
    pub gradients: f64,
    /// Running statistics after it, relative to their l2.
    pub running: f64,
    /// What exceeds its tolerance.
    pub failures: Vec<String>,
}

type Model = Classifier<VisionBackbone>;

/// Compares an architecture with a golden file.
///
/// # Errors
///
/// If the architecture is unknown, or the filled weights do not fit it.
pub fn check(golden: &Golden) -> Result<Agreement, Error> {
    let device = Device::flex();
    let (_folder, file) = filled(&golden.tensors, golden.running_var_scale)?;
    let build = |device: &Device| built(golden, &file, device);
    let mut agreement = Agreement::default();
    let count = golden.input_shape.iter().product();
    let input = TensorData::new(uniform("input", count), golden.input_shape);
    evaluate(golden, &build(&device)?.0, Tensor::from_data(input.clone(), &device), &mut agreement);
    let device = device.autodiff();
    let (model, naming) = build(&device)?;
    // The gradient of a ReLU jumps where its input changes sign, and in float32 a few of millions do.
    // So the weights that were loaded step in float64, through the same code.
    let input = Tensor::<4>::from_data(input, &device).cast(DType::F64);
    train(golden, model.map(&mut ToFloat64), &naming, input, &mut agreement);
    Ok(agreement)
}

/// The network of a golden file, with the weights of its file.
fn built(
    golden: &Golden,
    file: &CheckpointFile,
    device: &Device,
) -> Result<(Model, Naming), Error> {
    let [_, channels_in, height, width] = golden.input_shape;
    let size = golden.built_for.or(Some([height, width]));
    let init = Init { channels_in, regularization: Regularization::None, size };
    let backbone = Architecture::find(golden.architecture())?.init(&init, device);
    let naming = Naming::of(&backbone, Model::TRUNK, Model::HEAD);
    let model = Classifier::new(backbone, golden.num_classes, device);
    let (model, _) = load(model, file, &naming, HeadPolicy::Required)?;
    Ok((model, naming))
}

/// The same with the weights that the formula fills.
pub(super) fn network(golden: &Golden) -> Result<Model, Error> {
    let (_folder, file) = filled(&golden.tensors, golden.running_var_scale)?;
    Ok(built(golden, &file, &Device::flex())?.0)
}

/// A file of tensors that the formula fills, in a folder that goes with it.
pub(super) fn filled(
    tensors: &[(String, Vec<usize>, String)],
    running_var_scale: f64,
) -> Result<(tempfile::TempDir, CheckpointFile), Error> {
    let folder = tempfile::tempdir().map_err(Error::Temporary)?;
    let path = folder.path().join("model.safetensors");
    let dtype = |name: &str| if name == "i64" { Dtype::I64 } else { Dtype::F32 };
    let entries: Vec<Entry> = tensors
        .iter()
        .map(|(name, shape, kind)| Entry {
            name: name.clone(),
            dtype: dtype(kind),
            shape: shape.clone(),
        })
        .collect();
    write_safetensors(&path, &BTreeMap::new(), &entries, |index| {
        let Entry { name, dtype, shape } = &entries[index];
        let bytes = match dtype {
            Dtype::I64 => vec![0; 8 * shape.iter().product::<usize>()],
            _ => fill(name, shape, running_var_scale)
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect(),
        };
        Ok::<_, std::convert::Infallible>(bytes)
    })?;
    let file = CheckpointFile::open(&path)?;
    Ok((folder, file))
}

fn evaluate(golden: &Golden, model: &Model, input: Tensor<4>, agreement: &mut Agreement) {
    let tolerance = golden.tolerance();
    let mut compare =
        |what: &str, digest: &Digest, values| agreement.compare(what, digest, values, tolerance);
    if let (Some(digest), Some(map)) =
        (&golden.features, model.backbone().feature_maps(input.clone()).pop())
    {
        compare("features", digest, as_timm(map, &digest.shape));
    }
    compare("logits", &golden.logits, Values::of(model.forward(input)));
}

/// The last map as timm has it: tokens before the patches, or channels last.
fn as_timm(flow: VisionFlow, shape: &[usize]) -> Values {
    match flow {
        VisionFlow::Patches(patches) => Values::of(patches.hidden),
        VisionFlow::Map(map) if map.dims() != *shape => Values::of(map.permute([0, 2, 3, 1])),
        VisionFlow::Map(map) => Values::of(map),
    }
}

fn train(golden: &Golden, model: Model, naming: &Naming, input: Tensor<4>, out: &mut Agreement) {
    let device = input.device();
    let targets = Tensor::<1, Int>::from_data(golden.train.targets.as_slice(), &device);
    let loss = CrossEntropyLossConfig::new().init(&device).forward(model.forward(input), targets);
    let Train { loss: expected, gradients, running, .. } = &golden.train;
    let step = Step { loss: *expected, gradients, running };
    step.check(loss, (&model, naming), None::<(&str, Tensor<1>)>, out);
}

/// What a step of training is compared with: the loss, gradients and running statistics by the checkpoint's names.
pub(super) struct Step<'a> {
    pub(super) loss: f64,
    pub(super) gradients: &'a BTreeMap<String, Digest>,
    pub(super) running: &'a BTreeMap<String, Digest>,
}

impl Step<'_> {
    /// Goes back from a loss and compares all that is found; `leaf` is an input whose gradient is compared by its name.
    pub(super) fn check<M: Module, const D: usize>(
        &self,
        loss: Tensor<1>,
        (model, naming): (&M, &Naming),
        leaf: Option<(&str, Tensor<D>)>,
        out: &mut Agreement,
    ) {
        let value = Values::of(loss.clone()).values[0];
        let error = relative(value, self.loss, self.loss.abs());
        out.gradients = worst(out.gradients, error);
        out.judge("loss", error, TRAIN_TOLERANCE);

        let all = loss.backward();
        let of_leaf =
            leaf.and_then(|(name, leaf)| Some((name.to_owned(), Values::of(leaf.grad(&all)?))));
        let gradients = GradientsParams::from_grads(all, model);
        let mut collector = Collector { naming, gradients, found: of_leaf.into_iter().collect() };
        visit_parameters(&model.valid(), &mut collector);
        let mut found = collector.found;

        let largest = self.gradients.values().fold(0.0, |max, d| f64::max(max, d.l2));
        let gradients = self.gradients.iter().map(|(name, digest)| (name, digest, true));
        let running = self.running.iter().map(|(name, digest)| (name, digest, false));
        for (name, digest, gradient) in gradients.chain(running) {
            let error = match found.remove(name) {
                None => f64::INFINITY,
                Some(_) if gradient && digest.l2 < NOISE * largest => continue,
                Some(values) => digest.error(values, digest.l2),
            };
            let worst_yet = if gradient { &mut out.gradients } else { &mut out.running };
            *worst_yet = worst(*worst_yet, error);
            out.judge(name, error, TRAIN_TOLERANCE);
        }
        for name in found.keys() {
            out.failures.push(format!("{name}: not in the golden file"));
        }
    }
}

impl Agreement {
    /// Compares what evaluation gave, relative to the largest of the reference's values.
    pub(super) fn compare(&mut self, what: &str, digest: &Digest, values: Values, tolerance: f64) {
        let scale = digest.value.iter().fold(0.0, |max, v| f64::max(max, v.abs()));
        let error = digest.error(values, scale);
        self.logits = worst(self.logits, error);
        self.judge(what, error, tolerance);
    }

    /// Whether everything agrees within its tolerance.
    pub fn holds(&self) -> bool {
        self.failures.is_empty()
    }

    fn judge(&mut self, what: &str, error: f64, tolerance: f64) {
        // A NaN exceeds every tolerance.
        if error.is_nan() || error > tolerance {
            self.failures.push(format!("{what}: error {error:.1e} exceeds {tolerance:.1e}"));
        }
    }
}

impl Digest {
    /// The largest error of l2 and probes relative to `scale`; infinite for another shape.
    fn error(&self, Values { values, shape }: Values, scale: f64) -> f64 {
        if shape != self.shape {
            return f64::INFINITY;
        }
        let l2 = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        let probes = self.at.iter().zip(&self.value);
        probes
            .map(|(&at, &expected)| relative(values[at], expected, scale))
            .fold(relative(l2, self.l2, self.l2), worst)
    }
}

fn relative(value: f64, expected: f64, scale: f64) -> f64 {
    (value - expected).abs() / scale.max(f64::MIN_POSITIVE)
}

/// The larger, where a NaN is larger than anything.
fn worst(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The numbers of a tensor, row-major.
pub(super) struct Values {
    values: Vec<f64>,
    shape: Vec<usize>,
}

impl Values {
    pub(super) fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        let shape = tensor.shape().to_vec();
        Self { values: tensor.into_data().iter::<f64>().collect(), shape }
    }
}

/// Widens every tensor of a module.
pub(super) struct ToFloat64;

impl ModuleMapper for ToFloat64 {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // A new leaf of the graph: the cast itself is not to be differentiated.
        let id = param.id;
        let wide = Tensor::from_inner(param.val().inner().cast(DType::F64));
        param.transform_for_load(wide, id)
    }
}

/// Gradients and running statistics by the checkpoint's names, in the checkpoint's shapes.
struct Collector<'a> {
    naming: &'a Naming,
    gradients: GradientsParams,
    found: BTreeMap<String, Values>,
}

impl ParameterVisitor for Collector<'_> {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let name = self.naming.in_checkpoint(&at.name());
        let running = name.ends_with("running_mean") || name.ends_with("running_var");
        let tensor = if running { Some(param.val()) } else { self.gradients.remove(param.id) };
        let Some(tensor) = tensor else { return };
        let tensor: Tensor<D> = tensor;
        let tensor = if at.is_transposed(D) { tensor.swap_dims(0, 1) } else { tensor };
        let mut values = Values::of(tensor);
        if self.naming.is_pointwise(&name) {
            values.shape.extend([1, 1]);
        }
        self.found.insert(name, values);
    }
}
