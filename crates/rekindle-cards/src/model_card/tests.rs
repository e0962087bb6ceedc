use super::*;
use crate::find;

fn card() -> ModelCard {
    let mut config = HubConfig::from_card(find("resnet18.a1_in1k").unwrap());
    config.classes = 2;
    config.labels = vec!["ant".to_owned(), "bee | wasp".to_owned()];
    ModelCard {
        repository: "someone/ants-and-bees".to_owned(),
        config,
        bases: vec![Base {
            name: "resnet18.a1_in1k".to_owned(),
            repository: Some("timm/resnet18.a1_in1k".to_owned()),
            license: Some("apache-2.0".to_owned()),
        }],
        data: Some(LearnedFrom {
            name: "ants: and \"bees\"".to_owned(),
            classes: vec![
                ("ant".to_owned(), [123, 30, 20]),
                ("bee | <b>wasp</b>\n".to_owned(), [122, 31, 21]),
            ],
        }),
        measured: vec![CardEvaluation {
            set: "validation".to_owned(),
            pictures: 61,
            metrics: vec![metric("accuracy", 0.9344, [0.8433, 0.9744], CardUnit::Share)],
            baselines: vec![("the most frequent label (bee)".to_owned(), 0.5082)],
        }],
        training: vec!["head: 5 epochs, the backbone frozen".to_owned()],
    }
}

fn metric(name: &str, value: f64, [low, high]: [f64; 2], unit: CardUnit) -> CardMetric {
    CardMetric { name: name.to_owned(), value, interval: [low, high, 0.95], unit }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
}

#[test]
fn the_front_matter_says_what_the_hub_reads() {
    let text = card().to_markdown();
    let front = text.strip_prefix("---\n").unwrap().split("---\n").next().unwrap();
    has(
        front,
        &[
            "license: apache-2.0\n",
            "library_name: timm\n",
            "pipeline_tag: image-classification\n",
            "tags:\n- timm\n- image-classification\n- rekindle\n",
            "base_model: \"timm/resnet18.a1_in1k\"\n",
            "base_model_relation: finetune\n",
            "metrics:\n- accuracy\n",
            "      name: \"ants: and \\\"bees\\\"\"\n",
            "      value: 0.9344\n",
        ],
    );
    assert_eq!(front.lines().filter(|line| line.starts_with("license")).count(), 1);
}

#[test]
fn the_body_says_what_a_reader_must_know() {
    has(
        &card().to_markdown(),
        &[
            "# ants-and-bees\n",
            "A resnet18 that tells 2 classes apart, fine-tuned on ants: and \"bees\" from [",
            "[resnet18.a1\\_in1k](https://huggingface.co/timm/resnet18.a1_in1k)",
            "| 61 of validation | 93.4% | 84.3% to 97.4% at 95% | the most frequent label (bee) 50.8% |",
            "chose the best epoch",
            "| ant | 123 | 30 | 20 |\n| bee \\| &lt;b>wasp&lt;/b>  | 122 | 31 | 21 |\n| all | 245 | 61 | 41 |",
            "224 x 224 pixels: the short side resized, the centre cropped, bicubic, crop fraction 0.95",
            "- head: 5 epochs, the backbone frozen\n",
            "timm.create_model(\"hf-hub:someone/ants-and-bees\", pretrained=True)",
            "apache-2.0; the weights it was made from are under apache-2.0.",
        ],
    );
}

#[test]
fn what_is_not_known_is_not_said() {
    let bare = ModelCard {
        bases: Vec::new(),
        data: None,
        measured: Vec::new(),
        training: Vec::new(),
        ..card()
    };
    let text = bare.to_markdown();
    has(&text, &["apart, trained from nothing.", "license: apache-2.0\n"]);
    for part in ["base_model", "metrics", "model-index", "reaches", "learned from", "Training"] {
        assert!(!text.contains(part), "`{part}` in:\n{text}");
    }
    let mut unstated = bare.clone();
    unstated.config.license = None;
    assert!(!unstated.to_markdown().contains("license:"));
    let mut tested = card();
    tested.measured[0].set = "test".to_owned();
    assert!(!tested.to_markdown().contains("chose the best epoch"));
}

#[test]
fn a_license_that_the_hub_does_not_know_is_another() {
    let mut strange = card();
    strange.config.license = Some("strange: 1.0".to_owned());
    let text = strange.to_markdown();
    has(&text, &["license: other\nlicense_name: \"strange: 1.0\"\n", "terms that must be read"]);
}

#[test]
fn many_classes_are_summed_up() {
    let mut many = card();
    let row = |class: usize| (format!("class {class}"), [2, 1, 0]);
    many.data.as_mut().unwrap().classes = (0..LISTED + 20).map(row).collect();
    let text = many.to_markdown();
    has(&text, &["| class 99 |", "| all, 20 classes not shown | 240 | 120 | 0 |"]);
    assert!(!text.contains("| class 100 |"));
}

