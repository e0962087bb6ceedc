//! Values and gradients against PyTorch's in float64.

use super::*;
use burn::tensor::DType;

fn off() -> CrossEntropy {
    CrossEntropy::default()
}

fn weights() -> Option<Vec<f32>> {
    Some(vec![0.5, 2.0, 1.25])
}

fn labels() -> BatchTarget {
    BatchTarget::new(vec![0, 1, 2, 0])
}

fn mixed() -> BatchTarget {
    BatchTarget { mix: Some(Mix { places: vec![3, 2, 1, 0], share: 0.3 }), ..labels() }
}

fn taught() -> BatchTarget {
    let teacher = [[0.5, 0.1, -0.2], [1.0, 1.0, 0.0], [0.0, -1.0, 2.0], [0.3, 0.2, 0.1]];
    let device = Device::flex();
    BatchTarget { teacher: Some(Tensor::from_data(teacher, (&device, DType::F64))), ..labels() }
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
    let rows: [(CrossEntropy, BatchTarget, f64, [f64; 12]); 10] = [
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

/// `(F.cross_entropy(reduction="none") * weights).mean()`, and by hand with what is added to it.
#[test]
fn examples_count_by_their_weights() {
    let weighted =
        |classes: BatchTarget| BatchTarget { weights: Some(vec![1.0, 0.5, 0.0, 3.0]), ..classes };
    let distill = Some(Distill { temperature: 3.0, share: 0.4 });
    let rows: [(CrossEntropy, BatchTarget, f64, [f64; 12]); 5] = [
        (
            off(),
            labels(),
            1.556_452_848,
            [
                -0.102_550_584,
                0.032_900_412,
                0.069_650_172,
                0.015_588_434,
                -0.020_777_373,
                0.005_188_939,
                0.0,
                0.0,
                0.0,
                -0.634_289_42,
                0.115_710_58,
                0.518_578_841,
            ],
        ),
        (
            CrossEntropy { class_weights: weights(), ..off() },
            labels(),
            0.764_528_014,
            [
                -0.048_259_098,
                0.015_482_547,
                0.032_776_552,
                0.029_342_935,
                -0.039_110_35,
                0.009_767_415,
                0.0,
                0.0,
                0.0,
                -0.298_489_139,
                0.054_452_038,
                0.244_037_101,
            ],
        ),
        (
            CrossEntropy { smoothing: 0.1, class_weights: weights(), ..off() },
            labels(),
            0.876_383_391,
            [
                -0.030_007_767,
                0.002_118_654,
                0.027_889_113,
                0.026_281_791,
                -0.030_780_967,
                0.004_499_176,
                0.0,
                0.0,
                0.0,
                -0.266_791_922,
                0.015_561_02,
                0.251_230_902,
            ],
        ),
        (
            off(),
            mixed(),
            1.391_456_797,
            [
                -0.164_080_935,
                0.052_640_659,
                0.111_440_276,
                0.010_911_904,
                -0.014_544_161,
                0.003_632_257,
                0.005_920_551,
                -0.025_577_474,
                0.019_656_923,
                -0.507_431_536,
                0.092_568_464,
                0.414_863_072,
            ],
        ),
        (
            CrossEntropy { distill, ..off() },
            taught(),
            1.063_473_175,
            [
                -0.048_244_952,
                -0.002_419_561,
                0.050_664_513,
                -0.003_928_899,
                0.011_317_569,
                -0.007_388_67,
                0.0,
                0.0,
                0.0,
                -0.443_965_584,
                0.016_199_185,
                0.427_766_398,
            ],
        ),
    ];
    for (loss, classes, expected, gradient) in rows {
        let x = logits();
        let found = loss.mean(x.clone(), &weighted(classes));
        close(found, &x, expected, &gradient, &format!("{loss:?}"));
    }
}

fn tags() -> BatchTarget<Vec<usize>> {
    BatchTarget::new(vec![vec![0, 2], vec![1], vec![], vec![0, 1, 2]])
}

/// `F.binary_cross_entropy_with_logits`, with `pos_weight`, with smoothed and mixed targets, and weighed by hand.
#[test]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn binary_cross_entropies_are_pytorchs() {
    let plain = BinaryCrossEntropy::default;
    let positive = Some(vec![2.0, 0.5, 1.0]);
    let mix = Some(Mix { places: vec![3, 2, 1, 0], share: 0.3 });
    let weights = Some(vec![1.0, 0.5, 0.0, 3.0]);
    let rows: [(BinaryCrossEntropy, BatchTarget<Vec<usize>>, f64, [f64; 12]); 5] = [
        (
            plain(),
            tags(),
            0.570_341_372,
            [
                -0.022_411_785,
                0.031_461_722,
                -0.036_485_292,
                0.043_748_266,
                -0.009_933_577,
                0.022_411_785,
                0.035_463_124,
                0.049_890_638,
                0.059_245_792,
                -0.041_666_667,
                -0.041_666_667,
                -0.015_202_127,
            ],
        ),
        (
            BinaryCrossEntropy { positive_weights: positive, ..plain() },
            tags(),
            0.620_038_978,
            [
                -0.044_823_57,
                0.031_461_722,
                -0.036_485_292,
                0.043_748_266,
                -0.004_966_788,
                0.022_411_785,
                0.035_463_124,
                0.049_890_638,
                0.059_245_792,
                -0.083_333_333,
                -0.020_833_333,
                -0.015_202_127,
            ],
        ),
        (
            BinaryCrossEntropy { smoothing: 0.2, ..plain() },
            tags(),
            0.613_258_038,
            [
                -0.014_078_452,
                0.023_128_389,
                -0.028_151_958,
                0.035_414_932,
                -0.001_600_244,
                0.014_078_452,
                0.027_129_79,
                0.041_557_305,
                0.050_912_459,
                -0.033_333_333,
                -0.033_333_333,
                -0.006_868_794,
            ],
        ),
        (
            plain(),
            BatchTarget { weights, ..tags() },
            0.559_891_182,
            [
                -0.022_411_785,
                0.031_461_722,
                -0.036_485_292,
                0.021_874_133,
                -0.004_966_788,
                0.011_205_893,
                0.0,
                0.0,
                0.0,
                -0.125,
                -0.125,
                -0.045_606_381,
            ],
        ),
        (
            plain(),
            BatchTarget { mix, ..tags() },
            0.622_841_372,
            [
                -0.022_411_785,
                0.006_461_722,
                -0.036_485_292,
                0.043_748_266,
                0.015_066_423,
                0.022_411_785,
                0.035_463_124,
                0.024_890_638,
                0.059_245_792,
                -0.041_666_667,
                -0.016_666_667,
                -0.015_202_127,
            ],
        ),
    ];
    for (loss, tags, expected, gradient) in rows {
        loss.check().unwrap();
        let x = logits();
        close(loss.mean(x.clone(), &tags), &x, expected, &gradient, &format!("{loss:?}"));
    }
    let far = Tensor::<2>::from_data([[1e4, -1e4, 1e4]], (&Device::flex(), DType::F32));
    let value =
        |labels| plain().mean(far.clone(), &BatchTarget::new(vec![labels])).into_scalar::<f32>();
    assert_eq!(value(vec![0, 2]), 0.0);
    assert!((value(vec![1]) - 1e4).abs() < 1.0);
    let wrong = BinaryCrossEntropy { smoothing: 2.0, positive_weights: Some(vec![0.0]) };
    let message = wrong.check().unwrap_err();
    assert!(message.contains("smoothing") && message.contains("positive_weights[0]"), "{message}");
}

/// `F.mse_loss`, `F.l1_loss` and `F.huber_loss(delta=0.4)`.
#[test]
fn regressions_are_pytorchs() {
    for (loss, expected, gradient) in [
        (RegressionLoss::Mse, 0.635, [0.25, -0.75, 0.1, 0.0]),
        (RegressionLoss::Mae, 0.55, [0.25, -0.25, 0.25, 0.0]),
        (RegressionLoss::Huber { delta: 0.4 }, 0.165, [0.1, -0.1, 0.05, 0.0]),
    ] {
        loss.check().unwrap();
        let device = Device::flex().autodiff();
        let on = (&device, DType::F64);
        let x = Tensor::<2>::from_data([[0.5], [-1.0], [3.0], [0.0]], on).require_grad();
        let targets = Tensor::from_data([[0.0], [0.5], [2.8], [0.0]], on);
        close(loss.mean(x.clone(), targets), &x, expected, &gradient, &format!("{loss:?}"));
    }
}

/// An example that is certainly right has a loss of zero, and no slope that is NaN.
#[test]
fn certainty_has_a_slope() {
    for focal in [0.5, 1.0, 2.0] {
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::from_data([[200.0, 0.0]], (&device, DType::F32)).require_grad();
        let classes = BatchTarget::new(vec![0]);
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
    let value = |classes: &BatchTarget| loss.mean(logits(), classes).into_scalar::<f64>();
    assert!((value(&labels()) - 0.806_163_182_553).abs() < 1e-9);
    let tracked = taught().teacher.map(|teacher| Tensor::from_inner(teacher).require_grad());
    assert_eq!(value(&BatchTarget { teacher: tracked, ..labels() }), value(&taught()));
}

#[test]
#[should_panic = "a label that is none of 3"]
fn a_label_beyond_the_classes_panics() {
    off().mean(logits(), &BatchTarget::new(vec![0, 1, 2, 3]));
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
    RegressionLoss::Huber { delta: 0.0 }.check().unwrap_err();
}

#[test]
fn contrastive_losses_are_pytorchs() {
    // Of F.cosine_similarity of each two rows, squared against 1 or 0: the mean over pairs of a label and the mean over the
    // others, and the mean of both.
    let rows = [
        (
            [0, 1, 0, 1],
            1.030_455_931,
            [
                -0.004_456_221,
                -0.218_086_125,
                -0.418_347_368,
                -0.049_356_386,
                -0.129_992_042,
                -0.264_919_723,
                -0.428_370_792,
                0.122_492_166,
                -0.197_231_227,
                -0.032_252_393,
                -0.390_181_142,
                0.000_000_000,
            ],
        ),
        (
            [0, 0, 0, 1],
            0.957_680_359,
            [
                -0.164_366_811,
                -0.390_925_934,
                -0.124_384_622,
                -0.148_490_861,
                -0.087_908_425,
                -0.190_665_937,
                -0.258_936_282,
                -0.271_146_488,
                0.034_197_456,
                -0.018_711_305,
                -0.034_403_789,
                0.000_000_000,
            ],
        ),
        (
            [0, 0, 0, 0],
            1.242_477_654,
            [
                -0.108_946_395,
                -0.418_636_142,
                -0.401_486_705,
                -0.151_463_363,
                -0.147_358_466,
                -0.309_863_267,
                -0.341_403_950,
                -0.161_189_598,
                -0.042_161_495,
                -0.157_858_528,
                -0.222_317_715,
                0.000_000_000,
            ],
        ),
        (
            [0, 1, 2, 3],
            0.211_672_044,
            [
                -0.063_040_536,
                -0.104_458_747,
                0.043_244_648,
                -0.058_535_495,
                -0.027_862_324,
                -0.061_578_197,
                0.010_814_036,
                -0.086_732_907,
                0.042_152_637,
                -0.018_711_305,
                -0.034_403_789,
                0.000_000_000,
            ],
        ),
    ];
    for (labels, expected, gradient) in rows {
        let x = logits();
        let loss = contrastive(x.clone(), |one, other| labels[one] == labels[other]);
        close(loss, &x, expected, &gradient, &format!("{labels:?}"));
    }
    // One embedding has no pairs.
    let x = logits().narrow(0, 0, 1);
    let loss: f64 = contrastive(x, |_, _| true).into_scalar();
    assert_eq!(loss, 0.0);
}
