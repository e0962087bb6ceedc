//! Several processes, and one that is killed.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rekindle_hub::{Hub, HubSettings, unwatched};
use rekindle_loopback::{Fault, Host, Rule};

use crate::support::{Stage, card};

/// What another process runs of this program: see [`child`].
#[test]
#[ignore = "run by other tests, as a process of its own"]
fn fetch_in_a_process() {
    let Some(endpoint) = env::var_os("REKINDLE_TEST_ENDPOINT") else { return };
    let settings = HubSettings::from_env().unwrap();
    assert_eq!(endpoint.to_str(), Some(settings.endpoint.as_str()));
    let located = Hub::new(settings).fetch(card(), &unwatched).unwrap();
    println!("downloaded {}", located.downloaded);
}

fn child(stage: &Stage) -> Child {
    command(stage).spawn().unwrap()
}

fn command(stage: &Stage) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "processes::fetch_in_a_process", "--ignored", "--nocapture"]);
    command.envs([
        ("REKINDLE_TEST_ENDPOINT", stage.server.endpoint()),
        ("HF_ENDPOINT", stage.server.endpoint()),
    ]);
    command
        .env("HF_HUB_CACHE", stage.cache())
        .env("HF_HOME", stage.folder.path())
        .env("NO_PROXY", "*");
    command.env_remove("HF_HUB_OFFLINE").env_remove("TRANSFORMERS_OFFLINE");
    command.env_remove("REKINDLE_LICENSES").env("XDG_STATE_HOME", stage.folder.path());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a process said that it downloaded, in bytes.
fn downloaded(mut child: Child) -> u64 {
    let (mut output, mut errors) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(child.wait().unwrap().success(), "{output}{errors}");
    let (_, after) = output.split_once("downloaded ").unwrap();
    after.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn processes_download_once_between_them() {
    let stage = Stage::new();
    stage.server.order(Rule::storage(usize::MAX, Fault::Slow(Duration::from_millis(50))));
    let children: Vec<Child> = (0..3).map(|_| child(&stage)).collect();
    let bytes: u64 = children.into_iter().map(downloaded).sum();
    let all: u64 = 300_007 + crate::support::CONFIG.len() as u64;
    assert_eq!(bytes, all, "each byte once");
    assert_eq!(stage.downloads().len(), 1);
    stage.check(&stage.hub().locate(card()).unwrap());
    assert_eq!(stage.hub().records().unwrap().len(), 2);
}

#[test]
fn threads_download_once_between_them() {
    let stage = Stage::new();
    stage.server.order(Rule::storage(usize::MAX, Fault::Slow(Duration::from_millis(20))));
    let hub = stage.hub();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| hub.fetch(card(), &unwatched).unwrap())).collect();
        threads.into_iter().for_each(|thread| stage.check(&thread.join().unwrap()));
    });
    assert_eq!(stage.downloads().len(), 1);
}

#[test]
fn a_process_that_is_killed_leaves_what_the_next_goes_on_from() {
    let stage = Stage::new();
    stage.server.order(Rule::storage(1, Fault::Slow(Duration::from_millis(200))));
    let mut victim = child(&stage);
    let partial = stage
        .cache()
        .join("models--timm--resnet18.a1_in1k/blobs")
        .join(format!("{}.incomplete", rekindle_loopback::sha256(&stage.weights)));
    let start = Instant::now();
    let length = || fs::metadata(&partial).map_or(0, |metadata| metadata.len());
    while length() < 100_000 {
        assert!(start.elapsed() < Duration::from_secs(20), "no partial file appears");
        thread::sleep(Duration::from_millis(5));
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    let kept = length();
    assert!((100_000..300_007).contains(&kept), "{kept}");
    stage.check_cache();
    stage.server.requests();
    let located = stage.fetch().unwrap();
    stage.check(&located);
    let requests = stage.server.requests();
    let storage: Vec<_> = requests.iter().filter(|request| request.host == Host::Storage).collect();
    let [request] = storage[..] else { panic!("{storage:?}") };
    assert_eq!(request.header("range"), Some(format!("bytes={kept}-").as_str()));
}

/// Proxies are obeyed as the environment says: the request goes to the proxy, with the host's name unresolved.
#[test]
fn a_proxy_is_asked_where_the_environment_names_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut first = String::new();
        BufReader::new(stream).read_line(&mut first).unwrap();
        first
    });
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "processes::fetch_in_a_process", "--ignored"]);
    let endpoint = "http://hub.invalid";
    command.envs([
        ("REKINDLE_TEST_ENDPOINT", endpoint),
        ("HF_ENDPOINT", endpoint),
        ("HTTP_PROXY", &proxy),
    ]);
    command.envs([("HTTPS_PROXY", &proxy), ("ALL_PROXY", &proxy)]).env("HF_HOME", folder.path());
    for name in [
        "NO_PROXY",
        "no_proxy",
        "HF_HUB_OFFLINE",
        "HF_HUB_CACHE",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command.env("XDG_STATE_HOME", folder.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let first = asked.join().unwrap();
    let _ = child.kill();
    let _ = child.wait();
    assert!(first.contains("hub.invalid"), "{first}");
}

/// A variable that cannot be obeyed is an error that names it, and no request goes directly instead.
#[test]
fn nothing_goes_directly_where_a_proxy_cannot_be_used() {
    let names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
    // Nobody listens there.
    let dead = "http://user:secret@127.0.0.1:1";
    thread::scope(|scope| {
        for (name, value) in [
            ("ALL_PROXY", "socks5://user:secret@127.0.0.1:1"),
            ("all_proxy", "secret words"),
            ("http_proxy", "ftp://127.0.0.1:1"),
            ("HTTP_PROXY", "http://user:secret@127.0.0.1:port"),
            ("http_proxy", dead),
            ("ALL_PROXY", dead),
        ] {
            scope.spawn(move || {
                let stage = Stage::new();
                let mut command = command(&stage);
                for name in names {
                    command.env_remove(name).env_remove(name.to_uppercase());
                }
                let output = command.env(name, value).output().unwrap();
                let said = [output.stdout, output.stderr].concat();
                let said = String::from_utf8_lossy(&said);
                assert!(!output.status.success(), "{name}={value}: {said}");
                assert!(stage.server.requests().is_empty(), "{name}={value}: asked directly");
                assert!(!said.contains("secret"), "{name}={value}: {said}");
                assert!(value == dead || said.contains(name), "{name}={value}: {said}");
            });
        }
    });
}