#[test]
fn what_is_made_from_several_weights_lists_them_and_keeps_all_their_licenses() {
    let base = |name: &str, license: &str| Base {
        name: name.to_owned(),
        repository: Some(format!("someone/{name}")),
        license: Some(license.to_owned()).filter(|license| !license.is_empty()),
    };
    let text = ModelCard { bases: vec![base("a", "mit"), base("b", "cc-by-4.0")], ..card() };
    has(
        &text.to_markdown(),
        &[
            "base_model:\n- \"someone/a\"\n- \"someone/b\"\n",
            "fine-tuned on ants: and \"bees\" from [a](https://huggingface.co/someone/a) and [b](",
            "licenses of their own:\n\n- a: mit\n- b: cc-by-4.0\n",
        ],
    );
    for (licenses, asked, expected) in [
        (&[][..], None, Ok(None)),
        (&["mit"], None, Ok(Some("mit"))),
        (&["mit", "apache-2.0"], None, Ok(Some("mit"))),
        (&["cc0-1.0", "mit"], None, Ok(Some("mit"))),
        (&["mit", "cc-by-nc-4.0"], None, Ok(Some("cc-by-nc-4.0"))),
        (&["mit", "apache-2.0"], Some("Apache-2.0"), Ok(Some("apache-2.0"))),
        (&["mit", "cc-by-nc-4.0"], Some("mit"), Err("cc-by-nc-4.0")),
        (&["gpl-3.0", "cc-by-nc-4.0"], None, Err("gpl-3.0")),
        (&["mit", ""], None, Err("states no license")),
    ] {
        let bases: Vec<Base> = licenses.iter().map(|license| base("net", license)).collect();
        let found = Base::license_of_all(&bases, asked).map_err(|error| error.to_string());
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected, "{licenses:?}"),
            (Err(found), Err(part)) => has(found, &[part]),
            _ => panic!("{licenses:?} {asked:?}: {found:?}"),
        }
    }
}

#[test]
fn what_is_made_from_weights_keeps_their_license_or_a_stricter_one() {
    let base = |license: Option<&str>| Base {
        name: "net.tag".to_owned(),
        repository: None,
        license: license.map(str::to_owned),
    };
    let check = |own: Option<&str>, asked: Option<&str>, expected: Result<&str, &str>| {
        let found = base(own).license_of_derived(asked).map_err(|error| error.to_string());
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(found), Err(part)) => has(found, &["net.tag", part]),
            _ => panic!("{own:?} {asked:?}: {found:?}"),
        }
    };
    check(Some("apache-2.0"), None, Ok("apache-2.0"));
    check(Some("apache-2.0"), Some("MIT"), Ok("mit"));
    check(Some("cc-by-nc-4.0"), None, Ok("cc-by-nc-4.0"));
    check(Some("cc-by-nc-4.0"), Some("apache-2.0"), Err("--license cc-by-nc-4.0"));
    check(Some("mit"), Some("cc0-1.0"), Err("--license mit"));
    check(None, Some("mit"), Err("states no license"));
    check(Some(""), None, Err("states no license"));
}

#[test]
fn other_answers_have_their_own_metrics_and_tags() {
    let mut labels = card();
    labels.config.task = TaskSpec::MultiLabel { thresholds: vec![0.25, 0.5] };
    labels.measured[0].metrics = vec![
        metric("map", 0.91, [0.88, 0.93], CardUnit::Share),
        metric("f1", 0.8, [0.75, 0.85], CardUnit::Share),
    ];
    labels.measured[0].baselines = vec![("always giving no label".to_owned(), 0.4)];
    let text = labels.to_markdown();
    has(
        &text,
        &[
            "pipeline_tag: image-classification\ntags:\n- timm\n- image-classification\n- multi-label\n- rekindle\n",
            "metrics:\n- map\n- f1\n",
            "    - type: map\n      value: 0.9100\n    - type: f1\n      value: 0.8000\n",
            "gives any of 2 labels",
            "| pictures | map | interval | f1 | to beat |\n|---|---|---|---|---|\n",
            "| 61 of validation | 91.0% | 88.0% to 93.0% at 95% | 80.0% | always giving no label 40.0% |",
            "| ant | 0.2500 |",
            "A picture may have any number of them.",
        ],
    );
    assert!(!text.contains("accuracy") && !text.contains("| all |"), "{text}");

    let mut numbers = card();
    let target = crate::TargetColumn { name: "size | cm".to_owned(), mean: 12.5, std: 3.0 };
    numbers.config.labels.clear();
    numbers.config.task =
        TaskSpec::Regression { targets: vec![target], loss: crate::LossSpec::Mse };
    numbers.measured[0].metrics = vec![
        metric("mae", 1.23456, [1.0, 1.5], CardUnit::Number),
        metric("rmse", 2.0, [1.5, 2.5], CardUnit::Number),
        metric("r2", 0.93, [0.9, 0.95], CardUnit::Number),
    ];
    let text = numbers.to_markdown();
    has(
        &text,
        &[
            "library_name: timm\ntags:\n- timm\n- image-regression\n- regression\n- rekindle\n",
            "      type: image-regression\n",
            "metrics:\n- mae\n- rmse\n- r2\n",
            "predicts size \\| cm",
            "| 61 of validation | 1.235 | 1.000 to 1.500 at 95% | 2.000 | 0.9300 |",
            "| size \\| cm | 12.5 | 3 |",
        ],
    );
    for part in ["pipeline_tag", "accuracy", "label_names"] {
        assert!(!text.contains(part), "`{part}` in {text}");
    }
}

