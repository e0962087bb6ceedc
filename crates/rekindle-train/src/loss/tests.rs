//! Values and gradients against PyTorch's in float64.

use super::*;
use burn::tensor::DType;

fn off() -> CrossEntropy {
    CrossEntropy::default()
}

fn weights() -> Option<Vec<f32>> {
    Some(vec![0.5, 2.0, 1.25])
}

fn labels() -> Classes {
    Classes { labels: vec![0, 1, 2, 0], mix: None, teacher: None }
}

fn mixed() -> Classes {
    Classes { mix: Some(Mix { labels: vec![0, 2, 1, 0], share: 0.3 }), ..labels() }
}

fn taught() -> Classes {
    let teacher = [[0.5, 0.1, -0.2], [1.0, 1.0, 0.0], [0.0, -1.0, 2.0], [0.3, 0.2, 0.1]];
    let device = Device::flex();
    Classes { teacher: Some(Tensor::from_data(teacher, (&device, DType::F64))), ..labels() }
}

fn logits() -> Tensor<2> {
    let logits = [[1.0, -0.5, 0.25], [0.1, 2.0, -1.0], [-0.3, 0.4, 0.9], [0.0, 0.0, 1.5]];
    Tensor::from_data(logits, (&Device::flex().autodiff(), DType::F64)).require_grad()
}

fn close(loss: Tensor<1>, x: &Tensor<2>, expected: f64, gradient: &[f64], what: &str) {
    let found: f64 = loss.clone().into_scalar();
    assert!((found - expected).abs() < 1e-7, "{what}: {found} against {expected}");
    let found = x.grad(&loss.backward()).unwrap().into_data();
    for (found, expected) in found.iter::<f64>().zip(gradient) {
        assert!((found - expected).abs() < 1e-7, "{what}: {found} against {expected}");
    }
}

#[test]
fn cross_entropies_are_pytorchs() {
    let rows: [(CrossEntropy, Classes, f64, [f64; 12]); 10] = [
        // F.cross_entropy(logits, labels)
        (
            off(),
            labels(),
            0.806_163_183,
            [
                -0.102_550_584,
                0.032_900_412,
                0.069_650_172,
                0.031_176_869,
                -0.041_554_747,
                0.010_377_878,
                0.039_470_342,
                0.079_483_508,
                -0.118_953_85,
                -0.211_429_807,
                0.038_570_193,
                0.172_859_614,
            ],
        ),
        // F.cross_entropy(logits, labels, label_smoothing=0.1)
        (
            CrossEntropy { smoothing: 0.1, ..off() },
            labels(),
            0.867_413_183,
            [
                -0.085_883_917,
                0.024_567_078,
                0.061_316_839,
                0.022_843_535,
                -0.024_888_08,
                0.002_044_545,
                0.031_137_009,
                0.071_150_175,
                -0.102_287_183,
                -0.194_763_14,
                0.030_236_86,
                0.164_526_28,
            ],
        ),
        // F.cross_entropy(logits, labels, weight=weights)
        (
            CrossEntropy { class_weights: weights(), ..off() },
            labels(),
            0.557_514_498,
            [
                -0.048_259_098,
                0.015_482_547,
                0.032_776_552,
                0.058_685_871,
                -0.078_220_7,
                0.019_534_829,
                0.046_435_696,
                0.093_510_009,
                -0.139_945_706,
                -0.099_496_38,
                0.018_150_679,
                0.081_345_7,
            ],
        ),
        // the same with label_smoothing=0.1
        (
            CrossEntropy { smoothing: 0.1, class_weights: weights(), ..off() },
            labels(),
            0.662_194_011,
            [
                -0.030_007_767,
                0.002_118_654,
                0.027_889_113,
                0.052_563_582,
                -0.061_561_933,
                0.008_998_352,
                0.042_514_128,
                0.077_823_735,
                -0.120_337_863,
                -0.088_930_641,
                0.005_187_007,
                0.083_743_634,
            ],
        ),
        // 0.7 F.cross_entropy(logits, labels) + 0.3 F.cross_entropy(logits, labels.flip(0))
        (
            off(),
            mixed(),
            1.068_663_183,
            [
                -0.102_550_584,
                0.032_900_412,
                0.069_650_172,
                0.031_176_869,
                0.033_445_253,
                -0.064_622_122,
                0.039_470_342,
                0.004_483_508,
                -0.043_953_85,
                -0.211_429_807,
                0.038_570_193,
                0.172_859_614,
            ],
        ),
        // the same with label_smoothing=0.1
        (
            CrossEntropy { smoothing: 0.1, ..off() },
            mixed(),
            1.103_663_183,
            [
                -0.085_883_917,
                0.024_567_078,
                0.061_316_839,
                0.022_843_535,
                0.042_611_92,
                -0.065_455_455,
                0.031_137_009,
                0.003_650_175,
                -0.034_787_183,
                -0.194_763_14,
                0.030_236_86,
                0.164_526_28,
            ],
        ),
        // the same with weight=weights
        (
            CrossEntropy { class_weights: weights(), ..off() },
            mixed(),
            0.917_380_039,
            [
                -0.048_259_098,
                0.015_482_547,
                0.032_776_552,
                0.052_083_71,
                0.018_814_423,
                -0.070_898_133,
                0.054_794_122,
                -0.030_834_66,
                -0.023_959_462,
                -0.099_496_38,
                0.018_150_679,
                0.081_345_7,
            ],
        ),
        // mean((1 - p)^2 * -log p)
        (
            CrossEntropy { focal: 2.0, ..off() },
            labels(),
            0.394_217_325,
            [
                -0.043_454_686,
                0.013_941_189,
                0.029_513_497,
                0.002_432_29,
                -0.003_241_929,
                0.000_809_639,
                0.021_653_445,
                0.043_604_684,
                -0.065_258_129,
                -0.254_342_374,
                0.046_398_541,
                0.207_943_833,
            ],
        ),
        // sum(w (1 - p)^2 * -log p) / sum(w)
        (
            CrossEntropy { focal: 2.0, class_weights: weights(), ..off() },
            labels(),
            0.213_092_767,
            [
                -0.020_449_264,
                0.006_560_559,
                0.013_888_704,
                0.004_578_429,
                -0.006_102_455,
                0.001_524_027,
                0.025_474_641,
                0.051_299_628,
                -0.076_774_27,
                -0.119_690_529,
                0.021_834_607,
                0.097_855_922,
            ],
        ),
        // 0.6 F.cross_entropy + 0.4 * 9 F.kl_div(log_softmax(logits / 3), log_softmax(teacher / 3),
        // log_target=True, reduction="batchmean")
        (
            CrossEntropy { distill: Some(Distill { temperature: 3.0, share: 0.4 }), ..off() },
            taught(),
            0.622_941_664,
            [
                -0.048_244_952,
                -0.002_419_561,
                0.050_664_513,
                -0.007_857_797,
                0.022_635_138,
                -0.014_777_341,
                0.021_711_817,
                0.089_926_086,
                -0.111_637_903,
                -0.147_988_528,
                0.005_399_728,
                0.142_588_799,
            ],
        ),
    ];
    for (loss, classes, expected, gradient) in rows {
        loss.check().unwrap();
        let x = logits();
        close(loss.mean(x.clone(), &classes), &x, expected, &gradient, &format!("{loss:?}"));
    }
}

