//! Values that cannot be right, and sets of weights.

use std::path::Path;

use burn::{
    module::Param,
    nn::{Linear, LinearConfig},
};
use rekindle_layers::{BatchNorm, BatchNormConfig};

use super::*;

#[derive(Module, Debug)]
struct Net {
    bn: BatchNorm,
    fc: Linear,
}

fn net() -> Net {
    let device = Device::flex();
    let bn = BatchNormConfig { channels: 2, epsilon: 1e-5 }.init(&device);
    Net { bn, fc: LinearConfig::new(2, 2).init(&device) }
}

#[test]
#[allow(clippy::type_complexity, reason = "the columns of a table")]
fn nan_infinity_and_negative_variances_are_errors_with_names() {
    let naming = Naming {
        trunk: "",
        head: "fc",
        landmarks: Landmarks { first_convolution: "", classifier: "fc" },
        further: &[],
        rules: Rules::default(),
    };
    let good: [(&str, &[usize], Vec<f32>); 6] = [
        ("bn.weight", &[2], vec![1.0, -1.0]),
        ("bn.bias", &[2], vec![0.0; 2]),
        ("bn.running_mean", &[2], vec![-1.0, 0.0]),
        ("bn.running_var", &[2], vec![0.0, 1.0]),
        ("fc.weight", &[2, 2], vec![0.5; 4]),
        ("fc.bias", &[2], vec![0.5; 2]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let odd = "1 of 2 values are NaN or infinite";
    // Values that are put at the start of tensors, and the lines of the error.
    let rows: [(&[(usize, f32)], &[&str]); 7] = [
        (&[], &[]),
        (&[(0, f32::NAN)], &[&format!("bn.weight: {odd}")]),
        (&[(2, f32::INFINITY)], &[&format!("bn.running_mean: {odd}")]),
        (&[(3, f32::NAN)], &[&format!("bn.running_var: {odd}")]),
        (&[(3, -1e-9)], &["bn.running_var: 1 of 2 variances are negative"]),
        (
            &[(4, f32::NEG_INFINITY), (0, f32::NAN)],
            &[&format!("bn.weight: {odd}"), "fc.weight: 1 of 4 values are NaN or infinite"],
        ),
        (&[(3, -0.0)], &[]),
    ];
    for (changes, expected) in rows {
        let mut tensors = good.clone();
        for (place, value) in changes {
            tensors[*place].2[0] = *value;
        }
        let file = file_of(&path, &tensors);
        match load(net(), &file, &naming, HeadPolicy::Required) {
            Ok(_) => assert!(expected.is_empty(), "{changes:?}"),
            Err(error) => {
                assert!(matches!(error, Error::Values { .. }), "{error}");
                let text = error.to_string();
                assert!(text.contains("take an earlier epoch"), "{text}");
                assert_eq!(problems(error), expected, "{changes:?}");
            }
        }
        // A head that is not read may hold anything.
        let head_alone = changes.iter().all(|(place, _)| *place > 3);
        let fresh = load(net(), &file, &naming, HeadPolicy::Fresh);
        assert_eq!(fresh.is_ok(), head_alone || expected.is_empty(), "{changes:?}");
    }
}

/// As `tests/reference/make_pth.py` wrote it: averages of one tensor beside the weights.
#[test]
fn the_report_says_which_set_of_weights_was_taken() {
    #[derive(Module, Debug)]
    struct One {
        float: Param<Tensor<1>>,
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rekindle-files/tests/fixtures");
    let path = fixtures.join("nested_zip.pth");
    let module =
        |count: usize| One { float: Param::from_tensor(Tensor::ones([count], &Device::flex())) };
    let file = CheckpointFile::open(&path).unwrap();
    let (module, report) = load(module(1), &file, &naming(&[]), HeadPolicy::Required).unwrap();
    assert_eq!(values(&module)["float"], [0.0]);
    assert_eq!(
        (report.set.as_deref(), report.other_sets.as_slice()),
        (Some("model_ema"), &["state_dict".to_owned()][..])
    );
    let text = report.to_string();
    assert!(text.contains("model_ema") && text.contains("the file has state_dict too"), "{text}");
}
