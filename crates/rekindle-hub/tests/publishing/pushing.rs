//! Files reach a repository once, whole and in one commit, or not at all.

use std::{fs, sync::Mutex};

use rekindle_cards::{Base, HubConfig, ModelCard};
use rekindle_hub::{
    DownloadEvent, Error, Hub, Token,
    push::{Fate, Push, Pushed, Source, Visibility, push},
    unwatched,
};
use rekindle_loopback::{Fault, Rule, sha256};

use crate::support::{Stage, card, files_of, weights};

const REPOSITORY: &str = "someone/ants";
const WRITER: &str = "hf_writer";

fn stage() -> Stage {
    let stage = Stage::new();
    stage.server.allow_writes(WRITER);
    fs::write(stage.folder.path().join("best.safetensors"), weights()).unwrap();
    stage
}

pub(crate) fn model_card(repository: &str) -> ModelCard {
    ModelCard {
        repository: repository.to_owned(),
        config: HubConfig::from_card(card()),
        bases: vec![Base {
            name: card().name(),
            repository: card().repository.clone(),
            license: card().license.clone(),
        }],
        data: None,
        measured: Vec::new(),
        training: Vec::new(),
    }
}

fn wanted(stage: &Stage) -> Push {
    let weights = stage.folder.path().join("best.safetensors");
    Push {
        repository: REPOSITORY.to_owned(),
        visibility: Visibility::Usual,
        message: "Upload a model".to_owned(),
        files: files_of(&model_card(REPOSITORY), &weights),
    }
}

fn pushed(stage: &Stage, wanted: &Push, token: Option<&str>) -> Result<Pushed, Error> {
    let mut settings = stage.settings();
    settings.token = token.and_then(Token::new);
    push(Hub::new(settings).client().unwrap(), wanted, &unwatched)
}

fn fates(pushed: &Pushed) -> Vec<Fate> {
    pushed.files.iter().map(|(_, fate)| *fate).collect()
}

fn puts(stage: &Stage) -> usize {
    stage.server.requests().iter().filter(|request| request.method == "PUT").count()
}

#[test]
fn a_model_arrives_whole_and_is_not_sent_twice() {
    let stage = stage();
    let done = pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap();
    assert_eq!(fates(&done), [Fate::Sent; 3]);
    let (commit, files) = stage.server.contents(REPOSITORY).unwrap();
    assert_eq!(commit, done.commit);
    assert_eq!(files["model.safetensors"], weights());
    assert_eq!(files["README.md"], model_card(REPOSITORY).to_markdown().into_bytes());
    HubConfig::from_json(std::str::from_utf8(&files["config.json"]).unwrap()).unwrap();
    assert_eq!(puts(&stage), 1);

    let again = pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap();
    assert_eq!((fates(&again), again.commit), (vec![Fate::Unchanged; 3], commit.clone()));
    let asked = stage.server.requests();
    assert!(
        asked.iter().all(|request| !request.path.contains("commit") && request.method != "PUT")
    );
    assert!(asked.iter().all(|request| request.path != "/api/repos/create"));

    // One file changes: it alone is committed.
    let mut other = wanted(&stage);
    other.files[0].source = Source::Text("another page".to_owned());
    let third = pushed(&stage, &other, Some(WRITER)).unwrap();
    assert_eq!(fates(&third), [Fate::Sent, Fate::Unchanged, Fate::Unchanged]);
    assert_ne!(third.commit, commit);
    assert_eq!(puts(&stage), 0);
    let (_, files) = stage.server.contents(REPOSITORY).unwrap();
    assert_eq!((files["README.md"].as_slice(), files.len()), (&b"another page"[..], 4));
}

#[test]
fn what_storage_has_is_not_sent_again() {
    let stage = stage();
    stage.server.publish("timm/other", &[("model.safetensors", &weights())]);
    let done = pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap();
    assert_eq!(fates(&done), [Fate::Sent, Fate::Sent, Fate::Known]);
    assert_eq!(puts(&stage), 0);
}

