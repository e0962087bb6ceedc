//! Under which licenses weights are taken: the strictest that anybody states, and asked before they are downloaded.

use std::fs;

use rekindle_cards::{Card, LicensePolicy, find};
use rekindle_hub::{
    Act, Error, Files, Hub, HubSettings, Licenses, NetworkAccess, Trust, unwatched,
};
use rekindle_loopback::{Fault, Rule};

use crate::support::{Stage, card};

/// A checkpoint whose card says cc-by-nc-4.0.
const RESTRICTED: &str = "resnet18.fb_swsl_ig1b_ft_in1k";
/// One whose card says that there is none.
const UNSTATED: &str = "resnet50.bamboo";

fn policy(accepted: &[&str]) -> LicensePolicy {
    let mut policy = LicensePolicy::default();
    accepted.iter().for_each(|name| policy.accept(name).unwrap());
    policy
}

fn hub(stage: &Stage, accepted: &[&str]) -> Hub {
    let licenses = Licenses::Checked(policy(accepted));
    Hub::new(HubSettings { licenses, ..stage.settings() })
}

/// A server that has a repository, whose page and config state these licenses.
fn stage(repository: &str, page: Option<&str>, config: &str) -> Stage {
    let stage = Stage::new();
    let files = [("config.json", config.as_bytes()), ("model.safetensors", &stage.weights[..])];
    stage.server.publish(repository, &files);
    if let Some(license) = page {
        stage.server.set_license(repository, license);
    }
    stage
}

