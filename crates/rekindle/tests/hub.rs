//! `--model NAME` is enough: weights come from a Hub of ours, are kept, and are found again without it.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

mod support;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rekindle::{Device, Model, cards::HubConfig};
use rekindle_loopback::Server;
use serde_json::Value;

/// The smallest network that is on the Hub.
const NAME: &str = "test_resnet.r160_in1k";
const REPOSITORY: &str = "timm/test_resnet.r160_in1k";

/// A Hub, an empty cache, a picture, and untrained weights of [`NAME`] as a file.
struct Stage {
    server: Server,
    folder: tempfile::TempDir,
    weights: PathBuf,
    config: String,
    picture: PathBuf,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let device = Device::flex();
        device.seed(7);
        let labels: Vec<String> = (0..1000).map(|label| format!("n{label:08}")).collect();
        let (model, _) = Model::for_labels(Some(NAME), None, &labels, &device).unwrap();
        let weights = folder.path().join("model.safetensors");
        model.save(&weights, None).unwrap();
        let picture = folder.path().join("picture.png");
        let pixels = (0..64 * 48 * 3).map(|place| (place * 7 % 251) as u8).collect();
        image::RgbImage::from_raw(64, 48, pixels).unwrap().save(&picture).unwrap();
        let server = Server::start().unwrap();
        let config = model.config().to_json().unwrap();
        let bytes = fs::read(&weights).unwrap();
        server.publish(
            REPOSITORY,
            &[("config.json", config.as_bytes()), ("model.safetensors", &bytes)],
        );
        Self { server, folder, weights, config, picture }
    }

    fn command(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rekindle"));
        command.args(arguments.iter().map(AsRef::as_ref));
        command.env("HF_HOME", self.folder.path().join("home"));
        command.env("HF_ENDPOINT", self.server.endpoint());
        command.env("XDG_STATE_HOME", self.folder.path().join("state"));
        for variable in ["HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE", "REKINDLE_LICENSES"] {
            command.env_remove(variable);
        }
        command
    }

    fn online(&self, arguments: &[&dyn AsRef<OsStr>]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn offline(&self, arguments: &[&dyn AsRef<OsStr>]) -> Output {
        self.command(arguments).env("HF_HUB_OFFLINE", "1").output().unwrap()
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", told(output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_name_is_enough_with_a_network_and_later_without() {
    let stage = Stage::new();
    let picture: &Path = &stage.picture;
    let by_name: [&dyn AsRef<OsStr>; 5] = [&"predict", &"--json", &"--model", &NAME, &picture];
    let by_file: [&dyn AsRef<OsStr>; 5] =
        [&"predict", &"--json", &"--weights", &stage.weights, &picture];

    // Nothing there yet: what to run, and where it was looked for.
    let output = stage.offline(&by_name);
    assert_eq!(output.status.code(), Some(1));
    let (text, home) = (told(&output), stage.folder.path().join("home"));
    assert!(text.contains(&format!("rekindle fetch {NAME}")), "{text}");
    assert!(text.contains(&home.display().to_string()) && !text.contains("panicked"), "{text}");

    let expected = lines(&stage.online(&by_file));
    let first = stage.online(&by_name);
    assert!(told(&first).contains("first use of timm/test_resnet"), "{}", told(&first));
    assert_eq!(lines(&first), expected);
    stage.server.requests();
    for again in [stage.online(&by_name), stage.offline(&by_name)] {
        assert!(!told(&again).contains("first use"), "{}", told(&again));
        assert_eq!(lines(&again), expected);
    }
    assert!(stage.server.requests().is_empty(), "what is in the cache was asked for again");

    // What is upstream now changes nothing here.
    stage.server.publish(REPOSITORY, &[("config.json", b"{}"), ("model.safetensors", b"others")]);
    assert_eq!(lines(&stage.online(&by_name)), expected);
}

#[test]
fn training_begins_with_what_the_name_stands_for() {
    let (stage, data) = (Stage::new(), support::doodles(4, 2));
    let out = stage.folder.path().join("run");
    let finetune = |more: &[&str]| {
        let mut command = stage.command(&[&"finetune", &"--json", &"--epochs", &"1"]);
        command.args(["--model", "test_resnet"]).arg("--data").arg(data.path());
        lines(&command.arg("--out").arg(&out).arg("--overwrite").args(more).output().unwrap());
        let run = fs::read(out.join("run.json")).unwrap();
        serde_json::from_slice::<Value>(&run).unwrap()
    };
    let run = finetune(&[]);
    let origin = run["weights"]["origin"].as_str().unwrap();
    assert!(origin.starts_with("timm/test_resnet.r160_in1k at "), "{origin}");
    let sha256 = rekindle_loopback::sha256(&fs::read(&stage.weights).unwrap());
    assert_eq!(run["weights"]["sha256"].as_str(), Some(sha256.as_str()));
    stage.server.requests();
    for nothing in [&["--untrained"][..], &["--recipe", "scratch"]] {
        assert!(finetune(nothing)["weights"].is_null(), "{nothing:?}");
    }
    assert!(stage.server.requests().is_empty());
}

#[test]
fn the_cache_is_listed_verified_mended_and_cleared() {
    let stage = Stage::new();
    let fetched = lines(&stage.online(&[&"fetch", &"--json", &"test_resnet"]));
    assert_eq!(
        (fetched[0]["checkpoint"].as_str(), fetched[0]["status"].as_str()),
        (Some(NAME), Some("fetched"))
    );
    let listed = lines(&stage.offline(&[&"cache", &"list", &"--json"]));
    let weights = listed.iter().find(|file| file["file"] == "model.safetensors").unwrap();
    assert_eq!(weights["repository"], REPOSITORY);
    assert_eq!(weights["bytes"], fs::metadata(&stage.weights).unwrap().len());
    assert!(stage.offline(&[&"cache", &"verify"]).status.success());

    // One bit: noticed by all who look, and mended by a fetch.
    let path = fs::canonicalize(weights["path"].as_str().unwrap()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    let output = stage.offline(&[&"cache", &"verify"]);
    assert!(output.status.code() == Some(1) && told(&output).contains("model.safetensors"));
    let picture: &Path = &stage.picture;
    let output = stage.offline(&[&"predict", &"--model", &NAME, &picture]);
    assert!(
        output.status.code() == Some(1) && told(&output).contains("rekindle fetch"),
        "{}",
        told(&output)
    );
    assert!(!stage.offline(&[&"fetch", &"--check", &NAME]).status.success());
    lines(&stage.online(&[&"fetch", &"--json", &NAME]));
    assert!(stage.offline(&[&"fetch", &"--check", &NAME]).status.success());
    assert!(stage.offline(&[&"cache", &"verify"]).status.success());

    assert!(stage.offline(&[&"cache", &"prune", &REPOSITORY]).status.success());
    assert!(lines(&stage.offline(&[&"cache", &"list", &"--json"])).is_empty());
    // The same bytes from elsewhere are taken, others are not.
    let elsewhere = stage.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("config.json"), &stage.config).unwrap();
    fs::write(elsewhere.join("model.safetensors"), b"others").unwrap();
    let output = stage.offline(&[&"cache", &"import", &NAME, &elsewhere]);
    let text = told(&output);
    assert!(output.status.code() == Some(1) && text.contains("model.safetensors"), "{text}");
    fs::copy(&stage.weights, elsewhere.join("model.safetensors")).unwrap();
    let output = stage.offline(&[&"cache", &"import", &NAME, &elsewhere]);
    assert!(output.status.success(), "{}", told(&output));
    assert!(stage.offline(&[&"predict", &"--model", &NAME, &picture]).status.success());
}

#[test]
fn licenses_that_restrict_are_accepted_by_name_first() {
    let stage = Stage::new();
    let name = "resnet18.fb_swsl_ig1b_ft_in1k";
    let picture: &Path = &stage.picture;
    for arguments in
        [vec![&"fetch" as &dyn AsRef<OsStr>, &name], vec![&"predict", &"--model", &name, &picture]]
    {
        let output = stage.online(&arguments);
        let text = told(&output) + &String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.code() == Some(1) && text.contains("--accept-license cc-by-nc-4.0"),
            "{text}"
        );
    }
    assert!(stage.server.requests().is_empty(), "asked for before it was accepted");
    // Accepted, it is looked for; this Hub does not have it.
    let accepted = stage.online(&[&"fetch", &"--accept-license", &"cc-by-nc-4.0", &name]);
    assert!(!accepted.status.success() && !stage.server.requests().is_empty());
    let policy = stage.folder.path().join("licenses.toml");
    fs::write(&policy, "accept = [\"cc-by-nc-4.0\"]\n").unwrap();
    let mut command = stage.command(&[&"fetch", &name]);
    let output = command.env("REKINDLE_LICENSES", &policy).output().unwrap();
    assert!(!output.status.success() && !stage.server.requests().is_empty());
}

