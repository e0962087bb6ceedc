//! What commands say of the weights of many cards.

use rekindle_cards::{Policy, find};
use rekindle_hub::{Act, Done, Hub, Trust, table, unwatched};

use crate::support::{Stage, card, config, weights};

fn stage() -> Stage {
    let stage = Stage::new();
    let files = [("config.json", config().into_bytes()), ("model.safetensors", weights())];
    let files = files.each_ref().map(|(name, bytes)| (*name, bytes.as_slice()));
    stage.server.publish("timm/test_resnet.r160_in1k", &files);
    stage
}

#[test]
fn weights_are_planned_then_missing_then_fetched_then_there() {
    let stage = stage();
    let policy = Policy::default();
    let row = |act| stage.hub().act(act, card(), &policy, &unwatched);
    let planned = row(Act::Plan);
    assert!(matches!(planned.outcome, Ok(Done::Planned)), "{planned:?}");
    assert_eq!((planned.bytes, planned.commit), (4 * card().parameters as u64, None));
    assert_eq!(row(Act::Check).status(), "MISSING");
    assert!(stage.server.requests().is_empty(), "neither asks the network");

    let fetched = row(Act::Fetch);
    assert!(matches!(fetched.outcome, Ok(Done::Fetched)), "{fetched:?}");
    assert_eq!(fetched.bytes, (weights().len() + config().len()) as u64);
    assert_eq!(fetched.trust, Some(Trust::FirstUse));
    stage.server.requests();
    for act in [Act::Fetch, Act::Check, Act::Plan] {
        let row = row(act);
        assert!(matches!(row.outcome, Ok(Done::Cached)), "{row:?}");
        assert_eq!((row.commit, row.trust), (fetched.commit.clone(), Some(Trust::Recorded)));
    }
    assert!(stage.server.requests().is_empty(), "what is there is not asked for");
}

#[test]
fn damage_is_found_and_mended() {
    let stage = stage();
    let policy = Policy::default();
    let row = |act| stage.hub().act(act, card(), &policy, &unwatched);
    row(Act::Fetch);
    let path = stage.hub().locate(card()).unwrap().folder.join("model.safetensors");
    std::fs::write(&path, "short").unwrap();
    assert_eq!(row(Act::Check).status(), "DAMAGED");
    assert!(matches!(row(Act::Plan).outcome, Ok(Done::Planned)));
    assert!(matches!(row(Act::Fetch).outcome, Ok(Done::Fetched)));
    assert!(matches!(row(Act::Check).outcome, Ok(Done::Cached)));
}

#[test]
fn a_license_that_is_not_accepted_keeps_weights_from_being_asked_for() {
    let stage = stage();
    let restricted = find("resnet18.fb_swsl_ig1b_ft_in1k").unwrap();
    let row = |policy: &Policy, act| stage.hub().act(act, restricted, policy, &unwatched);
    for act in [Act::Fetch, Act::Check, Act::Plan] {
        let row = row(&Policy::default(), act);
        assert_eq!(row.status(), "LICENSE");
        assert!(row.outcome.unwrap_err().to_string().contains("--accept-license cc-by-nc-4.0"));
    }
    assert!(stage.server.requests().is_empty());
    let policy = rekindle_hub::policy(&["cc-by-nc-4.0".to_owned()]).unwrap();
    assert!(matches!(row(&policy, Act::Plan).outcome, Ok(Done::Planned)));
    assert_eq!(row(&policy, Act::Fetch).status(), "FAILED", "the server has none");
}

#[test]
fn a_table_says_what_went_wrong_below_it() {
    let stage = stage();
    let cards = ["test_resnet", "resnet18.fb_swsl_ig1b_ft_in1k", "resnet20_cifar"];
    let hub: Hub = stage.hub();
    let rows: Vec<_> = cards
        .iter()
        .map(|name| hub.act(Act::Fetch, find(name).unwrap(), &Policy::default(), &unwatched))
        .collect();
    let text = table(&rows);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[1].starts_with("test_resnet.r160_in1k ") && lines[1].ends_with("fetched"),
        "{text}"
    );
    assert!(lines[1].contains("1.9 MB") && lines[1].contains("first use"), "{text}");
    assert!(lines[2].ends_with("LICENSE") && lines[3].ends_with("FAILED"), "{text}");
    let problems = lines[4..].join("");
    assert!(problems.contains("--accept-license") && problems.contains("only as a file"), "{text}");
}
