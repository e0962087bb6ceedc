//! What commands say of the weights of many cards.

use rekindle_cards::{LicensePolicy, find};
use rekindle_hub::{Act, Done, Error, Trust, unwatched};

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
    let policy = LicensePolicy::default();
    let row = |act| stage.hub().act(act, card(), &policy, &unwatched);
    let planned = row(Act::Plan);
    assert!(matches!(planned.outcome, Ok(Done::Planned)), "{planned:?}");
    assert_eq!((planned.bytes, planned.commit), (4 * card().parameters as u64, None));
    assert!(matches!(row(Act::Check).outcome, Err(Error::Absent { .. })));
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
    let policy = LicensePolicy::default();
    let row = |act| stage.hub().act(act, card(), &policy, &unwatched);
    row(Act::Fetch);
    let path = stage.hub().locate(card()).unwrap().folder.join("model.safetensors");
    std::fs::write(&path, "short").unwrap();
    assert!(matches!(row(Act::Check).outcome, Err(Error::Damaged { .. })));
    assert!(matches!(row(Act::Plan).outcome, Ok(Done::Planned)));
    assert!(matches!(row(Act::Fetch).outcome, Ok(Done::Fetched)));
    assert!(matches!(row(Act::Check).outcome, Ok(Done::Cached)));
}

#[test]
fn a_license_that_is_not_accepted_keeps_weights_from_being_asked_for() {
    let stage = stage();
    let restricted = find("resnet18.fb_swsl_ig1b_ft_in1k").unwrap();
    let row = |policy: &LicensePolicy, act| stage.hub().act(act, restricted, policy, &unwatched);
    for act in [Act::Fetch, Act::Check, Act::Plan] {
        let row = row(&LicensePolicy::default(), act);
        let error = row.outcome.unwrap_err();
        let license = matches!(error, Error::Cards(rekindle_cards::Error::License { .. }));
        assert!(license && error.to_string().contains("--accept-license cc-by-nc-4.0"), "{error}");
    }
    assert!(stage.server.requests().is_empty());
    let policy = rekindle_hub::policy(&["cc-by-nc-4.0".to_owned()]).unwrap();
    assert!(matches!(row(&policy, Act::Plan).outcome, Ok(Done::Planned)));
    assert!(row(&policy, Act::Fetch).outcome.is_err(), "the server has none");
}

#[test]
fn a_card_without_a_repository_is_not_fetched() {
    let stage = stage();
    let local = find("resnet20_cifar").unwrap();
    let row = stage.hub().act(Act::Fetch, local, &LicensePolicy::default(), &unwatched);
    assert!(row.outcome.unwrap_err().to_string().contains("only as a file"));
    assert!(stage.server.requests().is_empty());
}
