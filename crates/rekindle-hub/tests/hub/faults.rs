//! Whatever goes wrong: the right bytes or one clear error, nothing bad in the cache, and the next call recovers.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::Mutex,
    time::{Duration, Instant},
};

use rekindle_hub::{DownloadEvent, Hub, HubSettings, unwatched};
use rekindle_loopback::{Fault, Host, Rule, Server};

use crate::support::{CONFIG, Stage, TOKEN, bytes, card, list};

const FOREVER: usize = usize::MAX;

/// What a fetch must come to.
enum Outcome {
    /// The right bytes, in spite of it.
    Recovers,
    /// An error that holds all of these.
    Fails(&'static [&'static str]),
}

use Outcome::{Fails, Recovers};

#[test]
fn every_fault_leads_to_the_right_bytes_or_one_clear_error() {
    let status = |status| Fault::Instead(status, Vec::new(), b"{\"error\": \"so it is\"}".to_vec());
    let header = |name, value: &str| Fault::Headers(vec![(name, value.to_owned())]);
    let page = || {
        let kind = vec![("Content-Type", "text/html; charset=utf-8".to_owned())];
        Fault::Instead(200, kind, b"<html>Please log in</html>".to_vec())
    };
    let hub = |method, path: &str, times, fault| Rule {
        method: Some(method),
        ..Rule::hub(path, times, fault)
    };
    let head = |times, fault| hub("HEAD", "model.safetensors", times, fault);
    let config = |times, fault| hub("GET", "config.json", times, fault);
    let storage = Rule::storage;
    let stall = Duration::from_millis(700);
    let other = "0".repeat(64);
    let zipped = || Fault::Headers(vec![("Content-Encoding", "gzip".to_owned())]);
    let to =
        |location: &str| Fault::Instead(302, vec![("Location", location.to_owned())], Vec::new());
    let retry =
        |value: &str| Fault::Instead(429, vec![("Retry-After", value.to_owned())], Vec::new());

    let mut table: Vec<(String, Rule, Outcome)> = Vec::new();
    let mut row = |name: &str, rule: Rule, outcome| table.push((name.to_owned(), rule, outcome));
    for after in [0, 1, 100, 65_535, 65_536, 65_537, 150_000, 262_144, 299_999, 300_006] {
        row(&format!("cut once after {after}"), storage(1, Fault::Cut(after)), Recovers);
        let name = format!("cut {after} bytes into every answer");
        // Each answer brings these bytes at least, and what gets further is tried again.
        let outcome = if after == 0 { Fails(&["storage", "3 times in a row"]) } else { Recovers };
        if after == 0 || after >= 65_535 {
            row(&name, storage(FOREVER, Fault::Cut(after)), outcome);
        }
    }
    row("small file cut", config(1, Fault::Cut(9)), Recovers);
    row("description cut", head(1, Fault::Cut(0)), Recovers);
    row("description cut for ever", head(FOREVER, Fault::Cut(0)), Fails(&["3 times"]));
    row("list cut", hub("GET", "api/models", 1, Fault::Cut(20)), Recovers);
    row("stall at once", storage(1, Fault::Stall(0, stall)), Recovers);
    row("stall in the middle", storage(1, Fault::Stall(100_000, stall)), Recovers);
    row(
        "stall for ever",
        storage(FOREVER, Fault::Stall(0, stall)),
        Fails(&["stopped sending", "3 times"]),
    );
    row("longer once", storage(1, header("Content-Length", "300008")), Recovers);
    row(
        "longer",
        storage(FOREVER, header("Content-Length", "300008")),
        Fails(&["300008", "300007"]),
    );
    row("shorter", storage(FOREVER, header("Content-Length", "7")), Fails(&["7 bytes", "300007"]));
    row(
        "described as longer",
        head(1, header("X-Linked-Size", "300008")),
        Fails(&["300007", "300008"]),
    );
    row("described without a size", head(1, header("X-Linked-Size", "")), Fails(&["no size"]));
    row("bit flipped once", storage(1, Fault::Flip(123_456)), Recovers);
    row(
        "bit flipped",
        storage(FOREVER, Fault::Flip(123_456)),
        Fails(&["SHA-256", "nothing was kept"]),
    );
    row("bit of a small file flipped once", config(1, Fault::Flip(3)), Recovers);
    row(
        "bit of a small file flipped",
        config(FOREVER, Fault::Flip(3)),
        Fails(&["git's hash", "config.json"]),
    );
    row(
        "another ETag",
        head(1, header("X-Linked-ETag", &format!("\"{other}\""))),
        Fails(&[TEN_ZEROS]),
    );
    row(
        "an ETag that leads out",
        head(1, header("X-Linked-ETag", "\"../../../x\"")),
        Fails(&["ETag"]),
    );
    row("an empty ETag", head(1, header("X-Linked-ETag", "\"\"")), Fails(&["ETag"]));
    row(
        "another commit",
        head(1, header("X-Repo-Commit", &"1".repeat(40))),
        Fails(&["commit 1111"]),
    );
    row(
        "no commit",
        head(1, header("X-Repo-Commit", "")),
        Fails(&["X-Repo-Commit", "HF_ENDPOINT"]),
    );
    row("no part", storage(1, Fault::NoRanges), Recovers);
    for code in [429, 500, 502, 503, 504] {
        row(&format!("{code} once"), storage(1, status(code)), Recovers);
        row(&format!("{code} once, described"), head(1, status(code)), Recovers);
        row(&format!("{code} once, listed"), hub("GET", "api/models", 1, status(code)), Recovers);
        row(
            &format!("{code}"),
            storage(FOREVER, status(code)),
            Fails(&["so it is", "try again later"]),
        );
        row(
            &format!("{code}, described"),
            head(FOREVER, status(code)),
            Fails(&["try again later"]),
        );
    }
    row("429 for an hour", storage(1, retry("3600")), Recovers);
    row("429 until a date, by a clock that is years off", storage(1, retry(LATER)), Recovers);
    row("400", storage(1, status(400)), Fails(&["400", "so it is"]));
    row("401", head(1, status(401)), Fails(&["401", "HF_TOKEN"]));
    row("403", storage(1, status(403)), Fails(&["403", "so it is", "HF_TOKEN"]));
    row("404", head(1, status(404)), Fails(&["404", "check the name"]));
    row("404, listed", hub("GET", "api/models", 1, status(404)), Fails(&["404", "so it is"]));
    row("416 for the whole", storage(1, status(416)), Fails(&["416"]));
    row(
        "redirect to itself",
        head(FOREVER, to("/timm/resnet18.a1_in1k/resolve/x/model.safetensors")),
        Fails(&["redirects"]),
    );
    row(
        "redirect to nowhere",
        head(1, Fault::Instead(302, Vec::new(), Vec::new())),
        Fails(&["leads nowhere"]),
    );
    row(
        "redirect to a file",
        hub("GET", "model.safetensors", 1, to("file:///etc/passwd")),
        Fails(&["no address"]),
    );
    row(
        "a config of 600 MB",
        hub("HEAD", "config.json", 1, header("X-Linked-Size", "629145600")),
        Fails(&["config.json", "629145600", "16777216 is the limit"]),
    );
    row(
        "a list of 600 MB",
        hub("GET", "api/models", 1, header("Content-Length", "629145600")),
        Fails(&["33554432 bytes, the limit"]),
    );
    row(
        "redirect within the host whose query holds an address",
        hub("HEAD", "model.safetensors", 1, to("?go=https://elsewhere.example/x")),
        Recovers,
    );
    row("gzip", storage(1, zipped()), Fails(&["compressed (gzip)"]));
    row("gzip, small", config(1, zipped()), Fails(&["compressed (gzip)"]));
    row("gzip, listed", hub("GET", "api/models", 1, zipped()), Fails(&["compressed (gzip)"]));
    row("a page", storage(1, page()), Fails(&["a page came", "login"]));
    row("a page, small", config(1, page()), Fails(&["a page came"]));
    row("a page, described", head(1, page()), Fails(&["login page"]));
    row("a page, listed", hub("GET", "api/models", 1, page()), Fails(&["login page"]));
    row(
        "a file instead of a list",
        hub("GET", "api/models", 1, Fault::Instead(200, vec![], b"[1]".to_vec())),
        Fails(&["not what a Hub says"]),
    );

    for stage in [Stage::new, Stage::pinned] {
        for (name, rule, outcome) in &table {
            let stage = stage();
            let listed = rule.path.contains("api/models");
            if listed && !stage.pins.is_empty() {
                continue;
            }
            stage.server.order(rule.clone());
            let mut settings = stage.settings();
            if name.starts_with("stall") {
                settings.stall = SHORT;
            }
            let fetched = Hub::new(settings).fetch(card(), &unwatched);
            assert!(stage.server.faults() > 0, "{name}: nothing went wrong");
            match (fetched, outcome) {
                (Ok(located), Recovers) => stage.check(&located),
                (Ok(_), Fails(_)) => panic!("{name}: went well"),
                (Err(error), Recovers) => panic!("{name}: {error}"),
                (Err(error), Fails(parts)) => {
                    let message = error.to_string();
                    for part in *parts {
                        let storage = *part == "storage";
                        assert!(
                            storage || message.contains(part),
                            "{name}: no `{part}` in: {message}"
                        );
                    }
                    assert!(
                        !message.contains(TOKEN) && !message.contains("Signature"),
                        "{message}"
                    );
                    stage.check_cache();
                    assert!(stage.hub().locate(card()).is_err(), "{name}: something is there");
                }
            }
            stage.server.clear();
            let located = stage.fetch().unwrap_or_else(|error| panic!("after {name}: {error}"));
            stage.check(&located);
        }
    }
}

