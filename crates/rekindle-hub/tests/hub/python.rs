//! Python's huggingface_hub finds what we have cached, and we what it has; it needs `REKINDLE_PYTHON`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use rekindle_hub::{Files, Hub, HubSettings, Links, NetworkAccess, Trust, unwatched};
use rekindle_loopback::{Fault, Rule};

use crate::support::{CONFIG, REPOSITORY, Stage, card, list};

/// Runs a script with huggingface_hub at hand; none where no interpreter is named.
fn python(stage: &Stage, script: &str, offline: bool) -> Option<Output> {
    let python = rekindle_skip::python(&["huggingface_hub"])?;
    let mut command = Command::new(python);
    command
        .args(["-c", script])
        .env("HF_HUB_CACHE", stage.cache())
        .env("HF_HOME", stage.folder.path());
    command
        .env("HF_ENDPOINT", stage.server.endpoint())
        .env("NO_PROXY", "*")
        .env("HF_HUB_DISABLE_TELEMETRY", "1");
    command.env_remove("HF_HUB_OFFLINE").env_remove("HF_TOKEN");
    if offline {
        command.env("HF_HUB_OFFLINE", "1");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output)
}

#[test]
fn python_finds_what_we_have_fetched() {
    for (stage, links) in [
        (Stage::new(), Links::Symbolic),
        (Stage::pinned(), Links::Symbolic),
        (Stage::new(), Links::Copied),
    ] {
        let hub = Hub::new(HubSettings { links, ..stage.settings() });
        let located = hub.fetch(card(), &unwatched).unwrap();
        stage.server.requests();
        let script = format!(
            "from huggingface_hub import hf_hub_download, snapshot_download, scan_cache_dir, try_to_load_from_cache\n\
             name = '{REPOSITORY}'\n\
             for revision in (None, '{commit}'):\n\
             \x20   print(hf_hub_download(name, 'model.safetensors', revision=revision, local_files_only=True))\n\
             \x20   print(snapshot_download(name, revision=revision, local_files_only=True))\n\
             assert try_to_load_from_cache(name, 'config.json') is not None\n\
             found = scan_cache_dir()\n\
             assert not found.warnings, found.warnings\n\
             (repository,) = found.repos\n\
             assert repository.repo_id == name and repository.nb_files == 2, repository\n",
            commit = stage.commit,
        );
        let Some(output) = python(&stage, &script, true) else { return };
        let text = String::from_utf8(output.stdout).unwrap();
        let (folder, weights) =
            (located.folder.display().to_string(), located.folder.join("model.safetensors"));
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [&weights.display().to_string(), &folder, &weights.display().to_string(), &folder]
        );
        assert!(stage.server.requests().is_empty());

        // With a network it asks what the files are, and downloads none of them.
        let script = format!(
            "from huggingface_hub import snapshot_download\nprint(snapshot_download('{REPOSITORY}'))"
        );
        let output = python(&stage, &script, false).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), folder);
        assert!(stage.downloads().is_empty());
        stage.check_cache();
    }
}

#[test]
fn we_find_what_python_has_fetched() {
    let scripts = [
        format!("from huggingface_hub import snapshot_download\nsnapshot_download('{REPOSITORY}')"),
        format!(
            "from huggingface_hub import hf_hub_download\n\
             for name in ('config.json', 'model.safetensors'): hf_hub_download('{REPOSITORY}', name)\n\
             try: hf_hub_download('{REPOSITORY}', 'missing.txt')\n\
             except Exception as error: assert 'Entry' in type(error).__name__, error\n\
             else: raise SystemExit('it is there')"
        ),
    ];
    for script in scripts {
        for (mut stage, trusts) in [
            (Stage::new(), [Trust::FirstUse, Trust::Recorded]),
            (Stage::pinned(), [Trust::Pinned, Trust::Pinned]),
        ] {
            if python(&stage, &script, false).is_none() {
                return;
            }
            stage.server.requests();
            for trust in trusts {
                let offline = HubSettings { network: NetworkAccess::Offline, ..stage.settings() };
                let located = Hub::new(offline).fetch(card(), &unwatched).unwrap();
                assert_eq!(located.trust, trust);
                stage.check(&located);
            }
            assert!(stage.server.requests().is_empty());
            let [repository] = &stage.hub().list().unwrap()[..] else { panic!() };
            assert_eq!(repository.revisions.len(), 1);
            assert!(stage.hub().verify().unwrap().problems.is_empty());
            assert_eq!(
                stage
                    .hub()
                    .prune(rekindle_hub::Prune::Leftovers, rekindle_hub::PruneRun::Real)
                    .unwrap()
                    .files
                    .len(),
                0
            );
            // Bytes that Python would take are not taken.
            std::thread::sleep(Duration::from_millis(20));
            let path = list(&repository.folder.join("snapshots"))[0].join("model.safetensors");
            let mut content = fs::read(&path).unwrap();
            content[0] ^= 1;
            fs::write(&path, content).unwrap();
            stage.hub().locate(card()).unwrap_err();
            stage.check(&stage.fetch().unwrap());
            stage.pins.clear();
        }
    }
}

