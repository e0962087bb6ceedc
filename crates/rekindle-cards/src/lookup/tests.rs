use std::collections::BTreeSet;

use super::*;
use crate::{HubConfig, InputSpec, Terms};

fn cards() -> impl Iterator<Item = &'static Card> {
    families().unwrap().iter().flat_map(|family| &family.cards)
}

#[test]
fn every_family_is_named_after_its_file() {
    for (family, (file, ..)) in families().unwrap().iter().zip(FILES) {
        assert_eq!(&format!("models/{}.toml", family.name), file);
    }
}

#[test]
fn names_are_unique_and_find_their_card() {
    let mut seen = BTreeSet::new();
    for card in cards() {
        assert!(seen.insert(card.name()), "{} is listed twice", card.name());
        assert_eq!(find(&card.name()).unwrap(), card);
    }
    assert!(seen.len() > 130, "{}", seen.len());
}

/// [`Family::parse`] refuses any other order.
#[test]
fn what_may_be_used_freely_comes_first() {
    for card in all_defaults().unwrap() {
        let of_it = |other: &&Card| other.architecture == card.architecture;
        let free = cards().filter(of_it).any(|card| card.terms() == Terms::Permissive);
        assert!(!free || card.terms() == Terms::Permissive, "{}", card.name());
    }
}

#[test]
fn every_card_is_complete() {
    for card in cards() {
        let name = card.name();
        let InputSpec::Image(image) = &card.input else { continue };
        image.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!card.use_for.is_empty() && card.paper.url.starts_with("https://"), "{name}");
        assert!(card.parameters > 100_000 && !card.classifier.is_empty(), "{name}");
        let accuracy = card.top1.is_some_and(|top1| top1 > 40.0 && top1 < 100.0);
        assert!(accuracy || card.classes != 1000, "{name}: no top1");
        assert!(
            card.test.is_none_or(|test| test.top1 > card.top1 || card.classes != 1000),
            "{name}"
        );
        let repository = card.repository.as_deref();
        assert!(repository == Some(&format!("timm/{name}")) || name.contains("_cifar."), "{name}");
    }
}

/// Texts: the name is what people call it, and the files are those that turn a text into a vector.
#[test]
fn every_card_of_texts_is_complete() {
    let mut count = 0;
    for card in cards() {
        let InputSpec::Text(text) = &card.input else { continue };
        let name = card.name();
        assert_eq!((name.as_str(), card.tag.as_str()), (card.architecture.as_str(), ""));
        let repository = card.repository.as_deref().unwrap();
        assert!(repository.ends_with(&format!("/{name}")), "{repository}");
        assert_eq!(find_by_repository(&repository.to_uppercase()).unwrap(), [card]);
        assert_eq!((card.classes, card.top1, card.test), (0, None, None), "{name}");
        assert_eq!(card.classifier, "classifier");
        assert!(card.parameters > 10_000_000 && card.license.is_some(), "{name}");
        assert!(!card.use_for.is_empty() && card.paper.url.starts_with("https://"), "{name}");
        assert!([128, 256, 384, 512, 8192].contains(&text.max_tokens), "{name}");
        assert!(card.files.contains(&text.tokenizer), "{name}");
        let has = |file: &str| card.files.iter().any(|other| other == file);
        assert!(has("tokenizer_config.json"), "{name}");
        assert_eq!(has("modules.json"), has("1_Pooling/config.json"), "{name}");
        assert_eq!(has("modules.json"), has("sentence_bert_config.json"), "{name}");
        let caution = card.caution.as_deref().unwrap_or_default();
        assert!(!name.contains("e5-") || caution.contains("\"query: \""), "{name}");
        assert!(!name.starts_with("bge-") || caution.contains("Represent this"), "{name}");
        count += 1;
    }
    assert_eq!(count, 19);
}

#[test]
fn every_card_becomes_a_config_that_says_the_same() {
    for card in cards() {
        let text = HubConfig::from_card(card).to_json().unwrap();
        let config = HubConfig::from_json(&text).unwrap();
        assert_eq!(config, HubConfig::from_card(card));
        assert_eq!((config.name(), &config.input), (card.name(), &card.input));
    }
}

#[test]
fn licenses_are_what_timm_states() {
    let check = |name, terms| assert_eq!(find(name).unwrap().terms(), terms, "{name}");
    check("resnet50.tv_in1k", Terms::Permissive);
    check("resnet50.fb_swsl_ig1b_ft_in1k", Terms::Restricted);
    check("resnet50.bamboo", Terms::Unstated);
}

#[test]
fn an_unknown_name_suggests_the_closest() {
    let check = |name: &str, first: &str| {
        let error = find(name).unwrap_err();
        let Error::UnknownCard { closest, .. } = &error else { panic!("{error}") };
        assert_eq!(closest.first().map(String::as_str), Some(first), "{name}");
        assert!(error.to_string().contains(&format!("did you mean {first}")), "{error}");
    };
    check("resnet81", "resnet18");
    check("resnt50", "resnet50");
    check("ResNet34", "resnet34");
    check("resnet18.a1_ink1", "resnet18.a1_in1k");
    check("timm/vgg16.tv_in1k", "vgg16.tv_in1k");
    check("mobilenet_v3_large", "mobilenetv3_large_100");
    check("all-minilm-l6-v2", "all-MiniLM-L6-v2");
    check("sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2");
    check("bge-small-v1.5", "bge-small-en-v1.5");
    check("bert-base", "bert-base-uncased");
    check("modernbert-base", "ModernBERT-base");
    find("").unwrap_err();
}