/// Years after the date that the server sends.
const LATER: &str = "Thu, 01 Jan 2099 00:00:00 GMT";
/// As long as a server may be silent where it is to be silent for longer.
const SHORT: Duration = Duration::from_millis(300);
const TEN_ZEROS: &str = "0000000000";

/// Which part each download asked for, and of which bytes.
fn ranges(stage: &Stage) -> Vec<[Option<String>; 2]> {
    let both = |request: &rekindle_loopback::Request| {
        ["range", "if-range"].map(|name| request.header(name).map(str::to_owned))
    };
    stage.downloads().iter().map(both).collect()
}

/// What was received is not asked for again, and only for the same bytes.
#[test]
fn a_download_goes_on_where_it_was_cut() {
    let stage = Stage::new();
    // One connection brings 100,000 bytes, the others none.
    stage.server.order(Rule::storage(1, Fault::Cut(100_000)));
    stage.server.order(Rule::storage(FOREVER, Fault::Cut(0)));
    let error = stage.fetch().unwrap_err().to_string();
    assert!(error.contains("after the 100000 bytes"), "{error}");
    let rest = Some("bytes=100000-".to_owned());
    let [first, again, ..] = &ranges(&stage)[..] else { panic!() };
    assert_eq!(*first, [None, None]);
    // Within a process the sender's own name of the bytes is known.
    assert!(
        again[0] == rest && again[1].as_ref().is_some_and(|etag| etag.starts_with("\"storage-")),
        "{again:?}"
    );

    stage.server.clear();
    let (done, downloaded) = (Mutex::new(Vec::new()), Mutex::new(0));
    let located = stage.hub().fetch(card(), &|event| {
        if let DownloadEvent::Bytes { done: now, total } = event {
            assert!(now <= total);
            done.lock().unwrap().push(now);
            *downloaded.lock().unwrap() = total;
        }
    });
    stage.check(&located.unwrap());
    // By another process's account the partial file's name is what its bytes hash to.
    assert_eq!(ranges(&stage), [[rest, None]]);
    assert!(done.into_inner().unwrap().contains(&300_007), "the last byte is told of");
    assert_eq!(downloaded.into_inner().unwrap(), 300_007);
}

