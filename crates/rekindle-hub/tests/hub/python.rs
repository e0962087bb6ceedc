//! Python's huggingface_hub finds what we have cached, and we what it has; it needs `REKINDLE_PYTHON`.

use std::{
    env, fs,
    process::{Command, Output},
    time::Duration,
};

use rekindle_hub::{Files, Hub, Links, Network, Settings, Trust, unwatched};
use rekindle_loopback::{Fault, Rule};

use crate::support::{CONFIG, REPOSITORY, Stage, card, list, skip};

/// Runs a script with huggingface_hub at hand; none where no interpreter is named.
fn python(stage: &Stage, script: &str, offline: bool) -> Option<Output> {
    let Some(python) = env::var_os("REKINDLE_PYTHON") else {
        skip("python", "REKINDLE_PYTHON is not set");
        return None;
    };
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
        let hub = Hub::new(Settings { links, ..stage.settings() });
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
                let offline = Settings { network: Network::Offline, ..stage.settings() };
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
                    .prune(rekindle_hub::Prune::Leftovers, rekindle_hub::Run::Real)
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

/// Whoever comes second waits for the other's lock, and finds the file.
#[test]
fn python_and_we_wait_for_each_other() {
    let stage = Stage::new();
    stage.server.order(Rule::storage(usize::MAX, Fault::Slow(Duration::from_millis(600))));
    let script = format!(
        "from huggingface_hub import hf_hub_download\nhf_hub_download('{REPOSITORY}', 'model.safetensors')"
    );
    let fetched = std::thread::scope(|scope| {
        let patient = Settings { stall: Duration::from_secs(5), ..stage.settings() };
        let ours = scope.spawn(|| Hub::new(patient).fetch(card(), &unwatched).unwrap());
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
