//! What a wrapper has put before every name.

use burn::nn::{Linear, LinearConfig};

use super::*;

#[derive(Module, Debug)]
struct Net {
    layer1: Vec<Linear>,
    fc: Linear,
}

fn net() -> Net {
    let linear = || LinearConfig::new(2, 2).init(&Device::flex());
    Net { layer1: vec![linear(), linear()], fc: linear() }
}

fn naming() -> Naming {
    let landmarks = Landmarks { first_convolution: "", classifier: "fc" };
    Naming { trunk: "", head: "fc", landmarks, further: &[], rules: Rules::default() }
}

const NAMES: [&str; 6] = [
    "layer1.0.weight",
    "layer1.0.bias",
    "layer1.1.weight",
    "layer1.1.bias",
    "fc.weight",
    "fc.bias",
];

fn shape(name: &str) -> &'static [usize] {
    if name.ends_with("weight") { &[2, 2] } else { &[2] }
}

/// Loads a file of tensors with these names; each is of the shape of what it ends in.
fn load_names(names: &[String]) -> Result<LoadReport, Error> {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Row<'_>> = names.iter().map(|name| (name.as_str(), shape(name), 0.0)).collect();
    let file = file(&folder.path().join("a.safetensors"), &rows);
    load(net(), &file, &naming(), HeadPolicy::Required).map(|(_, report)| report)
}

#[test]
fn one_prefix_for_all_names_is_dropped_and_said() {
    for prefix in [
        "",
        "model.",
        "net.",
        "module.",
        "_orig_mod.",
        "timm_model.",
        "backbone.",
        "module._orig_mod.",
        "_orig_mod.module.model.",
        "layer1.",
        "student.0.",
    ] {
        let names = NAMES.map(|name| format!("{prefix}{name}"));
        let report = load_names(&names).unwrap();
        assert_eq!(report.prefix, prefix);
        assert_eq!(report.loaded, NAMES, "{prefix}");
        assert_eq!(report.to_string().contains("before every name"), !prefix.is_empty());

        // A counter of averaged steps stands beside the wrapped network in PyTorch's `AveragedModel`.
        let mut more = names.to_vec();
        more.push("n_averaged".to_owned());
        more.push(format!("{prefix}layer1.num_batches_tracked"));
        let report = load_names(&more).unwrap();
        let unused: Vec<&str> = report.unused.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((report.prefix.as_str(), unused.len()), (prefix, 2), "{report}");

        // What is wrong behind a prefix is said as it is without.
        let renamed: Vec<String> =
            names.iter().map(|name| name.replace("fc.bias", "fc.scale")).collect();
        let lines = problems(load_names(&renamed).unwrap_err());
        let expected =
            ["missing: fc.bias [2]".to_owned(), format!("left over: {prefix}fc.scale [2]")];
        assert_eq!(lines, expected, "{prefix}");
    }
}

#[test]
fn a_prefix_of_some_names_is_one_line() {
    for (prefix, other, outside) in [
        ("backbone.", "head.", "head.fc.bias, head.fc.weight"),
        ("model.", "", "fc.bias, fc.weight"),
    ] {
        let names = NAMES.map(|name| match name.starts_with("fc") {
            true => format!("{other}{name}"),
            false => format!("{prefix}{name}"),
        });
        let lines = problems(load_names(&names).unwrap_err());
        let expected = format!(
            "`{prefix}` stands before 4 of the network's 6 names, but not before {outside}: save the \
             file again without it"
        );
        assert_eq!(lines, [expected]);
    }
}

#[test]
fn names_of_another_kind_are_one_line() {
    let names = ["encoder.a", "encoder.b", "encoder.c", "encoder.d"].map(str::to_owned);
    let lines = problems(load_names(&names).unwrap_err());
    let expected = "no name of the file is one of the network's: the file has encoder.a, encoder.b, encoder.c and 1 \
                    more, the network fc.bias, fc.weight, layer1.0.bias and 3 more";
    assert_eq!(lines, [expected]);
}

#[test]
fn the_classifier_is_found_behind_a_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    for (names, classes) in [
        (["fc.weight", "fc.bias"], Some(2)),
        (["model.fc.weight", "model.fc.bias"], Some(2)),
        (["model.fc.weight", "other.bias"], None),
        (["fc.bias", "a.weight"], None),
    ] {
        let rows = names.map(|name| (name, shape(name), 0.0));
        assert_eq!(naming().classes_in(&file(&path, &rows)), classes, "{names:?}");
    }
}
