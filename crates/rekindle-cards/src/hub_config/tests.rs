use super::*;
use crate::{
    Column, ColumnKind, CropMode, Interpolation, LossSpec, Scaling, SeriesInput, TableInput,
    TargetColumn, TextInput,
};

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
    assert_eq!(nested.image().unwrap().input_size, [3, 32, 48]);
    assert_eq!(nested.image().unwrap().crop_mode, CropMode::Squash);
    let test = nested.test_image().unwrap();
    assert_eq!((test.input_size, test.crop_pct), ([3, 40, 56], 1.0));
    assert_eq!(nested.image().unwrap().crop_pct, 0.95);

    let flat = HubConfig::from_json(FLAT).unwrap();
    assert_eq!((flat.name().as_str(), flat.classes, flat.features), ("resnet18", 2, Some(512)));
    let image = flat.image().unwrap();
    assert_eq!((image.input_size, image.crop_pct), ([3, 160, 160], 0.9));
    assert_eq!(flat.test_image().unwrap(), *image);
    assert_eq!(flat.labels, ["ant", "bee"]);
}

/// As timm writes RepVGG and distilled transformers.
#[test]
fn the_first_of_several_layers_counts() {
    let text = r#"{"architecture": "repvgg_a0", "num_classes": 1000, "classifier": ["head", "head_dist"],
        "first_conv": ["stem.conv_kxk.conv", "stem.conv_1x1.conv"]}"#;
    let config = HubConfig::from_json(text).unwrap();
    let found = (config.first_conv.as_deref(), config.classifier.as_deref());
    assert_eq!(found, (Some("stem.conv_kxk.conv"), Some("head")));
    let error = refused(r#"{"architecture": "a", "num_classes": 2, "classifier": [1]}"#);
    assert!(error.contains("classifier is [1], not a path or a list of paths"), "{error}");
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
    assert_eq!(config.input, InputSpec::Image(expected));
    assert_eq!((config.task, config.temperature), (TaskSpec::SingleLabel, None));
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
    // timm writes gaps where ids have them.
    let gaps = HubConfig::from_json(&names(r#"{"1": "bee"}"#)).unwrap();
    assert_eq!(gaps.labels, ["class 0", "bee"]);
    let beyond = refused(&names(r#"{"0": "ant", "2": "bee"}"#));
    assert!(beyond.contains("label_names names class 2, num_classes is 2"), "{beyond}");
    assert!(refused(&names(r#"{"zero": "ant"}"#)).contains("label_names"));
}

#[test]
fn writing_and_reading_changes_nothing() {
    for text in [NESTED, FLAT] {
        let config = HubConfig::from_json(text).unwrap();
        assert_eq!(HubConfig::from_json(&config.to_json().unwrap()).unwrap(), config);
    }
}

fn nested(change: impl Fn(&mut HubConfig)) -> HubConfig {
    let mut config = HubConfig::from_json(NESTED).unwrap();
    change(&mut config);
    config
}

fn inputs() -> Vec<InputSpec> {
    let text = InputSpec::Text(TextInput {
        tokenizer: "tokenizer.json".to_owned(),
        max_tokens: 256,
        columns: vec!["title".to_owned(), "body".to_owned()],
        context: 0,
    });
    let series = InputSpec::Series(SeriesInput {
        columns: vec!["y".to_owned()],
        input_length: 48,
        horizon: 24,
        season: Some(24),
        frequency: Some("hour".to_owned()),
        scaling: Scaling::Window,
        known: vec!["holiday".to_owned()],
        past: Vec::new(),
        fixed: Vec::new(),
    });
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let table = InputSpec::Table(TableInput {
        columns: vec![
            column("age", ColumnKind::Number { mean: 39.2, std: 14.0, missing: 39.0 }),
            column("region", ColumnKind::Category { values: vec!["north".to_owned()] }),
            column("smoker", ColumnKind::YesNo),
            column("since", ColumnKind::Date),
        ],
    });
    let image = HubConfig::from_json(NESTED).unwrap().input;
    let both = BTreeMap::from([("picture".to_owned(), image), ("words".to_owned(), text.clone())]);
    vec![text, series, table, InputSpec::Named(both)]
}

fn tasks() -> Vec<TaskSpec> {
    let target = |name: &str| TargetColumn { name: name.to_owned(), mean: 31.5, std: 12.25 };
    let targets: Vec<TargetColumn> = ["age", "size", "angle"].map(target).into();
    vec![
        TaskSpec::multi_label(3),
        TaskSpec::MultiLabel { thresholds: vec![0.25, 0.5, 1.0] },
        TaskSpec::Regression { targets: targets.clone(), loss: LossSpec::Mae },
        TaskSpec::Regression { targets, loss: LossSpec::Huber { delta: 1.5 } },
    ]
}

#[test]
fn inputs_and_tasks_survive_writing_and_reading() {
    let inputs = inputs().into_iter().map(|input| nested(|config| config.input = input.clone()));
    let tasks = tasks().into_iter().map(|task| nested(|config| config.task = task.clone()));
    let calibrated = nested(|config| config.temperature = Some(1.37));
    for config in inputs.chain(tasks).chain([calibrated]) {
        let text = config.to_json().unwrap();
        assert_eq!(HubConfig::from_json(&text).unwrap(), config, "{text}");
    }
}

/// timm reads the keys that it knows of the root and of `pretrained_cfg`, and no others of the root.
#[test]
fn what_timm_has_no_words_for_lies_under_one_key() {
    let keys = |config: &HubConfig| -> Vec<String> {
        let text = config.to_json().unwrap();
        let root: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
        root.into_iter().map(|(key, _)| key).collect()
    };
    let plain = HubConfig::from_json(NESTED).unwrap();
    assert!(!keys(&plain).contains(&"rekindle".to_owned()));
    for task in tasks() {
        let config = nested(|config| config.task = task.clone());
        let more: Vec<_> =
            keys(&config).into_iter().filter(|key| !keys(&plain).contains(key)).collect();
        assert_eq!(more, ["rekindle"]);
    }
}

#[test]
fn what_is_no_image_is_said() {
    for (input, said) in inputs().into_iter().zip([
        "takes texts of up to 256 tokens, not images",
        "takes series, 48 steps to forecast 24, not images",
        "takes rows of 4 columns, not images",
        "takes several inputs (picture: images of 32 x 48 pixels; words: texts",
    ]) {
        let config = nested(|config| config.input = input.clone());
        for error in [config.image().unwrap_err(), config.test_image().unwrap_err()] {
            let message = error.to_string();
            assert!(
                message.contains(said) && message.contains("resnet20_cifar.cifar10"),
                "no `{said}` in: {message}"
            );
        }
    }
}

#[test]
fn a_bad_part_of_our_own_is_an_error_that_names_it() {
    let deep = r#"{"input": {"named": {"a": {"named": {"b": {"named": {"c": {"named": {}}}}}}}}}"#;
    for (own, named) in [
        ("3", "rekindle: invalid type"),
        (r#"{"tasks": {}}"#, "unknown field `tasks`"),
        (r#"{"task": {"type": "ranking"}}"#, "unknown variant `ranking`"),
        (r#"{"task": {"type": "multi_label"}}"#, "missing field `thresholds`"),
        (
            r#"{"task": {"type": "multi_label", "thresholds": [0.5]}}"#,
            "thresholds has 1 values, num_classes is 3",
        ),
        (
            r#"{"task": {"type": "multi_label", "thresholds": [0.5, 0.5, 1.5]}}"#,
            "thresholds holds 1.5, not a probability",
        ),
        (
            r#"{"task": {"type": "multi_label", "thresholds": [0, 0, 0], "soft": 1}}"#,
            "unknown field `soft`",
        ),
        (
            r#"{"task": {"type": "regression", "loss": "mse", "targets": [{"name": "a", "mean": 0, "std": 0}]}}"#,
            "a: std is 0, not a positive number",
        ),
        (
            r#"{"task": {"type": "regression", "loss": "mse", "targets": []}}"#,
            "targets has 0 columns, num_classes is 3",
        ),
        (
            r#"{"task": {"type": "regression", "loss": "logcosh", "targets": []}}"#,
            "unknown variant `logcosh`",
        ),
        (
            r#"{"task": {"type": "regression", "loss": {"huber": {"delta": -1}}, "targets": []}}"#,
            "huber's delta is -1",
        ),
        (r#"{"temperature": 0}"#, "temperature is 0, not a positive number"),
        (r#"{"input": {"sound": {}}}"#, "unknown variant `sound`"),
        (
            r#"{"input": {"text": {"tokenizer": "../a.json", "max_tokens": 0}}}"#,
            "tokenizer `../a.json` is not a file beside the weights; max_tokens is 0",
        ),
        (
            r#"{"input": {"series": {"columns": ["y"], "input_length": 1, "horizon": 1, "known": ["y"]}}}"#,
            "columns holds `y` twice",
        ),
        (r#"{"input": {"table": {"columns": []}}}"#, "columns is empty"),
        (deep, "named is nested too deep"),
    ] {
        let text = NESTED.replacen('{', &format!("{{\"rekindle\": {own},"), 1);
        let message = refused(&text);
        assert!(message.contains(named), "no `{named}` in: {message}");
    }
}

#[test]
fn another_tools_config_is_named() {
    for (text, named) in [
        (
            r#"{"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 384}"#,
            "transformers (model_type is \"bert\")",
        ),
        (r#"{"architectures": ["ViTModel"]}"#, "transformers (architectures is [\"ViTModel\"])"),
        (r#"{"model_cfg": {}, "preprocess_cfg": {}}"#, "OpenCLIP"),
    ] {
        let message = refused(text);
        assert!(message.contains(named), "no `{named}` in: {message}");
    }
    assert!(refused(r#"{"hidden_size": 384}"#).contains("architecture is missing"));
    for (text, expected) in [
        (NESTED, true),
        (FLAT, true),
        ("not json", false),
        ("{\"model_type\": 1}", false),
        ("3", false),
    ] {
        assert_eq!(HubConfig::is_one(text), expected, "{text}");
    }
}

#[test]
fn a_config_of_transformers_is_told_from_ours_and_timms() {
    let text = HubConfig::from_card(crate::find("all-MiniLM-L6-v2").unwrap()).to_json().unwrap();
    let long = format!(r#"{{"model_type": "bert", "x": "{}"}}"#, "x".repeat(MAX_CONFIG_BYTES));
    for (text, expected) in [
        (r#"{"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 384}"#, true),
        (r#"{"model_type": "bert", "architecture": "all-MiniLM-L6-v2"}"#, false),
        (r#"{"architectures": ["ViTModel"]}"#, false),
        (NESTED, false),
        (FLAT, false),
        (&text, false),
        ("not json", false),
        ("[\"model_type\"]", false),
        ("", false),
        (&long, false),
    ] {
        assert_eq!(is_transformers(text), expected, "{:.80}", text);
    }
}

#[test]
fn a_saved_model_of_texts_is_read_as_such_and_never_as_one_of_images() {
    let card = crate::find("all-MiniLM-L6-v2").unwrap();
    let InputSpec::Text(text) = &card.input else { panic!("{:?}", card.input) };
    for columns in [vec![], vec!["title"], vec!["title", "body"]] {
        for (task, temperature) in [
            (TaskSpec::SingleLabel, None),
            (TaskSpec::SingleLabel, Some(1.37)),
            (tasks().remove(1), None),
            (tasks().remove(3), None),
        ] {
            let mut config = HubConfig::from_card(card);
            config.classes = 3;
            config.features = Some(384);
            let columns = columns.iter().map(|column| (*column).to_owned()).collect();
            config.input = InputSpec::Text(TextInput { columns, ..text.clone() });
            if task == TaskSpec::SingleLabel {
                config.labels = ["one", "two", "three"].map(str::to_owned).into();
            }
            (config.task, config.temperature) = (task, temperature);
            let text = config.to_json().unwrap();
            let read = HubConfig::from_json(&text).unwrap();
            assert_eq!(read, config, "{text}");
            assert_eq!((read.name().as_str(), read.input.kind()), ("all-MiniLM-L6-v2", "text"));
            assert!(HubConfig::is_one(&text) && !is_transformers(&text), "{text}");
            assert!(!text.contains("crop") && !text.contains("interpolation"), "{text}");

            // Without what is ours it would look like one of timm's.
            let mut root: serde_json::Map<String, Value> = serde_json::from_str(&text).unwrap();
            root.remove("rekindle");
            let message = refused(&serde_json::to_string(&root).unwrap());
            assert!(message.contains("all-MiniLM-L6-v2 takes texts of up to 256"), "{message}");
        }
    }
    let mut config = HubConfig::from_card(card);
    config.input = HubConfig::from_json(NESTED).unwrap().input;
    assert!(config.to_json().unwrap_err().to_string().contains("`rekindle.input` says of none"));
}

#[test]
fn arguments_of_timms_network_are_honored_or_named() {
    let with =
        |arguments: &str| NESTED.replacen('{', &format!("{{\"model_args\": {arguments},"), 1);
    for harmless in [
        r#"{"global_pool": "avg", "in_chans": 3, "num_classes": 3, "img_size": [32, 48]}"#,
        r#"{"drop_rate": 0.2, "drop_path_rate": 0.1, "output_stride": 32, "act_layer": null}"#,
    ] {
        let config = HubConfig::from_json(&with(harmless)).unwrap();
        assert_eq!(config, HubConfig::from_json(NESTED).unwrap(), "{harmless}");
    }
    for (argument, value) in [
        ("global_pool", "\"max\""),
        ("act_layer", "\"gelu\""),
        ("output_stride", "16"),
        ("in_chans", "1"),
        ("num_classes", "1000"),
        ("img_size", "32"),
        ("norm_layer", "\"layernorm\""),
    ] {
        let message = refused(&with(&format!("{{\"{argument}\": {value}}}")));
        assert!(message.contains(&format!("model_args.{argument} is {value}")), "{message}");
    }
}

#[test]
fn a_thousand_classes_without_names_are_imagenets() {
    let unnamed = r#"{"architecture": "resnet18", "num_classes": 1000}"#;
    let named = unnamed.replace("resnet18\"", "resnet18\", \"label_names\": {\"0\": \"mine\"}");
    let other = unnamed.replace("1000", "1001");
    let card = HubConfig::from_card(crate::find("resnet18").unwrap());
    let read = |text: &str| HubConfig::from_json(text).unwrap();
    for (config, class, expected) in [
        (&read(unnamed), 0, Some("tench")),
        (&card, 999, Some("toilet tissue")),
        (&card, 1000, None),
        (&read(&named), 0, Some("mine")),
        (&read(&named), 1, Some("class 1")),
        (&read(&other), 0, None),
    ] {
        assert_eq!(config.label(class), expected);
    }
    let angle = nested(|config| config.task = tasks()[2].clone());
    assert_eq!(angle.label(2), Some("angle"));
}

#[test]
fn what_could_not_be_read_is_not_written() {
    let mut config = HubConfig::from_json(NESTED).unwrap();
    let InputSpec::Image(image) = &mut config.input else { panic!("{:?}", config.input) };
    image.crop_pct = f64::NAN;
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
fn what_would_take_all_memory_is_refused_by_its_limit() {
    let config = |rest: &str| format!(r#"{{"architecture": "a", {rest}}}"#);
    for (rest, expected) in [
        (r#""num_classes": 2, "input_size": [3, 8192, 8192]"#, "more than the limit of 16777216"),
        (r#""num_classes": 2, "input_size": [3, 4096, 4096]"#, "more than the limit of 16777216"),
        (r#""num_classes": 2, "input_size": [1024, 512, 512]"#, "more than the limit of 16777216"),
        (r#""num_classes": 2, "test_input_size": [3, 8192, 8192]"#, "at the test size"),
        (
            r#""num_classes": 2, "pretrained_cfg": {"input_size": [3, 8192, 8192]}"#,
            "more than the limit of 16777216",
        ),
        (r#""num_classes": 4000000000000"#, "num_classes is 4000000000000, more than the limit"),
        (
            r#""num_classes": 4000000000000, "label_names": {"0": "one"}"#,
            "num_classes is 4000000000000, more than the limit of 1048576",
        ),
        (
            r#""num_classes": 2, "rekindle": {"input": {"image": {"input_size": [3, 8192, 8192],
                "interpolation": "bicubic", "crop_pct": 1, "crop_mode": "center", "mean": [0],
                "std": [1]}}}"#,
            "more than the limit of 16777216",
        ),
    ] {
        let problem = refused(&config(rest));
        assert!(problem.contains(expected), "{rest}: {problem}");
    }
    // Larger than any that is published, and read all the same.
    for size in ["[3, 2048, 2048]", "[3, 512, 8192]"] {
        let text = config(&format!(r#""num_classes": 21843, "input_size": {size}"#));
        assert!(HubConfig::from_json(&text).is_ok(), "{size}");
    }
    // Each of its numbers would take sixteen times its length in memory.
    let long =
        config(&format!(r#""num_classes": 2, "x": [{}0]"#, "0,".repeat(MAX_CONFIG_BYTES / 2)));
    let problem = refused(&long);
    assert!(problem.contains("more than the limit of 8388608"), "{problem}");
    assert!(HubConfig::is_one(&long));
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
