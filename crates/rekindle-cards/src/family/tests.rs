use super::*;

const GOOD: &str = r#"
[family]
name = "net"
paper = "net"
use = "tests"

[papers]
net = { title = "A paper", url = "https://example.org" }
later = { title = "A later paper", url = "https://example.org/later" }

[defaults]
classes = 1000
classifier = "fc"
input_size = [3, 224, 224]
interpolation = "bicubic"
crop_pct = 0.875
crop_mode = "center"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]

[[architecture]]
name = "net18"
parameters = 11
cards = [
    { tag = "a", license = "mit", top1 = 71.5, top5 = 90.1, test = { size = 288, crop_pct = 1.0 } },
    { tag = "b", license = "cc-by-nc-4.0", crop_pct = 0.95, caution = "look out" },
]

[[architecture]]
name = "net50"
parameters = 25
paper = "later"
repository = ""
interpolation = "bilinear"
cards = [{ tag = "c", license = "" }]
"#;

#[test]
fn a_line_states_only_what_differs() {
    let family = Family::parse("models/net.toml", GOOD).unwrap();
    let [a, b, c] = family.cards.as_slice() else { panic!("{:?}", family.cards) };
    assert_eq!(
        (a.name().as_str(), a.image().unwrap().crop_pct, a.terms()),
        ("net18.a", 0.875, Terms::Permissive)
    );
    assert_eq!(a.repository.as_deref(), Some("timm/net18.a"));
    assert_eq!((a.test.unwrap().size, a.top1, a.top5), (288, Some(71.5), Some(90.1)));
    assert_eq!((b.image().unwrap().crop_pct, b.terms()), (0.95, Terms::Restricted));
    assert_eq!((b.caution.as_deref(), b.paper.title.as_str()), (Some("look out"), "A paper"));
    assert_eq!(
        (c.image().unwrap().interpolation, c.terms()),
        (Interpolation::Bilinear, Terms::Unstated)
    );
    assert_eq!((c.repository.as_deref(), c.license.as_deref()), (None, None));
    assert_eq!(
        (c.paper.title.as_str(), c.parameters, c.use_for.as_str()),
        ("A later paper", 25, "tests")
    );
}

#[test]
fn a_bad_file_is_an_error_that_names_file_row_and_key() {
    let check = |from: &str, to: &str, named: &[&str]| {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from}");
        let message = Family::parse("models/net.toml", &text).unwrap_err().to_string();
        for part in named.iter().chain(&["models/net.toml"]) {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
    };
    check("crop_pct = 0.875", "", &["net18.a", "net50.c", "crop_pct"]);
    check("crop_pct = 0.95", "crop_pct = 1.5", &["net18.b", "crop_pct is 1.5"]);
    check("crop_pct = 0.95", "crop_pct = nan", &["net18.b", "crop_pct is NaN"]);
    check("crop_pct = 0.95", "crop_pct = \"all\"", &["net18.b", "crop_pct"]);
    check("crop_pct = 0.95", "crop_percent = 0.95", &["net18.b", "crop_percent"]);
    check("crop_pct = 1.0", "crop_pct = 0.0", &["net18.a", "test", "crop_pct is 0"]);
    check("size = 288", "size = 0", &["net18.a", "test", "height of 0"]);
    check("[3, 224, 224]", "[3, 224]", &["net18.a", "input_size"]);
    check("[3, 224, 224]", "[3, 224, 99999999]", &["net18.a", "input_size", "99999999"]);
    check("[0.485, 0.456, 0.406]", "[0.485, 0.456]", &["net18.a", "mean has 2 values"]);
    check("[0.229, 0.224, 0.225]", "[0.229, 0.224, 0.0]", &["net18.a", "std holds 0"]);
    check("bicubic", "cubic", &["net18.a", "cubic", "interpolation"]);
    check("\"center\"", "\"middle\"", &["net18.a", "middle", "crop_mode"]);
    check("top1 = 71.5", "top1 = 715", &["net18.a", "top1 is 715"]);
    check("top1 = 71.5", "top1 = 91.5", &["net18.a", "top1 91.5 is above top5"]);
    check("paper = \"later\"", "paper = \"lost\"", &["net50.c", "paper `lost`"]);
    check("paper = \"net\"", "paper = \"lost\"", &["family: paper `lost`"]);
    check("tag = \"b\"", "tag = \"a\"", &["net18.a: listed twice"]);
    check("parameters = 11", "parameters = 0", &["net18.a: parameters is 0"]);
    check("parameters = 11", "parameters = -1", &["net18.a", "parameters"]);
    check("[defaults]", "[default]", &["default"]);
    check("name = \"net\"", "name = 3", &["net.toml:3", "invalid type"]);
    check("[{ tag = \"c\", license = \"\" }]", "[]", &["net50: cards is empty"]);
}

#[test]
fn a_restricted_default_is_refused_where_a_permissive_one_exists() {
    let text = GOOD.replace("\"mit\"", "\"gpl-3.0\"").replace("\"cc-by-nc-4.0\"", "\"mit\"");
    let message = Family::parse("models/net.toml", &text).unwrap_err().to_string();
    assert!(message.contains("net18.a: not permissive, so list net18.b before it"), "{message}");
    let none_is_permissive = GOOD.replace("\"mit\"", "\"gpl-3.0\"");
    Family::parse("models/net.toml", &none_is_permissive).unwrap();
}

#[test]
fn every_problem_is_reported_at_once() {
    let text =
        GOOD.replace("top1 = 71.5", "top1 = 715").replace("crop_pct = 0.95", "crop_pct = 1.5");
    let error = Family::parse("models/net.toml", &text).unwrap_err();
    assert!(matches!(&error, Error::Rows { problems, .. } if problems.len() == 3), "{error}");
}

#[test]
fn a_truncated_file_gives_an_error_or_whole_cards() {
    let whole = Family::parse("models/net.toml", GOOD).unwrap();
    for end in 0..GOOD.len() {
        if let Ok(family) = Family::parse("models/net.toml", &GOOD[..end]) {
            assert!(family.cards.iter().all(|card| whole.cards.contains(card)), "cut at {end}");
        }
    }
}
