use super::*;
use crate::find;

fn card() -> ModelCard {
    let mut config = HubConfig::from_card(find("resnet18.a1_in1k").unwrap());
    config.classes = 2;
    config.labels = vec!["ant".to_owned(), "bee | wasp".to_owned()];
    ModelCard {
        repository: "someone/ants-and-bees".to_owned(),
        config,
        base: Some(Base {
            name: "resnet18.a1_in1k".to_owned(),
            repository: Some("timm/resnet18.a1_in1k".to_owned()),
            license: Some("apache-2.0".to_owned()),
        }),
        data: Some(LearnedFrom {
            name: "ants: and \"bees\"".to_owned(),
            classes: vec![
                ("ant".to_owned(), [123, 30, 20]),
                ("bee | <b>wasp</b>\n".to_owned(), [122, 31, 21]),
            ],
        }),
        measured: vec![Measured {
            set: "validation".to_owned(),
            pictures: 61,
            accuracy: 0.9344,
            interval: [0.8433, 0.9744, 0.95],
            baselines: vec![("the most frequent label (bee)".to_owned(), 0.5082)],
        }],
        training: vec!["head: 5 epochs, the backbone frozen".to_owned()],
    }
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
    let bare =
        ModelCard { base: None, data: None, measured: Vec::new(), training: Vec::new(), ..card() };
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
