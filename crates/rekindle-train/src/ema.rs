//! A moving average of a model: its parameters and the running statistics of its norms.
//!
//! Polyak & Juditsky 1992; what is averaged, and how, is timm's `ModelEmaV3`.

use burn::{
    module::{ModuleMapper, ModuleVisitor, Param, ParamId},
    optim::GradientsParams,
    prelude::*,
    store::ModuleRecord,
    tensor::Bytes,
};
use serde::{Deserialize, Serialize};

use crate::{Error, ranges::Ranges};

/// How fast an average forgets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub struct EmaConfig {
    /// Share of the average that an update keeps, in `[0, 1)`: 0.9998 remembers about 5000 steps.
    pub decay: f64,
    /// How the first updates keep less.
    #[serde(default)]
    pub warm_up: EmaWarmUp,
}

/// The share kept by update `t`, counted from zero, while it is less than the decay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmaWarmUp {
    /// The decay from the first update on.
    Off,
    /// `(1 + t) / (10 + t)`, as TensorFlow's `ExponentialMovingAverage`.
    #[default]
    Ratio,
    /// `1 - (1 + t)^(-2/3)`, as timm's `ModelEmaV3`; its first update copies the model.
    Power,
}

/// The average of a model over its updates. It shares nothing with the model that can change.
#[derive(Debug)]
pub struct Ema<M> {
    config: EmaConfig,
    average: M,
    updates: u64,
}

/// What the bytes of an average open with; the number of updates and a line break follow.
const SIGNATURE: &str = "rekindle average 1 ";

impl EmaConfig {
    /// The share of the average that update `t`, counted from zero, keeps.
    pub fn kept(&self, t: u64) -> f64 {
        let t = t as f64;
        let kept = match self.warm_up {
            EmaWarmUp::Off => self.decay,
            EmaWarmUp::Ratio => (1.0 + t) / (10.0 + t),
            EmaWarmUp::Power => 1.0 - (1.0 + t).powf(-2.0 / 3.0),
        };
        kept.min(self.decay)
    }

    /// Whether all numbers lie where their docs say.
    ///
    /// # Errors
    ///
    /// A message that names all that do not.
    pub fn check(&self) -> Result<(), String> {
        Ranges::default().within("decay", self.decay, 0.0..1.0).done()
    }
}

impl<M: Module> Ema<M> {
    /// An average that is `model` as it is.
    pub fn new(model: &M, config: EmaConfig) -> Self {
        // Running statistics are shared by the clones of a module; `valid` gives new ones.
        Self { config, average: model.valid(), updates: 0 }
    }

    /// Moves the average towards `model`, which must be built as the first one was.
    pub fn update(&mut self, model: &M) {
        let share = 1.0 - self.config.kept(self.updates);
        self.updates += 1;
        let mut values = Values::default();
        model.valid().visit(&mut values);
        self.average = self.average.clone().map(&mut Towards { values, at: 0, share });
    }

    /// Number of updates.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The averaged model, in validation. What becomes of it touches neither the average nor the model
    /// that is trained.
    pub fn model(&self) -> M {
        self.average.valid()
    }

    /// The average as bytes, for [`Ema::from_bytes`].
    ///
    /// # Errors
    ///
    /// If Burn cannot write it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let record = self.model().into_record().into_bytes();
        let record = record.map_err(|source| Error::Save { what: WHAT, source })?;
        Ok([format!("{SIGNATURE}{}\n", self.updates).as_bytes(), &record].concat())
    }

    /// The average that [`Ema::to_bytes`] wrote, of models built as `model` is.
    ///
    /// # Errors
    ///
    /// If the bytes are broken or of another model.
    pub fn from_bytes(model: &M, config: EmaConfig, bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Load { what: WHAT, reason };
        let no_header = || wrong("they do not open as one".into());
        let rest = bytes.strip_prefix(SIGNATURE.as_bytes()).ok_or_else(no_header)?;
        let end = rest.iter().position(|&byte| byte == b'\n').ok_or_else(no_header)?;
        let updates = std::str::from_utf8(&rest[..end]).ok().and_then(|text| text.parse().ok());
        let updates = updates.ok_or_else(no_header)?;
        let average = ModuleRecord::from_bytes(Bytes::from_bytes_vec(rest[end + 1..].to_vec()))
            .and_then(|record| model.valid().try_load_record(record))
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { config, average, updates })
    }
}

/// How errors call it.
const WHAT: &str = "an average of this model";

/// The values of a module by their place among its fields: ids may have changed since the average began,
/// as they do when a record is loaded.
#[derive(Default)]
struct Values {
    /// Nothing else in Burn's public parts holds tensors of any rank.
    tensors: GradientsParams,
    count: u64,
}

impl ModuleVisitor for Values {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.tensors.register(ParamId::from(self.count), param.val());
        self.count += 1;
    }
}

/// Moves what it maps a share of the way towards values.
struct Towards {
    values: Values,
    at: u64,
    share: f64,
}

impl ModuleMapper for Towards {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = self.values.tensors.remove::<D>(ParamId::from(self.at));
        self.at += 1;
        match value {
            // What does not change stays the same to the bit, as with weights on both it would not.
            Some(value) => param.map(|old| old.clone() + (value - old) * self.share),
            None => param,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};

    #[derive(Module, Debug)]
    struct Net {
        linear: Linear,
        norm: BatchNorm,
    }

    impl Net {
        fn new() -> Self {
            let device = Device::flex().autodiff();
            Self {
                linear: LinearConfig::new(2, 3).init(&device),
                norm: BatchNormConfig::new(3).init(&device),
            }
        }