#[test]
fn a_long_file_goes_up_in_parts() {
    let stage = stage();
    let length = weights().len();
    for part in [length - 1, length / 3, 100_000] {
        let stage = self::stage();
        stage.server.split_uploads(part);
        let seen = Mutex::new(Vec::new());
        let watch = |event: DownloadEvent<'_>| match event {
            DownloadEvent::Bytes { done, total } => seen.lock().unwrap().push((done, total)),
            event => panic!("{event:?}"),
        };
        let mut settings = stage.settings();
        settings.token = Token::new(WRITER);
        push(Hub::new(settings).client().unwrap(), &wanted(&stage), &watch).unwrap();
        assert_eq!(puts(&stage), length.div_ceil(part), "parts of {part}");
        let (_, files) = stage.server.contents(REPOSITORY).unwrap();
        assert_eq!(sha256(&files["model.safetensors"]), sha256(&weights()));
        let seen = seen.into_inner().unwrap();
        assert!(
            seen.is_sorted() && seen.last() == Some(&(length as u64, length as u64)),
            "{seen:?}"
        );
    }
    drop(stage);
}

#[test]
fn a_push_that_was_cut_off_goes_on() {
    let stage = stage();
    let refused = || Fault::Instead(500, vec![], b"{}".to_vec());
    // Storage is retried; the commit, which may have happened, is not.
    stage.server.order(Rule { method: Some("PUT"), ..Rule::storage(2, refused()) });
    stage.server.order(Rule::hub("/commit/", 1, refused()));
    let error = pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap_err();
    assert!(matches!(error, Error::Status { status: 500, .. }), "{error}");
    assert_eq!(puts(&stage), 3);
    let done = pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap();
    assert_eq!(puts(&stage), 0, "the weights are there");
    assert_eq!(stage.server.contents(REPOSITORY).unwrap().0, done.commit);
}

#[test]
fn an_answer_that_was_lost_is_no_second_commit() {
    let stage = stage();
    stage.server.order(Rule::hub("/commit/", 1, Fault::Cut(0)));
    pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap_err();
    let (commit, files) = stage.server.contents(REPOSITORY).unwrap();
    assert_eq!(files.len(), 4, "it did happen");
    let again = pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap();
    assert_eq!((again.commit.clone(), fates(&again)), (commit, vec![Fate::Unchanged; 3]));
}

#[test]
fn the_token_goes_to_the_hub_alone() {
    let stage = stage();
    pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap();
    for request in stage.server.requests() {
        let token = request.header("authorization").is_some();
        assert_eq!(token, request.host == rekindle_loopback::Host::Hub, "{}", request.path);
    }
}