#[test]
fn what_was_trained_is_pushed_and_found_by_its_name() {
    let (stage, data) = (Stage::new(), support::doodles(4, 2));
    stage.server.allow_writes("hf_secret");
    let out = stage.folder.path().join("run");
    let run: &Path = &out;
    let (folder, home): (&Path, &str) = (data.path(), "someone/doodles");
    let trained = stage.online(&[
        &"finetune",
        &"--json",
        &"--epochs",
        &"1",
        &"--model",
        &NAME,
        &"--data",
        &folder,
        &"--out",
        &run,
    ]);
    lines(&trained);

    let push: [&dyn AsRef<OsStr>; 3] = [&"push", &run, &home];
    let refused = stage.online(&push);
    assert!(
        refused.status.code() == Some(1) && told(&refused).contains("HF_TOKEN"),
        "{}",
        told(&refused)
    );
    let pushed = |more: &[&str]| {
        let output = stage.command(&push).args(more).env("HF_TOKEN", "hf_secret").output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let card = stage.folder.path().join("card");
    pushed(&["--dry-run", card.to_str().unwrap()]);
    assert!(stage.server.contents(home).is_none());
    let text = fs::read_to_string(card.join("README.md")).unwrap();
    for part in [
        "license: apache-2.0",
        "base_model: \"timm/test_resnet.r160_in1k\"",
        "hf-hub:someone/doodles",
    ] {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
    assert!(pushed(&[]).contains("sent"));
    let (_, files) = stage.server.contents(home).unwrap();
    assert_eq!(files["README.md"], text.as_bytes());
    assert!(pushed(&[]).contains("unchanged"));

    let picture: &Path = &stage.picture;
    let weights: &Path = &out.join("best.safetensors");
    let here = lines(&stage.online(&[&"predict", &"--json", &"--weights", &weights, &picture]));
    let there =
        stage.online(&[&"predict", &"--json", &"--weights", &"hf-hub:someone/doodles", &picture]);
    assert!(told(&there).contains("first use of someone/doodles"), "{}", told(&there));
    assert_eq!(lines(&there), here);
}

/// The strictest license of card, page and config, by whichever route weights come.
#[test]
fn no_route_leads_around_a_license() {
    let stage = Stage::new();
    let picture: &Path = &stage.picture;
    let (nc, bytes) = ("cc-by-nc-4.0", fs::read(&stage.weights).unwrap());
    let config = HubConfig::from_json(&stage.config).unwrap();
    let under = |license: &str| HubConfig { license: Some(license.to_owned()), ..config.clone() };
    let refused = |arguments: &[&dyn AsRef<OsStr>], license: &str, asked: &[&str]| {
        let output = stage.online(arguments);
        let text = told(&output);
        assert!(
            output.status.code() == Some(1)
                && text.contains(&format!("--accept-license {license}")),
            "{text}"
        );
        let weights = |path: &String| asked.iter().any(|name| path.contains(name));
        let paths = stage.server.requests().into_iter().map(|request| request.path);
        assert_eq!(paths.filter(weights).collect::<Vec<_>>(), Vec::<String>::new());
        let accept: [&dyn AsRef<OsStr>; 2] = [&"--accept-license", &license];
        let output = stage.online(&[arguments, &accept].concat());
        assert!(output.status.success(), "{}", told(&output));
        stage.server.requests();
    };
    let weights = &["model.safetensors", "X-Signature"];

    // A card's own repository, whose config says otherwise; the same in another case.
    for repository in ["timm/resnet18.fb_swsl_ig1b_ft_in1k", "timm/ResNet18.fb_swsl_ig1b_ft_in1k"] {
        let mit = under("mit").to_json().unwrap();
        stage
            .server
            .publish(repository, &[("config.json", mit.as_bytes()), ("model.safetensors", &bytes)]);
        stage.server.set_license(repository, "mit");
        let name = format!("hf-hub:{repository}");
        refused(&[&"predict", &"--json", &"--weights", &name, &picture], nc, weights);
    }
    // The Hub's page says what neither card nor config does.
    stage.server.set_license(REPOSITORY, nc);
    refused(&[&"predict", &"--json", &"--model", &NAME, &picture], nc, weights);
    // A folder, whose config says so.
    let folder = stage.folder.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("config.json"), under("gpl-3.0").to_json().unwrap()).unwrap();
    fs::copy(&stage.weights, folder.join("model.safetensors")).unwrap();
    refused(&[&"predict", &"--json", &"--weights", &folder, &picture], "gpl-3.0", &["/"]);
    // A file that carries its config, and one that is said to be a checkpoint.
    let (model, _) = Model::open(None, &stage.weights, &Device::flex()).unwrap();
    let file = stage.folder.path().join("best.safetensors");
    Model::new(model.clone().into_network(), under(nc)).save(&file, None).unwrap();
    refused(&[&"predict", &"--json", &"--weights", &file, &picture], nc, &["/"]);
    // What lies in somebody's cache is what its folder says.
    let cached =
        stage.folder.path().join("models--timm--resnet18.fb_swsl_ig1b_ft_in1k/snapshots/0");
    fs::create_dir_all(&cached).unwrap();
    fs::write(cached.join("config.json"), under("mit").to_json().unwrap()).unwrap();
    fs::copy(&stage.weights, cached.join("model.safetensors")).unwrap();
    refused(&[&"predict", &"--json", &"--weights", &cached, &picture], nc, &["/"]);
    // Weights that state nothing, and are of no card, are their user's own.
    let own = HubConfig { license: None, tag: "mine".to_owned(), ..config.clone() };
    Model::new(model.into_network(), own).save(&file, None).unwrap();
    let file: &Path = &file;
    lines(&stage.online(&[&"predict", &"--json", &"--weights", &file, &picture]));
}

#[test]
fn a_password_of_the_endpoint_is_not_printed() {
    let stage = Stage::new();
    let endpoint = stage.server.endpoint().replace("http://", "http://user:password@");
    let card = stage.folder.path().join("card");
    for arguments in [
        vec![&"fetch" as &dyn AsRef<OsStr>, &NAME],
        vec![&"fetch", &"resnet18"],
        vec![&"cache", &"list"],
        vec![&"predict", &"--weights", &"hf-hub:someone/none", &stage.picture],
        vec![&"push", &stage.weights, &"someone/ants", &"--license", &"apache-2.0"],
        vec![
            &"push",
            &stage.weights,
            &"someone/ants",
            &"--license",
            &"apache-2.0",
            &"--dry-run",
            &card,
        ],
    ] {
        let said = |endpoint: &str, token: &str| {
            let mut command = stage.command(&arguments);
            command.env("HF_ENDPOINT", endpoint).env("HF_TOKEN", token);
            let output = command.output().unwrap();
            told(&output) + &String::from_utf8_lossy(&output.stdout)
        };
        stage.server.allow_writes("hf_secret");
        let text = said(&endpoint, "hf_secret");
        assert!(!text.contains("password") && !text.contains("hf_secret"), "{text}");
        for malformed in ["user:password@hub", "http://user:pass/word@hub"] {
            let text = said(malformed, "hf_secret");
            assert!(!text.contains("pass") && !text.contains("hf_secret"), "{text}");
        }
    }
}

#[test]
fn without_a_name_a_model_is_chosen_that_can_be_had() {
    let stage = Stage::new();
    let data = support::doodles(12, 6);
    let (data, run) = (data.path(), stage.folder.path().join("run"));
    let asked: [&dyn AsRef<OsStr>; 8] =
        [&"finetune", &"--json", &"--data", &data, &"--out", &run, &"--quality", &"fast"];

    // This Hub has none of what would be best, and nothing is in the cache.
    let text = told(&stage.online(&asked));
    for part in ["no model is named", "cannot be fetched", "--weights", "404"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!run.join("best.safetensors").exists());

    // What is in the cache is taken where nothing better can be had, and it is said.
    assert!(stage.online(&[&"fetch", &NAME]).status.success());
    let output = stage.online(&asked);
    let text = told(&output);
    for part in ["cannot be fetched", NAME, "in the cache", "recipe head"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let last = lines(&output).pop().unwrap();
    let next: Vec<&str> =
        last["next"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(next.iter().any(|line| line.starts_with("a probe has ")), "{next:?}");
    assert!(next.last().unwrap().contains("report.html"), "{next:?}");
    let notes = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(notes.contains("no model is named"), "the report says what was chosen");

    // Gone on with is what was chosen, whatever would be chosen now.
    let again: Vec<&dyn AsRef<OsStr>> = asked.into_iter().chain([&"--resume" as _]).collect();
    let output = stage.offline(&again);
    assert_eq!(lines(&output).pop().unwrap()["weights"], last["weights"]);
    fs::write(run.join("chosen.json"), "{").unwrap();
    let text = told(&stage.offline(&again));
    assert!(text.contains("chosen.json: is not what was chosen"), "{text}");
}