/// A partial file that is damaged where it lies, is too long or of another length of bytes costs time alone.
#[test]
fn a_damaged_partial_file_is_downloaded_anew() {
    for name in ["flipped", "too long", "as long as the file", "empty"] {
        let stage = Stage::new();
        stage.server.order(Rule::storage(1, Fault::Cut(100_000)));
        stage.server.order(Rule::storage(FOREVER, Fault::Cut(0)));
        stage.fetch().unwrap_err();
        let blobs = stage.cache().join("models--timm--resnet18.a1_in1k/blobs");
        let partial = list(&blobs).into_iter().find(|path| path.extension().is_some()).unwrap();
        let mut content = fs::read(&partial).unwrap();
        assert_eq!(content.len(), 100_000);
        match name {
            "flipped" => content[777] ^= 1,
            "too long" => content.resize(400_000, 7),
            "as long as the file" => content.resize(300_007, 0),
            _ => content.clear(),
        }
        fs::write(&partial, content).unwrap();
        stage.server.clear();
        let located = stage.fetch().unwrap_or_else(|error| panic!("{name}: {error}"));
        stage.check(&located);
    }
}

/// What upstream changes in the middle of a download does not end up in one file with what it was.
#[test]
fn a_sender_that_changes_its_bytes_is_asked_for_all_of_them() {
    let stage = Stage::new();
    stage.server.order(Rule::storage(1, Fault::Cut(100_000)));
    let renamed = Fault::Headers(vec![("ETag", "\"storage-new\"".to_owned())]);
    stage.server.order(Rule::storage(1, renamed));
    stage.check(&stage.fetch().unwrap());
    // A server without parts sends it all again.
    let stage = Stage::new();
    stage.server.order(Rule::storage(1, Fault::Cut(100_000)));
    stage.server.order(Rule::storage(1, Fault::NoRanges));
    stage.check(&stage.fetch().unwrap());
    // So does one that answers with another part, and is asked again.
    let stage = Stage::new();
    stage.server.order(Rule::storage(1, Fault::Cut(100_000)));
    let shifted = Fault::Headers(vec![("Content-Range", "bytes 99999-300006/300007".to_owned())]);
    stage.server.order(Rule::storage(1, shifted));
    stage.check(&stage.fetch().unwrap());
    assert_eq!(stage.downloads().len(), 3, "refused, and asked for again");
}