/// `F.mse_loss`, `F.l1_loss` and `F.huber_loss(delta=0.4)`.
#[test]
fn regressions_are_pytorchs() {
    for (loss, expected, gradient) in [
        (Regression::Mse, 0.635, [0.25, -0.75, 0.1, 0.0]),
        (Regression::Mae, 0.55, [0.25, -0.25, 0.25, 0.0]),
        (Regression::Huber { delta: 0.4 }, 0.165, [0.1, -0.1, 0.05, 0.0]),
    ] {
        loss.check().unwrap();
        let device = Device::flex().autodiff();
        let on = (&device, DType::F64);
        let x = Tensor::<2>::from_data([[0.5], [-1.0], [3.0], [0.0]], on).require_grad();
        let targets = Tensor::from_data([[0.0], [0.5], [2.8], [0.0]], on);
        close(loss.mean(x.clone(), targets), &x, expected, &gradient, &format!("{loss:?}"));
    }
}

/// An example that is certainly right has a loss of zero, and no slope that is no number.
#[test]
fn certainty_has_a_slope() {
    for focal in [0.5, 1.0, 2.0] {
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_data([[200.0, 0.0]], (&device, DType::F32)).require_grad();
        let classes = Classes { labels: vec![0], mix: None, teacher: None };
        let loss = CrossEntropy { focal, ..off() }.mean(x.clone(), &classes);
        let gradient = x.grad(&loss.clone().backward()).unwrap();
        assert_eq!(loss.into_scalar::<f32>(), 0.0);
        assert!(gradient.into_data().iter::<f32>().all(|slope| slope.abs() < 1e-6), "{focal}");
    }
}

/// Evaluation has no teacher, and a teacher may come from any device.
#[test]
fn teachers_may_be_missing_or_tracked() {
    let distill = Some(Distill { temperature: 3.0, share: 0.4 });
    let loss = CrossEntropy { distill, ..off() };
    let value = |classes: &Classes| loss.mean(logits(), classes).into_scalar::<f64>();
    assert!((value(&labels()) - 0.806_163_182_553).abs() < 1e-9);
    let tracked = taught().teacher.map(|teacher| Tensor::from_inner(teacher).require_grad());
    assert_eq!(value(&Classes { teacher: tracked, ..labels() }), value(&taught()));
}

#[test]
#[should_panic = "a label that is none of 3"]
fn a_label_beyond_the_classes_panics() {
    off().mean(logits(), &Classes { labels: vec![0, 1, 2, 3], mix: None, teacher: None });
}

#[test]
fn everything_wrong_is_named() {
    let wrong = CrossEntropy {
        smoothing: 1.5,
        class_weights: Some(vec![1.0, 0.0, f32::NAN]),
        focal: 2.0,
        distill: Some(Distill { temperature: 0.0, share: -1.0 }),
    };
    let message = wrong.check().unwrap_err();
    for part in ["smoothing is", "both on", "weights[1]", "weights[2]", "temperature", "share"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    CrossEntropy { focal: f64::INFINITY, ..off() }.check().unwrap_err();
    Regression::Huber { delta: 0.0 }.check().unwrap_err();
}
