use super::*;
use crate::{CropMode, Interpolation};

const NESTED: &str = r#"{
    "architecture": "resnet20_cifar", "num_classes": 3, "num_features": 64, "global_pool": "avg",
    "pretrained_cfg": {
        "tag": "cifar10", "custom_load": false, "input_size": [3, 32, 48], "fixed_input_size": false,
        "test_input_size": [3, 40, 56], "test_crop_pct": 1.0, "interpolation": "bilinear",
        "crop_pct": 0.95, "crop_mode": "squash", "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
        "num_classes": 1000, "pool_size": null, "first_conv": "conv1", "classifier": "linear",
        "license": "bsd-2-clause"
    },
    "label_names": ["n1", "n2", "n3"], "label_descriptions": { "n1": "airplane", "n3": "ship" }
}"#;

const FLAT: &str = r#"{
    "architecture": "resnet18", "num_classes": 2, "num_features": 512, "input_size": [3, 160, 160],
    "interpolation": "bilinear", "crop_pct": 0.9, "mean": [0.5], "std": [0.5], "first_conv": "conv1",
    "classifier": "fc", "labels": ["ant", "bee"]
}"#;

fn refused(text: &str) -> String {
    HubConfig::from_json(text).unwrap_err().to_string()
}

#[test]
fn both_styles_are_read() {
    let nested = HubConfig::from_json(NESTED).unwrap();
    assert_eq!((nested.name().as_str(), nested.classes), ("resnet20_cifar.cifar10", 3));
    assert_eq!((nested.features, nested.classifier.as_deref()), (Some(64), Some("linear")));
    assert_eq!(
        (nested.first_conv.as_deref(), nested.license.as_deref()),
        (Some("conv1"), Some("bsd-2-clause"))
    );
    assert_eq!(nested.preprocessing.input_size, [3, 32, 48]);
    assert_eq!(nested.preprocessing.crop_mode, CropMode::Squash);
    assert_eq!(nested.test_preprocessing().input_size, [3, 40, 56]);
    assert_eq!((nested.test_preprocessing().crop_pct, nested.preprocessing.crop_pct), (1.0, 0.95));

    let flat = HubConfig::from_json(FLAT).unwrap();
    assert_eq!((flat.name().as_str(), flat.classes, flat.features), ("resnet18", 2, Some(512)));
    assert_eq!((flat.preprocessing.input_size, flat.preprocessing.crop_pct), ([3, 160, 160], 0.9));
    assert_eq!(flat.test_preprocessing(), flat.preprocessing);
    assert_eq!(flat.labels, ["ant", "bee"]);
}