#[test]
fn a_token_is_sent_to_its_hub_alone() {
    let stage = Stage::new();
    let elsewhere = Server::start().unwrap();
    // Storage is another host by name and port; here the Hub itself is left for another port of the same host.
    let away = format!("{}/timm/x/resolve/main/model.safetensors", elsewhere.endpoint());
    let redirect = Fault::Instead(302, vec![("Location", away)], Vec::new());
    stage.server.order(Rule::hub("config.json", FOREVER, redirect));
    stage.server.require_token(crate::support::REPOSITORY, TOKEN);
    stage.fetch().unwrap_err();
    stage.server.clear();
    stage.check(&stage.fetch().unwrap());
    let requests = stage.server.requests();
    for request in &requests {
        let token = request.header("authorization");
        let expected = (request.host == Host::Hub).then(|| format!("Bearer {TOKEN}"));
        assert_eq!(token, expected.as_deref(), "{request:?}");
    }
    assert!(requests.iter().any(|request| request.host == Host::Storage));
    let others = elsewhere.requests();
    assert!(
        !others.is_empty()
            && others.iter().all(|request| request.header("authorization").is_none())
    );
    assert!(!format!("{:?} {:?}", stage.settings(), stage.hub()).contains(TOKEN));

    // Without the token the repository is not there.
    let stage = Stage::new();
    stage.server.require_token(crate::support::REPOSITORY, "hf_other");
    let error = stage.fetch().unwrap_err().to_string();
    assert!(
        error.contains("401") && error.contains("HF_TOKEN") && !error.contains(TOKEN),
        "{error}"
    );
}