/// The same results of a model that reads texts.
fn of_texts(columns: &[&str]) -> ModelCard {
    let base = find("all-MiniLM-L6-v2").unwrap();
    let mut text = card();
    text.repository = "someone/reports".to_owned();
    text.config = HubConfig::from_card(base);
    text.config.classes = 2;
    text.config.labels = vec!["calm".to_owned(), "urgent".to_owned()];
    if let crate::InputSpec::Text(input) = &mut text.config.input {
        input.columns = columns.iter().map(|column| (*column).to_owned()).collect();
    }
    text.bases = vec![Base {
        name: base.name(),
        repository: base.repository.clone(),
        license: base.license.clone(),
    }];
    text
}

#[test]
fn a_model_of_texts_speaks_of_texts() {
    let text = of_texts(&["text"]).to_markdown();
    has(
        &text,
        &[
            "license: apache-2.0\nlibrary_name: rekindle\npipeline_tag: text-classification\n\
             tags:\n- rekindle\n- text-classification\nbase_model: \"sentence-transformers/all-MiniLM-L6-v2\"\n",
            "      type: text-classification\n",
            "An all-MiniLM-L6-v2 that tells 2 classes apart, fine-tuned on",
            "| texts | accuracy | interval |",
            "The validation texts chose the best epoch",
            "Texts as tokens of tokenizer.json, from the column text; what is longer than 256 tokens",
            "rekindle predict --weights hf-hub:someone/reports --text \"A text.\"\n",
            "rekindle predict --weights hf-hub:someone/reports --data texts.csv\n",
        ],
    );
    for part in ["icture", "timm", "image", "python", "widget"] {
        assert!(!text.contains(part), "`{part}` in:\n{text}");
    }
    let pairs = of_texts(&["title", "a | b"]).to_markdown();
    has(&pairs, &["in pairs from the columns title and a \\| b;"]);
    let alone = of_texts(&[]).to_markdown();
    has(&alone, &["tokens of tokenizer.json; what is longer"]);
    assert!(!alone.contains("--data"), "{alone}");
}

#[test]
fn other_answers_of_texts_and_none_have_their_own_tags() {
    let mut labels = of_texts(&[]);
    labels.config.task = TaskSpec::MultiLabel { thresholds: vec![0.25, 0.5] };
    has(
        &labels.to_markdown(),
        &[
            "pipeline_tag: text-classification\ntags:\n- rekindle\n- text-classification\n- multi-label\nbase",
            "A text may have any number of them.",
        ],
    );
    let mut numbers = of_texts(&[]);
    let target = crate::TargetColumn { name: "stars".to_owned(), mean: 3.0, std: 1.0 };
    numbers.config.labels.clear();
    numbers.config.task =
        TaskSpec::Regression { targets: vec![target], loss: crate::LossSpec::Mse };
    let text = numbers.to_markdown();
    has(
        &text,
        &[
            "library_name: rekindle\ntags:\n- rekindle\n- text-regression\n- regression\nbase",
            "predicts stars",
        ],
    );
    assert!(!text.contains("pipeline_tag"), "{text}");

    let mut vectors = of_texts(&[]);
    (vectors.config.classes, vectors.data) = (0, None);
    vectors.config.labels.clear();
    vectors.measured.clear();
    let text = vectors.to_markdown();
    has(
        &text,
        &[
            "pipeline_tag: sentence-similarity\ntags:\n- rekindle\n- sentence-similarity\n- feature-extraction\nbase",
            "An all-MiniLM-L6-v2 that turns texts into vectors, fine-tuned from [all-MiniLM-L6-v2](https",
            "rekindle embed --weights hf-hub:someone/reports --text",
        ],
    );
    assert!(!text.contains("predict"), "{text}");
}