/// Forwards TLS connections to a server that knows none; the first line of output is its port.
const TLS: &str = "
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)
def copy(source, sink):
    try:
        while data := source.recv(65536): sink.sendall(data)
    except OSError: pass
    finally: sink.close()
while True:
    client, _ = listener.accept()
    try: client = context.wrap_socket(client, server_side=True)
    except OSError: continue
    server = socket.create_connection(('127.0.0.1', int(sys.argv[2])))
    for pair in ((client, server), (server, client)):
        threading.Thread(target=copy, args=pair, daemon=True).start()
";

/// Stops a process when it is dropped.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Makes an authority and a certificate of it for `localhost`; none where there is no openssl.
fn certificates(folder: &Path) -> Option<()> {
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for line in [
        format!("req -x509 {key} -keyout ca.key -out ca.pem -days 9 -subj /CN=authority"),
        format!("req {key} -keyout leaf.key -out leaf.csr -subj /CN=localhost"),
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.crt -days 9 -extfile names".to_owned(),
    ] {
        let output = Command::new("openssl").args(line.split(' ')).current_dir(folder).output().ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let both = ["leaf.key", "leaf.crt"].map(|name| fs::read_to_string(folder.join(name)).unwrap());
    fs::write(folder.join("leaf.pem"), both.concat()).unwrap();
    Some(())
}

#[test]
fn a_certificate_is_checked_and_one_of_ones_own_can_be_trusted() {
    let Some(python) = rekindle_skip::python(&[]) else { return };
    let stage = Stage::new();
    if certificates(stage.folder.path()).is_none() {
        return rekindle_skip::skip("there is no openssl", "install it");
    }
    let port = stage.server.endpoint().rsplit(':').next().unwrap().to_owned();
    let mut command = Command::new(python);
    command.args(["-c", TLS]).arg(stage.folder.path().join("leaf.pem")).arg(port);
    let mut tls = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(tls.0.stdout.take().unwrap()).read_line(&mut port).unwrap();

    let files = Files { repository: REPOSITORY, revision: "main", names: &["config.json"] };
    let settings = |host: &str, certificates: Option<&str>| HubSettings {
        endpoint: format!("https://{host}:{}", port.trim()),
        certificates: certificates.map(|name| stage.folder.path().join(name)),
        ..stage.settings()
    };
    let fetch = |settings| Hub::new(settings).fetch_files(&files, &unwatched);
    let stranger = fetch(settings("localhost", None)).unwrap_err().to_string();
    let misnamed = fetch(settings("127.0.0.1", Some("ca.pem"))).unwrap_err().to_string();
    for message in [stranger, misnamed] {
        for part in ["certificate", "clock", "SSL_CERT_FILE", "once"] {
            assert!(message.contains(part), "no `{part}` in: {message}");
        }
    }
    let message = fetch(settings("localhost", Some("names"))).unwrap_err().to_string();
    assert!(message.contains("names: it holds no certificate"), "{message}");
    let located = fetch(settings("localhost", Some("ca.pem"))).unwrap();
    assert_eq!(fs::read(located.folder.join("config.json")).unwrap(), CONFIG);
    // The weights would come from storage without TLS.
    let hub = Hub::new(settings("localhost", Some("ca.pem")));
    let message = hub.fetch(card(), &unwatched).unwrap_err().to_string();
    assert!(message.contains("gives encryption up"), "{message}");
}

/// Whoever comes second waits for the other's lock, and finds the file.
#[test]
fn python_and_we_wait_for_each_other() {
    let stage = Stage::new();
    stage.server.order(Rule::storage(usize::MAX, Fault::Slow(Duration::from_millis(600))));
    let script = format!(
        "from huggingface_hub import hf_hub_download\nhf_hub_download('{REPOSITORY}', 'model.safetensors')"
    );
    let fetched = std::thread::scope(|scope| {
        let ours = scope.spawn(|| stage.fetch().unwrap());
        // It takes Python longer than this to start, and the download takes 3 s.
        let theirs = python(&stage, &script, false);
        (ours.join().unwrap(), theirs)
    });
    stage.check(&fetched.0);
    if fetched.1.is_some() {
        assert_eq!(stage.downloads().len(), 1, "downloaded once");
        let files =
            Files { repository: REPOSITORY, revision: &stage.commit, names: &["config.json"] };
        assert_eq!(
            fs::read(stage.hub().locate_files(&files).unwrap().folder.join("config.json")).unwrap(),
            CONFIG
        );
    }
}