#[test]
fn waiting_is_told_and_limited() {
    let stage = Stage::new();
    let hour = Fault::Instead(503, vec![("Retry-After", "3600".to_owned())], Vec::new());
    stage.server.order(Rule::storage(2, hour));
    let waits = Mutex::new(Vec::new());
    let start = Instant::now();
    let located = stage.hub().fetch(card(), &|event| {
        if let DownloadEvent::Retry { url, problem, wait } = event {
            assert!(url.starts_with("http://localhost:") && !url.contains('?'), "{url}");
            assert!(problem.contains("503"), "{problem}");
            waits.lock().unwrap().push(wait);
        }
    });
    stage.check(&located.unwrap());
    assert_eq!(waits.into_inner().unwrap(), [stage.settings().longest_wait; 2]);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn nobody_there_is_an_error_that_names_the_host() {
    let stage = Stage::new();
    for (endpoint, part) in [
        ("http://127.0.0.1:1".to_owned(), "refused"),
        ("http://no-such-host.invalid".to_owned(), "not found"),
    ] {
        let hub = Hub::new(HubSettings { endpoint: endpoint.clone(), ..stage.settings() });
        let message = hub.fetch(card(), &unwatched).unwrap_err().to_string();
        assert!(message.contains(&endpoint) && message.to_lowercase().contains(part), "{message}");
    }
    // A server that knows no TLS.
    let plain = stage.server.endpoint().replace("http:", "https:");
    let hub = Hub::new(HubSettings { endpoint: plain.clone(), stall: SHORT, ..stage.settings() });
    let message = hub.fetch(card(), &unwatched).unwrap_err().to_string();
    assert!(message.contains(&plain), "{message}");
    for endpoint in ["", "huggingface.co", "ftp://huggingface.co"] {
        let hub = Hub::new(HubSettings { endpoint: endpoint.to_owned(), ..stage.settings() });
        let message = hub.fetch(card(), &unwatched).unwrap_err().to_string();
        assert!(message.contains("HF_ENDPOINT"), "{message}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_one_error() {
    // A file where a folder should be stops everybody, the administrator too.
    let stage = Stage::new();
    fs::write(stage.cache(), "a file").unwrap();
    let message = stage.fetch().unwrap_err().to_string();
    assert!(message.contains("hub"), "{message}");
    fs::remove_file(stage.cache()).unwrap();
    stage.check(&stage.fetch().unwrap());

    let stage = Stage::new();
    let blobs = stage.cache().join("models--timm--resnet18.a1_in1k/blobs");
    fs::create_dir_all(blobs.parent().unwrap()).unwrap();
    fs::write(&blobs, "a file").unwrap();
    let message = stage.fetch().unwrap_err().to_string();
    assert!(message.contains("blobs"), "{message}");
    fs::remove_file(&blobs).unwrap();
    stage.check(&stage.fetch().unwrap());
}

/// Mounts something over a folder, and takes it away again when it is dropped.
struct Mount<'a>(&'a Path);

impl<'a> Mount<'a> {
    fn new(folder: &'a Path, arguments: &[&str]) -> Option<Self> {
        let output = Command::new("mount").args(arguments).arg(folder).output().ok()?;
        output.status.success().then_some(Self(folder))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

#[test]
fn a_full_disk_is_said_before_and_after_it_is_full() {
    let stage = Stage::new();
    fs::create_dir_all(stage.cache()).unwrap();
    let cache = stage.cache();
    let Some(mount) = Mount::new(&cache, &["-t", "tmpfs", "-o", "size=256k", "tmpfs"]) else {
        return rekindle_skip::skip("no small disk can be mounted", "run the tests as root");
    };
    let message = stage.fetch().unwrap_err().to_string();
    let parts = ["300035 bytes are needed", "HF_HUB_CACHE"];
    assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    // Another program takes the room that there was.
    let _ = Command::new("mount").args(["-o", "remount,size=400k"]).arg(&cache).status();
    let filler = bytes(200_000, 2);
    stage.server.order(Rule::storage(1, Fault::Slow(Duration::from_millis(20))));
    let full = Mutex::new(false);
    let error = stage.hub().fetch(card(), &|event| {
        let mut full = full.lock().unwrap();
        if matches!(event, DownloadEvent::Bytes { done, .. } if done > 60_000) && !*full {
            *full = true;
            let _ = fs::write(cache.join("filler"), &filler);
        }
    });
    let message = error.unwrap_err().to_string();
    assert!(message.contains("bytes are needed"), "{message}");
    fs::remove_file(cache.join("filler")).unwrap();
    stage.server.clear();
    stage.check_cache();
    stage.check(&stage.fetch().unwrap());
    drop(mount);
}

#[test]
fn a_cache_that_is_read_only_is_read() {
    let stage = Stage::new();
    let located = stage.fetch().unwrap();
    fs::write(located.folder.join("notes.txt"), "notes").unwrap();
    let cache = stage.cache();
    let bind = Mount::new(&cache, &["--bind", cache.to_str().unwrap()]);
    let read_only = Command::new("mount").args(["-o", "remount,ro,bind"]).arg(&cache).status();
    if bind.is_none() || !read_only.is_ok_and(|status| status.success()) {
        return rekindle_skip::skip("nothing can be mounted", "run the tests as root");
    }
    stage.check(&stage.hub().locate(card()).unwrap());
    assert_eq!(fs::read(located.folder.join("config.json")).unwrap(), CONFIG);
    let files = rekindle_hub::Files {
        repository: crate::support::REPOSITORY,
        revision: &stage.commit,
        names: &["notes.txt"],
    };
    // What was never recorded cannot be now, and that is said.
    let found = stage.hub().locate_files(&files).unwrap();
    assert_eq!(found.trust, rekindle_hub::Trust::Unrecorded);
    let missing = rekindle_hub::Files { names: &["README.md"], ..files };
    stage.server.publish(crate::support::REPOSITORY, &[("README.md", b"text")]);
    let message = stage.hub().fetch_files(&missing, &unwatched).unwrap_err().to_string();
    assert!(message.contains("README.md"), "{message}");
    drop(bind);
    stage.check_cache();
}

/// Byte by byte, each in time: counted are the tries, and the bytes that they brought.
#[test]
fn a_server_that_trickles_is_given_up() {
    let trickle = || Fault::Trickle(Duration::from_millis(20));
    let rules = [
        ("weights", Rule::storage(FOREVER, trickle())),
        ("config", Rule { method: Some("GET"), ..Rule::hub("config.json", FOREVER, trickle()) }),
        ("a list", Rule { method: Some("GET"), ..Rule::hub("api/models", FOREVER, trickle()) }),
    ];
    std::thread::scope(|scope| {
        for (name, rule) in rules {
            scope.spawn(move || {
                // The config is shorter than what a window has to bring, and would come in time.
                let stage = Stage::new();
                let long = bytes(100_000, 3);
                if name == "config" {
                    let files: &[(&str, &[u8])] =
                        &[("config.json", &long), ("model.safetensors", &stage.weights)];
                    stage.server.publish(crate::support::REPOSITORY, files);
                }
                if name == "a list" {
                    let names: Vec<String> = (0..500).map(|name| format!("file {name}")).collect();
                    let files: Vec<(&str, &[u8])> =
                        names.iter().map(|name| (name.as_str(), &b"text"[..])).collect();
                    stage.server.publish(crate::support::REPOSITORY, &files);
                }
                stage.server.order(rule);
                // The window is six of these.
                let stall = Duration::from_millis(400);
                let hub = Hub::new(HubSettings { stall, attempts: 2, ..stage.settings() });
                let message = hub.fetch(card(), &unwatched).unwrap_err().to_string();
                assert!(message.contains("1000 a second"), "{name}: {message}");
                assert!(message.contains("2 times in a row"), "{name}: {message}");
                assert_eq!(stage.server.faults(), 2, "{name}: tried so often");
                for repository in list(&stage.cache()) {
                    for path in list(&repository.join("blobs")) {
                        let bytes = path.metadata().unwrap().len();
                        let whole = path.extension().is_none();
                        assert!(whole || bytes < 5000, "{name}: {bytes}");
                    }
                }
            });
        }
    });
}

/// What a server, an error or an event shows of an endpoint that holds a password.
#[test]
fn a_password_and_a_token_are_shown_nowhere() {
    let status = |status| {
        let words = format!("{{\"error\": \"you sent {TOKEN}\"}}");
        Fault::Instead(status, Vec::new(), words.into_bytes())
    };
    for (path, fault) in [
        ("nothing", status(200)),
        ("api/models", status(401)),
        ("api/models", status(404)),
        ("api/models", status(500)),
        ("api/models", Fault::Cut(0)),
        ("api/models", Fault::Instead(200, Vec::new(), b"[1]".to_vec())),
        ("api/models", Fault::Instead(302, vec![("Location", "http://".to_owned())], Vec::new())),
        ("resolve", status(403)),
        ("resolve", Fault::Headers(vec![("X-Repo-Commit", "none".to_owned())])),
        ("config.json", Fault::Headers(vec![("Content-Encoding", "gzip".to_owned())])),
    ] {
        let stage = Stage::new();
        stage.server.order(Rule::hub(path, FOREVER, fault.clone()));
        let endpoint = stage.server.endpoint().replace("http://", "http://user:password@");
        let hub = Hub::new(HubSettings { endpoint, ..stage.settings() });
        let told = Mutex::new(String::new());
        let found =
            hub.fetch(card(), &|event| told.lock().unwrap().push_str(&format!("{event:?}")));
        let client = hub.client().unwrap();
        let push = rekindle_hub::push::Push {
            repository: "someone/ants".to_owned(),
            visibility: rekindle_hub::push::Visibility::Usual,
            message: "Upload".to_owned(),
            files: Vec::new(),
        };
        let texts = [
            found.map_or_else(|error| format!("{error} {error:?}"), |found| format!("{found:?}")),
            told.into_inner().unwrap(),
            format!("{:?} {}", hub.pin(card()), client.endpoint()),
            format!("{:?}", hub.repository("timm/none", "main")),
            format!("{:?}", rekindle_hub::push::push(client, &push, &unwatched)),
            format!("{:?} {hub:?}", hub.records()),
        ];
        for text in texts {
            assert!(
                !text.contains("password") && !text.contains(TOKEN),
                "{path} {fault:?}: {text}"
            );
        }
        let ledger = fs::read_to_string(hub.ledger()).unwrap_or_default();
        assert!(!ledger.contains("password"), "{ledger}");
        assert!(ledger.is_empty() || ledger.contains(&stage.server.endpoint()), "{ledger}");
    }
}
