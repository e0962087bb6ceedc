//! Running statistics of batch norms, computed anew from data.

use std::collections::BTreeMap;

use burn::{
    module::{Flag, Param, ParamGroup, ParamId},
    prelude::*,
    tensor::TensorData,
};
use rekindle_layers::{
    Backbone, BatchNorm, NameStack, ParameterMapper, ParameterVisitor, map_parameters,
    visit_parameters,
};

use super::{Classifier, FLAG};

impl<B: Backbone> Classifier<B> {
    /// Sets the running statistics of batch norms that train to their means over `batches`, which
    /// hold inputs on the network's device.
    ///
    /// Each batch counts the same, as in PyTorch with `momentum=None` and in its
    /// `swa_utils.update_bn`; unlike there, nothing is dropped meanwhile, since nothing will be when
    /// the statistics are used. A batch norm whose scale or shift is frozen keeps its statistics to
    /// the last bit and normalizes by them. Without any batch all stay as they are. Parameters do not
    /// move, and what trains before trains after.
    ///
    /// # Errors
    ///
    /// The first batch that cannot be had; the network is lost then.
    ///
    /// # Panics
    ///
    /// If the network is not on a device with autodiff, where alone a batch normalizes itself.
    pub fn reestimate<E>(
        self,
        batches: impl IntoIterator<Item = Result<B::Input, E>>,
    ) -> Result<Self, E> {
        let device = self.devices().into_iter().next().unwrap_or_default();
        assert!(device.is_autodiff(), "statistics are estimated on a device with autodiff");
        let mut trained = Trained::default();
        visit_parameters(&self, &mut trained);
        let flags: Vec<_> = trained.norms.iter().map(|norm| format!("{norm}.{FLAG}")).collect();
        let before = running(&self, &trained.norms);
        let zeros: Values =
            before.iter().map(|(at, old)| (at.clone(), vec![0.0; old.len()])).collect();

        let mut sums: BTreeMap<String, (usize, Vec<f64>)> = BTreeMap::new();
        let mut model = self.freeze().unfreeze_group(ParamGroup::from_paths(flags));
        for images in batches {
            model = map_parameters(model, &mut Writer { values: &zeros });
            model.embed(images?);
            // From zero, the running statistics are now this share of the batch's.
            for (path, share) in running(&model, &trained.norms) {
                // One value a channel has no variance, and the layer leaves it as it is.
                if path.ends_with("running_var") && share.iter().all(|value| *value == 0.0) {
                    continue;
                }
                let (count, sum) = sums.entry(path).or_insert_with(|| (0, vec![0.0; share.len()]));
                *count += 1;
                for (sum, share) in sum.iter_mut().zip(share) {
                    *sum += share / BatchNorm::MOMENTUM;
                }
            }
        }
        let mut values = before;
        for (path, (count, sum)) in sums {
            values.insert(path, sum.into_iter().map(|sum| sum / count as f64).collect());
        }
        model = map_parameters(model, &mut Writer { values: &values });
        // Flags off again, but for those that were on.
        Ok(model.freeze().unfreeze_group(ParamGroup::from_ids(trained.ids)))
    }
}

/// Statistics by Burn's path.
type Values = BTreeMap<String, Vec<f64>>;

/// The running statistics of these norms, the last batch's included.
fn running<M: Module>(model: &M, norms: &[String]) -> Values {
    let mut reader = Reader { norms, values: Values::new() };
    // A module that trains holds back its last update.
    visit_parameters(&model.valid(), &mut reader);
    reader.values
}

/// Finds what trains: parameters and flags by identity, batch norms by path.
#[derive(Default)]
struct Trained {
    ids: Vec<ParamId>,
    /// Of each batch norm: its scale and its shift train.
    norms: Vec<String>,
    scale: Option<String>,
}

impl ParameterVisitor for Trained {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            return;
        }
        self.ids.push(param.id);
        let path = at.path();
        // Scale and shift follow on each other.
        if let Some(norm) = path.strip_suffix(".gamma") {
            self.scale = Some(norm.to_owned());
        } else if let Some(norm) = path.strip_suffix(".beta")
            && self.scale.as_deref() == Some(norm)
        {
            self.norms.push(norm.to_owned());
        }
    }

    fn flag(&mut self, _at: &NameStack, flag: &Param<Flag>) {
        if flag.is_enabled() {
            self.ids.push(flag.id);
        }
    }
}

struct Reader<'a> {
    norms: &'a [String],
    values: Values,
}

impl ParameterVisitor for Reader<'_> {
    fn float<const D: usize>(&mut self, at: &NameStack, param: &Param<Tensor<D>>) {
        let path = at.path();
        let norm = path.strip_suffix(".running_mean").or(path.strip_suffix(".running_var"));
        if norm.is_some_and(|norm| self.norms.iter().any(|other| other == norm)) {
            let values = param.val().into_data().iter::<f64>().collect();
            self.values.insert(path, values);
        }
    }
}

struct Writer<'a> {
    values: &'a Values,
}

impl ParameterMapper for Writer<'_> {
    fn float<const D: usize>(
        &mut self,
        at: &NameStack,
        param: Param<Tensor<D>>,
    ) -> Param<Tensor<D>> {
        let Some(values) = self.values.get(&at.path()) else { return param };
        param.map(|old| {
            let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            let data = TensorData::new(values, old.dims()).convert_dtype(old.dtype());
            Tensor::from_data(data, &old.device())
        })
    }
}