fn config(license: Option<&str>) -> String {
    let license = license.map_or("null".to_owned(), |license| format!("{license:?}"));
    format!(r#"{{"architecture": "resnet18", "pretrained_cfg": {{"license": {license}}}}}"#)
}

/// The name to accept where a license refused something, and nothing of the weights was asked for.
#[track_caller]
fn refused<T: std::fmt::Debug>(stage: &Stage, found: Result<T, Error>) -> Option<String> {
    let asked: Vec<_> = stage.server.requests().into_iter().map(|request| request.path).collect();
    match found {
        Ok(_) => None,
        Err(Error::Cards(rekindle_cards::Error::License { license, .. })) => {
            let weights = |path: &String| {
                path.contains("model.safetensors")
                    || !path.contains("/timm/") && !path.contains("/owner/")
            };
            assert!(!asked.iter().any(weights), "{license}: {asked:?}");
            Some(license)
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn the_strictest_of_card_page_and_config_decides_on_every_route() {
    let nc = "cc-by-nc-4.0";
    for (name, page, own, accepted, expected) in [
        ("resnet18.a1_in1k", Some("apache-2.0"), Some("apache-2.0"), &[][..], None),
        ("resnet18.a1_in1k", None, None, &[], None),
        ("resnet18.a1_in1k", Some(nc), Some("mit"), &[], Some(nc)),
        ("resnet18.a1_in1k", Some("mit"), Some(nc), &[], Some(nc)),
        ("resnet18.a1_in1k", Some(nc), Some("gpl-3.0"), &[nc], Some("gpl-3.0")),
        ("resnet18.a1_in1k", Some(nc), Some("gpl-3.0"), &[nc, "gpl-3.0"], None),
        ("resnet18.a1_in1k", Some("my own terms"), None, &[], Some("other")),
        (RESTRICTED, Some("mit"), Some("mit"), &[], Some(nc)),
        (RESTRICTED, Some("mit"), Some("mit"), &[nc], None),
        (RESTRICTED, Some("gpl-3.0"), Some("mit"), &[nc], Some("gpl-3.0")),
        (UNSTATED, Some("mit"), Some("mit"), &[], Some("unstated")),
        (UNSTATED, Some("mit"), Some("mit"), &["unstated"], None),
    ] {
        let card: &Card = find(name).unwrap();
        let repository = card.repository.as_deref().unwrap();
        let shouted = repository.to_uppercase().replace("TIMM/", "timm/");
        let case = format!("{name} {page:?} {own:?} {accepted:?}");
        let fresh = || stage(repository, page, &config(own));
        let expected = expected.map(str::to_owned);

        // By the card's name, and as commands do it.
        let stage = fresh();
        assert_eq!(
            refused(&stage, hub(&stage, accepted).fetch(card, &unwatched)),
            expected,
            "{case}"
        );
        let stage = fresh();
        let row = stage.hub().act(Act::Fetch, card, &policy(accepted), &unwatched);
        assert_eq!(refused(&stage, row.outcome), expected, "{case}");
        // By the repository's, in any case; a server may have it under the name that was asked for.
        for repository in [repository, &shouted] {
            let stage = self::stage(repository, page, &config(own));
            let files = Files { repository, revision: "main", names: &[] };
            let found = hub(&stage, accepted).fetch_files(&files, &unwatched);
            assert_eq!(refused(&stage, found), expected, "{repository} {case}");
            // As much for files that are named.
            let names = &["config.json", "model.safetensors"];
            let found = hub(&stage, accepted).fetch_files(&Files { names, ..files }, &unwatched);
            assert_eq!(refused(&stage, found), expected, "{repository} {case}");
        }
        // What is in the cache already, and fetched by somebody who accepted more.
        let stage = fresh();
        let all = ["cc-by-nc-4.0", "gpl-3.0", "other", "unstated"];
        hub(&stage, &all).fetch(card, &unwatched).unwrap();
        stage.server.requests();
        let offline = HubSettings {
            network: NetworkAccess::Offline,
            licenses: Licenses::Checked(policy(accepted)),
            ..stage.settings()
        };
        for settings in [offline.clone(), HubSettings { network: NetworkAccess::Online, ..offline }]
        {
            let hub = Hub::new(settings);
            assert_eq!(refused(&stage, hub.locate(card)), expected, "{case}");
            assert_eq!(refused(&stage, hub.fetch(card, &unwatched)), expected, "{case}");
            let files = Files { repository, revision: "main", names: &[] };
            assert_eq!(refused(&stage, hub.locate_files(&files)), expected, "{case}");
        }
    }
}

/// Without a card: the page or the config has to state one.
#[test]
fn a_repository_that_states_nothing_grants_nothing() {
    for (page, own, accepted, expected) in [
        (None, None, &[][..], Some("unstated")),
        (None, None, &["mit"], Some("unstated")),
        (None, None, &["unstated"], None),
        (Some("mit"), None, &[], None),
        (None, Some("mit"), &[], None),
        (None, Some("mit or cc-by-nc-4.0"), &[], None),
        (Some("other"), Some("mit"), &[], Some("other")),
    ] {
        let repository = "owner/ants";
        let stage = stage(repository, page, &config(own));
        let files = Files { repository, revision: "main", names: &[] };
        let found = hub(&stage, accepted).fetch_files(&files, &unwatched);
        assert_eq!(refused(&stage, found).as_deref(), expected, "{page:?} {own:?} {accepted:?}");
        // What is no weights may be read, by whoever wants to know the terms.
        let page = Files { names: &["config.json"], ..files };
        hub(&stage, &[]).fetch_files(&page, &unwatched).unwrap();
    }
}

/// A page may list several, or say something that nobody can read.
#[test]
fn a_page_is_read_whatever_it_is_like() {
    for (head, expected) in [
        (r#"{"license": ["mit", "cc-by-nc-4.0"]}"#, Some("cc-by-nc-4.0")),
        (r#"{"license": ["MIT", "apache-2.0"]}"#, None),
        (r#"{"license": {"name": "mit"}}"#, Some("other")),
        (r#"{"license": null}"#, Some("unstated")),
        ("null", Some("unstated")),
    ] {
        let repository = "owner/ants";
        let stage = stage(repository, None, "{}");
        let (commit, _) = stage.server.contents(repository).unwrap();
        let answer = format!(
            r#"{{"sha": "{commit}", "cardData": {head}, "siblings": [{{"rfilename": "config.json"}},
            {{"rfilename": "model.safetensors"}}]}}"#
        );
        let answer = Fault::Instead(200, Vec::new(), answer.into_bytes());
        stage.server.order(Rule::hub("api/models", 1, answer));
        let files = Files { repository, revision: "main", names: &[] };
        let found = hub(&stage, &[]).fetch_files(&files, &unwatched);
        assert_eq!(refused(&stage, found).as_deref(), expected, "{head}");
    }
    // A repository that was renamed is known by the name that the Hub gives it.
    let stage = stage("owner/renamed", Some("mit"), &config(Some("mit")));
    let (commit, _) = stage.server.contents("owner/renamed").unwrap();
    let answer = format!(
        r#"{{"id": "timm/{RESTRICTED}", "sha": "{commit}", "cardData": {{"license": "mit"}},
        "siblings": [{{"rfilename": "config.json"}}, {{"rfilename": "model.safetensors"}}]}}"#
    );
    stage.server.order(Rule::hub(
        "api/models",
        1,
        Fault::Instead(200, Vec::new(), answer.into_bytes()),
    ));
    let files = Files { repository: "owner/renamed", revision: "main", names: &[] };
    let found = hub(&stage, &[]).fetch_files(&files, &unwatched);
    assert_eq!(refused(&stage, found).as_deref(), Some("cc-by-nc-4.0"));
}

/// What Python has fetched says nothing of the page: it is asked once, and then recorded.
#[test]
fn weights_that_others_fetched_are_asked_about_where_nothing_states_a_license() {
    let repository = "owner/ants";
    let stage = stage(repository, Some("mit"), &config(None));
    let files = Files { repository, revision: "main", names: &[] };
    // Unchecked, and unrecorded: as if another client had been here.
    stage.hub().fetch_files(&files, &unwatched).unwrap();
    stage.hub().remove_trust(repository).unwrap();
    stage.server.requests();
    let offline = HubSettings { network: NetworkAccess::Offline, ..stage.settings() };
    let offline = || HubSettings { licenses: Licenses::Checked(policy(&[])), ..offline.clone() };
    assert_eq!(
        refused(&stage, Hub::new(offline()).fetch_files(&files, &unwatched)).as_deref(),
        Some("unstated")
    );
    let found = hub(&stage, &[]).fetch_files(&files, &unwatched).unwrap();
    assert_eq!((found.downloaded, found.trust), (0, Trust::FirstUse));
    assert!(stage.hub().records().unwrap().iter().all(|record| record.licenses == ["mit"]));
    Hub::new(offline()).fetch_files(&files, &unwatched).unwrap();
}

/// Files that are here already are put into the cache, and are held against licenses when they are used.
#[test]
fn importing_asks_for_no_license_and_using_does() {
    let stage = Stage::new();
    let source = stage.folder.path().join("stick");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("config.json"), config(Some("cc-by-nc-4.0"))).unwrap();
    fs::write(source.join("model.safetensors"), &stage.weights).unwrap();
    hub(&stage, &[]).import(card(), &source).unwrap();
    let found = hub(&stage, &[]).locate(card());
    assert_eq!(refused(&stage, found).as_deref(), Some("cc-by-nc-4.0"));
    hub(&stage, &["cc-by-nc-4.0"]).locate(card()).unwrap();
}