#[test]
fn a_search_takes_wildcards_or_a_part_of_the_name() {
    let names =
        |pattern: &str| search(pattern).unwrap().iter().map(|card| card.name()).collect::<Vec<_>>();
    assert_eq!(names("resnet18.tv_in1k"), ["resnet18.tv_in1k"]);
    assert_eq!(
        names("VGG1?.*"),
        ["vgg11.tv_in1k", "vgg13.tv_in1k", "vgg16.tv_in1k", "vgg19.tv_in1k"]
    );
    assert_eq!(names("resnet*_cifar*").len(), 4);
    assert_eq!(names("vgg1").len(), 8);
    assert_eq!(names("*minilm-l6*"), ["all-MiniLM-L6-v2"]);
    assert_eq!(names("MiniLM").len(), 3);
    assert_eq!(names("bge-*-v1.5"), ["bge-small-en-v1.5", "bge-base-en-v1.5"]);
    assert_eq!(names("").len(), cards().count());
    assert!(names("no such card").is_empty() && names("resnet18?").is_empty());
}

#[test]
fn a_family_an_architecture_a_card_or_a_pattern_selects_cards() {
    let names = |name: &str, which| {
        let found = select(name, which).unwrap();
        found.iter().map(|card| card.name()).collect::<Vec<_>>()
    };
    assert_eq!(names("resnet34", Which::Default), ["resnet34.a1_in1k"]);
    assert_eq!(names("resnet34", Which::All).len(), 7);
    assert_eq!(names("resnet34.tv_in1k", Which::All), ["resnet34.tv_in1k"]);
    assert_eq!(names("resnet3?.tv*", Which::Default), ["resnet34.tv_in1k"]);
    assert_eq!(names("mobilenet", Which::Default).len(), 10);
    assert_eq!(names("mobilenet", Which::All).len(), 13);
    assert_eq!(names("mpnet", Which::Default), ["all-mpnet-base-v2"]);
    assert_eq!(names("all-MiniLM-L6-v2", Which::All), ["all-MiniLM-L6-v2"]);
    assert_eq!(names("bge-small-en-v1.5", Which::Default), ["bge-small-en-v1.5"]);
    assert_eq!(names("bert", Which::Default).len(), 11);
    let defaults = all_defaults().unwrap();
    let architectures: BTreeSet<_> = cards().map(|card| &card.architecture).collect();
    assert_eq!(defaults.len(), architectures.len());
    assert!(defaults.iter().all(|card| find(&card.architecture).unwrap() == *card));
    for name in ["resnet34.zz", "resnets", "zz*", ""] {
        let error = select(name, Which::All).unwrap_err();
        assert!(matches!(error, Error::UnknownCard { .. }), "{error}");
    }
}

#[test]
fn several_names_mean_each_card_once_and_what_is_on_the_hub() {
    let count = |names: &[&str], which| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        select_on_hub(&names, which).unwrap().len()
    };
    assert_eq!(count(&["resnet18", "resnet18.a1_in1k", "vgg11"], Which::Default), 2);
    assert_eq!(count(&["resnet18.a1_in1k", "resnet18"], Which::All), 7);
    assert_eq!(count(&["resnet_cifar"], Which::All), 0);
    // Asked for by its own name, it is told to have no repository.
    assert_eq!(count(&["resnet20_cifar"], Which::All), 1);
    assert_eq!(count(&["resnet20_cifar.cifar10"], Which::Default), 1);
    assert_eq!(count(&[], Which::All), 0);
    assert!(select_on_hub(&["vgg".to_owned(), "zz".to_owned()], Which::All).is_err());
}

#[test]
fn a_wildcard_matches_the_whole_name() {
    let check = |pattern: &str, name: &str, expected: bool| {
        assert_eq!(wildcard(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
    };
    check("a*c", "abbc", true);
    check("a*c", "abcb", false);
    check("*b*b", "abab", true);
    check("**", "", true);
    check("?", "", false);
    check("a?c*", "abc", true);
    check("abc", "abcd", false);
    check(&"*a".repeat(30), &"a".repeat(29), false);
}

#[test]
fn an_edit_is_an_insertion_a_deletion_or_a_replacement() {
    let check = |left: &str, right: &str, edits| {
        assert_eq!(edit_distance(left.as_bytes(), right.as_bytes()), edits, "{left} {right}");
        assert_eq!(edit_distance(right.as_bytes(), left.as_bytes()), edits, "{right} {left}");
    };
    check("", "", 0);
    check("", "abc", 3);
    check("kitten", "sitting", 3);
    check("resnet81", "resnet18", 2);
    check("flaw", "lawn", 2);
}