        fn forward(&self, x: Tensor<2>) -> Tensor<2> {
            self.norm.forward(self.linear.forward(x).unsqueeze_dim::<3>(2)).squeeze_dim(2)
        }

        /// Moves the running statistics.
        fn train_on(&self, scale: f64) {
            let x = Tensor::<2>::from_floats(
                [[1.0, 2.0], [-1.0, 0.5], [0.25, 3.0]],
                &Device::flex().autodiff(),
            );
            self.forward(x * scale);
        }

        fn with_weights(mut self, value: f64) -> Self {
            self.linear.weight = self.linear.weight.map(|w| w.zeros_like() + value);
            self
        }

        fn bytes(&self) -> Vec<u8> {
            let values = [self.norm.running_mean.value_sync(), self.norm.running_var.value_sync()];
            let weights = self.linear.weight.val().inner().flatten(0, 1);
            let all = values.into_iter().chain([weights]).map(|t| t.inner()).collect();
            Tensor::<1>::cat(all, 0).into_data().as_bytes().to_vec()
        }
    }

    fn floats(x: Tensor<1>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    const HALF: EmaConfig = EmaConfig { decay: 0.5, warm_up: EmaWarmUp::Off };

    #[test]
    fn parameters_and_statistics_are_averaged() {
        let net = Net::new().with_weights(1.0);
        let mut ema = Ema::new(&net, HALF);
        let mean = |net: &Net| floats(net.norm.running_mean.value_sync().inner());
        let mut expected = mean(&net);
        assert_eq!(expected, [0.0; 3]);
        let mut net = net;
        for weight in [3.0, 5.0] {
            net = net.with_weights(weight);
            net.train_on(weight);
            ema.update(&net);
            for (expected, new) in expected.iter_mut().zip(mean(&net)) {
                *expected = 0.5 * *expected + 0.5 * new;
            }
        }
        // 0.5 (0.5 * 1 + 0.5 * 3) + 0.5 * 5
        let averaged = ema.model();
        assert_eq!(floats(averaged.linear.weight.val().flatten(0, 1)), [3.5; 6]);
        assert_eq!(ema.updates(), 2);
        for (found, expected) in mean(&averaged).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6 && *found != 0.0, "{found}, {expected}");
        }
    }

    #[test]
    fn nothing_is_shared_with_what_is_trained() {
        let net = Net::new();
        net.train_on(1.0);
        let mut ema = Ema::new(&net, HALF);
        net.train_on(2.0);
        ema.update(&net);
        let (trained, averaged) = (net.bytes(), ema.model().bytes());
        assert_ne!(trained, averaged);
        // Evaluated, and even trained.
        ema.model().forward(Tensor::ones([2, 2], &Device::flex()));
        ema.model().train().train_on(9.0);
        assert_eq!((net.bytes(), ema.model().bytes()), (trained, averaged.clone()));
        net.train_on(3.0);
        assert_eq!(ema.model().bytes(), averaged);
    }

    #[test]
    fn what_does_not_change_stays_to_the_bit() {
        let net = Net::new();
        net.train_on(1.0);
        let mut ema = Ema::new(&net, EmaConfig { decay: 0.9, warm_up: EmaWarmUp::Ratio });
        for _ in 0..5 {
            ema.update(&net);
        }
        assert_eq!(ema.model().bytes(), net.bytes());
    }

    /// `power` is `ModelEmaV3(decay=0.9998, use_warmup=True).get_decay(t + 1)`.
    #[test]
    fn early_updates_keep_less() {
        for (warm_up, rows) in [
            (EmaWarmUp::Off, [0.9998; 4]),
            (EmaWarmUp::Ratio, [0.1, 2.0 / 11.0, 101.0 / 110.0, 0.9998]),
            (EmaWarmUp::Power, [0.0, 0.370_039_475_052_563_4, 0.953_890_994_972_239_3, 0.9998]),
        ] {
            let config = EmaConfig { decay: 0.9998, warm_up };
            for (t, expected) in [0, 1, 100, 1_000_000].into_iter().zip(rows) {
                let found = config.kept(t);
                assert!((found - expected).abs() < 1e-12, "{warm_up:?}, {t}: {found}");
            }
        }
        HALF.check().unwrap();
        EmaConfig { decay: 1.0, ..HALF }.check().unwrap_err();
    }

    #[test]
    fn bytes_bring_it_back() {
        let net = Net::new();
        let mut ema = Ema::new(&net, HALF);
        net.train_on(2.0);
        ema.update(&net);
        let bytes = ema.to_bytes().unwrap();
        let other = Net::new();
        let before = other.bytes();
        let again = Ema::from_bytes(&other, HALF, &bytes).unwrap();
        assert_eq!((again.updates(), again.model().bytes()), (1, ema.model().bytes()));
        // What it was read for is as it was.
        assert_eq!(other.bytes(), before);
        // And it goes on.
        let mut again = again;
        net.train_on(4.0);
        ema.update(&net);
        again.update(&net);
        assert_eq!(again.model().bytes(), ema.model().bytes());
        for length in [0, 3, SIGNATURE.len() + 1, 40, bytes.len() / 2, bytes.len() - 1] {
            let error = Ema::from_bytes(&other, HALF, &bytes[..length]).unwrap_err();
            assert!(matches!(error, Error::Load { .. }), "{length}: {error}");
        }
        let other: Linear = LinearConfig::new(2, 2).init(&Device::flex());
        Ema::from_bytes(&other, HALF, &bytes).unwrap_err();
    }
}
