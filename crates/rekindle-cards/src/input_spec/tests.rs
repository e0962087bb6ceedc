use crate::{Family, Pin, PinnedFile};

const CARDS: &str = r#"
[family]
name = "words"
paper = "words"
use = "tests"

[papers]
words = { title = "A paper", url = "https://example.org" }

[defaults]
license = "mit"
classes = 0
classifier = ""
parameters = 11
input = { text = { tokenizer = "tokenizer.json", max_tokens = 256 } }
files = ["tokenizer.json", "1_Pooling/config.json"]

[[architecture]]
name = "words6"
cards = [{ tag = "a" }]
"#;

#[test]
fn a_card_may_take_text_and_more_files() {
    let family = Family::parse("models/words.toml", CARDS).unwrap();
    let [card] = family.cards.as_slice() else { panic!("{:?}", family.cards) };
    assert_eq!(card.files, ["tokenizer.json", "1_Pooling/config.json"]);
    assert_eq!(card.input.described(), "texts of up to 256 tokens");
    let message = card.image().unwrap_err().to_string();
    assert!(message.contains("words6.a takes texts of up to 256 tokens"), "{message}");
    let config = crate::HubConfig::from_card(card);
    assert_eq!(crate::HubConfig::from_json(&config.to_json().unwrap()).unwrap(), config);
}

/// Such a name may hold a dot, and is the whole name.
#[test]
fn a_card_may_be_named_without_a_tag() {
    let text = CARDS.replace("words6", "bge-small-en-v1.5").replace("[{ tag = \"a\" }]", "[{}]");
    let text = text.replace("[defaults]", "[defaults]\ntag = \"\"");
    let family = Family::parse("models/words.toml", &text).unwrap();
    let [card] = family.cards.as_slice() else { panic!("{:?}", family.cards) };
    assert_eq!((card.name().as_str(), card.tag.as_str()), ("bge-small-en-v1.5", ""));
    assert_eq!(card.repository.as_deref(), Some("timm/bge-small-en-v1.5"));
    let config = crate::HubConfig::from_card(card);
    assert_eq!(crate::HubConfig::from_json(&config.to_json().unwrap()).unwrap(), config);
    // It is empty on purpose, or an error.
    let without = text.replace("tag = \"\"", "");
    let message = Family::parse("models/words.toml", &without).unwrap_err().to_string();
    assert!(
        message.contains("bge-small-en-v1.5.(no tag)") && message.contains("`tag`"),
        "{message}"
    );
    let wrong = text.replace("max_tokens = 256", "max_tokens = 0");
    let message = Family::parse("models/words.toml", &wrong).unwrap_err().to_string();
    assert!(message.contains("bge-small-en-v1.5: max_tokens is 0"), "{message}");
}

#[test]
fn a_card_that_contradicts_itself_is_refused() {
    for (from, to, named) in [
        ("files = [", "files = [\"../x\", ", "words6.a: files holds `../x`"),
        ("max_tokens = 256", "max_tokens = 0", "words6.a: max_tokens is 0"),
        ("{ text =", "{ smell =", "unknown variant `smell`"),
        ("input =", "inputs =", "inputs"),
        ("tag = \"a\"", "tag = \"a\", test = { size = 288, crop_pct = 1.0 }", "test is of images"),
    ] {
        let text = CARDS.replace(from, to);
        assert_ne!(text, CARDS, "{from}");
        let message = Family::parse("models/words.toml", &text).unwrap_err().to_string();
        assert!(message.contains(named), "no `{named}` in: {message}");
    }
}

#[test]
fn pins_of_any_input_survive_writing_and_reading() {
    let family = Family::parse("models/words.toml", CARDS).unwrap();
    let card = family.cards.first().unwrap();
    let file = |name: &str| PinnedFile { name: name.to_owned(), bytes: 1, sha256: "1".repeat(64) };
    let names = std::iter::once(Pin::CONFIG).chain(card.files.iter().map(String::as_str));
    let pin = Pin {
        card: card.name(),
        repository: "timm/words6.a".to_owned(),
        commit: "0".repeat(40),
        file: "model.safetensors".to_owned(),
        bytes: 1,
        sha256: "0".repeat(64),
        license: Some("mit".to_owned()),
        classifier: String::new(),
        classes: 0,
        parameters: 11,
        input: card.input.clone(),
        files: names.map(file).collect(),
    };
    let text = Pin::to_toml("words", std::slice::from_ref(&pin)).unwrap();
    assert_eq!(Pin::parse("weights/words.toml", &text).unwrap(), std::slice::from_ref(&pin));
    assert_eq!(pin.differences(card), Vec::<String>::new());
    let fewer = Pin { files: vec![pin.files[0].clone(), pin.files[2].clone()], ..pin.clone() };
    let expected =
        "files is 1_Pooling/config.json, the card says tokenizer.json, 1_Pooling/config.json";
    assert_eq!(fewer.differences(card), [expected]);
    let image = crate::find("resnet18").unwrap().input.clone();
    let differences = Pin { input: image, ..pin }.differences(card);
    assert!(
        differences.len() == 1 && differences[0].starts_with("input is Image"),
        "{differences:?}"
    );
}