#[test]
fn without_the_right_to_write_nothing_happens_and_the_remedy_is_told() {
    let check = |token: Option<&str>, parts: &[&str]| {
        let stage = stage();
        let message = pushed(&stage, &wanted(&stage), token).unwrap_err().to_string();
        for part in parts {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
        assert!(!message.contains("hf_"), "{message}");
        assert!(stage.server.contents(REPOSITORY).is_none());
    };
    check(None, &[REPOSITORY, "HF_TOKEN", "hf auth login", "/settings/tokens"]);
    check(Some("hf_reader"), &["may not write to someone/ants", "HF_TOKEN", "/settings/tokens"]);
}

#[test]
fn a_private_repository_is_private_from_the_start_or_refused() {
    let stage = stage();
    let private = Push { visibility: Visibility::Private, ..wanted(&stage) };
    pushed(&stage, &private, Some(WRITER)).unwrap();
    let read = |token: Option<&str>| {
        let mut settings = stage.settings();
        settings.token = token.and_then(Token::new);
        Hub::new(settings).repository(REPOSITORY, "main").is_ok()
    };
    assert_eq!((read(None), read(Some(WRITER))), (false, true));
    pushed(&stage, &private, Some(WRITER)).unwrap();

    let stage = self::stage();
    pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap();
    let before = stage.server.contents(REPOSITORY).unwrap().0;
    let mut other = Push { visibility: Visibility::Private, ..wanted(&stage) };
    other.files[0].source = Source::Text("secret".to_owned());
    let error = pushed(&stage, &other, Some(WRITER)).unwrap_err();
    assert!(matches!(error, Error::Public { .. }), "{error}");
    assert_eq!(stage.server.contents(REPOSITORY).unwrap().0, before);
}

#[test]
fn names_and_files_that_cannot_be_are_refused_before_anything_is_sent() {
    let stage = stage();
    for name in ["ants", "../ants/x", "a/b/c", "a/b c", ""] {
        let wanted = Push { repository: name.to_owned(), ..wanted(&stage) };
        let error = pushed(&stage, &wanted, Some(WRITER)).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{name}: {error}");
    }
    let mut outside = wanted(&stage);
    outside.files[0].path = "../README.md".to_owned();
    let error = pushed(&stage, &outside, Some(WRITER)).unwrap_err();
    assert!(matches!(error, Error::Name { .. }), "{error}");
    assert!(outside.files[0].write(stage.folder.path()).is_err());
    assert!(stage.server.requests().is_empty());

    let mut ignored = wanted(&stage);
    ignored.files[0].path = "README.ignored".to_owned();
    let message = pushed(&stage, &ignored, Some(WRITER)).unwrap_err().to_string();
    assert!(message.contains("README.ignored") && message.contains(".gitignore"), "{message}");
    let mut gone = wanted(&stage);
    gone.files[2].source = Source::File(stage.folder.path().join("gone.safetensors"));
    let message = pushed(&stage, &gone, Some(WRITER)).unwrap_err().to_string();
    assert!(message.contains("gone.safetensors"), "{message}");
}

#[test]
fn an_answer_that_is_no_hubs_is_an_error_that_says_so() {
    let check = |path: &str, answer: &str, part: &str| {
        let stage = stage();
        let instead = Fault::Instead(200, vec![], answer.as_bytes().to_vec());
        stage.server.order(Rule { method: Some("POST"), ..Rule::hub(path, 9, instead) });
        let message = pushed(&stage, &wanted(&stage), Some(WRITER)).unwrap_err().to_string();
        assert!(message.contains(part), "no `{part}` in: {message}");
    };
    check("preupload", "<html>", "HF_ENDPOINT");
    check("preupload", r#"{"files": []}"#, "says nothing of README.md");
    check("batch", r#"{"objects": []}"#, "model.safetensors: not answered");
    let sum = sha256(&weights());
    let object = |rest: &str| format!(r#"{{"objects": [{{"oid": "{sum}", "size": 1, {rest}}}]}}"#);
    let refused = object(r#""error": {"code": 413, "message": "too large"}"#);
    check("batch", &refused, "refused with 413: too large");
    let parts = r#""actions": {"upload": {"href": "http://x/", "header": {"chunk_size": "10", "1": "http://x/"}}}"#;
    check("batch", &object(parts), "1 parts, which do not make up");
    let none = r#""actions": {"upload": {"href": "http://x/", "header": {"chunk_size": "0"}}}"#;
    check("batch", &object(none), "0 parts");
    check("/commit/", r#"{"success": false}"#, "commitOid");
}

#[test]
fn a_dry_run_writes_what_would_be_pushed() {
    let stage = stage();
    let folder = stage.folder.path().join("dry/ants");
    for file in wanted(&stage).files {
        file.write(&folder).unwrap();
    }
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert_eq!(read("model.safetensors"), weights());
    assert!(read("README.md").starts_with(b"---\nlicense: apache-2.0\n"));
    HubConfig::from_json(std::str::from_utf8(&read("config.json")).unwrap()).unwrap();
}