#[test]
fn what_is_missing_is_what_timm_would_take() {
    let config =
        HubConfig::from_json(r#"{"architecture": "resnet18", "num_classes": 1000}"#).unwrap();
    let expected = Preprocessing {
        input_size: [3, 224, 224],
        interpolation: Interpolation::Bicubic,
        crop_pct: 0.875,
        crop_mode: CropMode::Center,
        mean: vec![0.485, 0.456, 0.406],
        std: vec![0.229, 0.224, 0.225],
    };
    assert_eq!(config.preprocessing, expected);
    assert!(config.labels.is_empty() && config.license.is_none() && config.tag.is_empty());
}

#[test]
fn a_class_is_called_by_its_description() {
    let config = HubConfig::from_json(NESTED).unwrap();
    let labels: Vec<_> = (0..4).map(|class| config.label(class)).collect();
    assert_eq!(labels, [Some("airplane"), Some("n2"), Some("ship"), None]);
}

#[test]
fn labels_may_be_an_object_from_class_to_name() {
    let names = |object: &str| {
        FLAT.replace(r#""labels": ["ant", "bee"]"#, &format!(r#""label_names": {object}"#))
    };
    let config = HubConfig::from_json(&names(r#"{"1": "bee", "0": "ant"}"#)).unwrap();
    assert_eq!(config.labels, ["ant", "bee"]);
    assert!(refused(&names(r#"{"0": "ant", "2": "bee"}"#)).contains("leaves out a class"));
    assert!(refused(&names(r#"{"zero": "ant"}"#)).contains("label_names"));
}

#[test]
fn writing_and_reading_changes_nothing() {
    for text in [NESTED, FLAT] {
        let config = HubConfig::from_json(text).unwrap();
        assert_eq!(HubConfig::from_json(&config.to_json().unwrap()).unwrap(), config);
    }
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let mut config = HubConfig::from_json(NESTED).unwrap();
    config.preprocessing.crop_pct = f64::NAN;
    config.labels.truncate(1);
    let message = config.to_json().unwrap_err().to_string();
    assert!(
        message.contains("crop_pct is NaN") && message.contains("label_names has 1 names"),
        "{message}"
    );
}

#[test]
fn a_bad_config_is_an_error_that_names_the_key() {
    let check = |from: &str, to: &str, named: &str| {
        let text = NESTED.replacen(from, to, 1);
        assert_ne!(text, NESTED, "{from}");
        let message = refused(&text);
        assert!(message.contains(named), "no `{named}` in: {message}");
    };
    check("\"architecture\"", "\"architect\"", "architecture is missing");
    check("\"resnet20_cifar\"", "\"\"", "architecture is empty");
    check("\"resnet20_cifar\"", "20", "architecture is 20, not a name");
    check("\"num_classes\": 3", "\"num_classes\": 4", "label_names has 3 names, num_classes is 4");
    check("\"num_classes\": 3", "\"num_classes\": -3", "num_classes is -3, not a count");
    check("[3, 32, 48]", "[32, 48]", "input_size is [32,48], not channels, height and width");
    check("[3, 32, 48]", "[3, 32, 0]", "input_size has a width of 0");
    check("[3, 40, 56]", "[3, 40, 100000]", "test size: input_size has a width of 100000");
    check("0.95", "\"most\"", "crop_pct is \"most\", not a number");
    check("0.95", "1.2", "crop_pct is 1.2, outside (0, 1]");
    check("\"bilinear\"", "\"random\"", "interpolation is \"random\", not nearest");
    check("\"squash\"", "\"zoom\"", "crop_mode is \"zoom\", not center");
    check("[0.5, 0.5, 0.5]", "[0.5, 0.5]", "mean has 2 values");
    check("[0.25, 0.25, 0.25]", "[0.25, 0, 0.25]", "std holds 0");
    check("[0.25, 0.25, 0.25]", "0.25", "std is 0.25, not a list of numbers");
    check("\"n2\"", "2", "label_names is");
    check("{ \"n1\": \"airplane\", \"n3\": \"ship\" }", "[]", "label_descriptions is []");
    assert!(
        refused(r#"{"architecture": "a", "num_classes": 1, "pretrained_cfg": 3}"#)
            .contains("pretrained_cfg is 3")
    );
    assert!(refused(r#"{"pretrained_cfg": {}}"#).contains("2 problems"));
    assert!(refused("[]").contains("not an object"));
    assert!(refused("").contains("not JSON"));
    assert!(refused(&"[".repeat(100_000)).contains("not JSON"));
}

#[test]
fn a_truncated_config_is_not_json() {
    for end in 0..NESTED.len() {
        assert!(refused(&NESTED[..end]).contains("not JSON"), "cut at {end}");
    }
}

#[test]
fn published_configs_are_read() {
    let Some(data) = rekindle_skip::real_data() else { return };
    let check = |folder: &str, name: &str, labels: &[&str]| {
        let path = std::path::Path::new(&data).join("weights").join(folder).join("config.json");
        let config = HubConfig::from_json(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!((config.name().as_str(), config.labels.len()), (name, config.classes));
        for (class, label) in labels.iter().enumerate() {
            assert_eq!(config.label(class), Some(*label));
        }
        assert_eq!(HubConfig::from_json(&config.to_json().unwrap()).unwrap(), config);
    };
    check("resnet18.ktb_in1k", "resnet18.ktb_in1k", &["tench", "goldfish"]);
    check("mobilenetv2_100.qat_in1k", "mobilenetv2_100.qat_in1k", &["tench", "goldfish"]);
    check("resnet20.cifar10", "resnet20_cifar.cifar10", &["airplane", "automobile"]);
    check("resnet56.cifar10", "resnet56_cifar.cifar10", &["airplane", "automobile"]);
}
