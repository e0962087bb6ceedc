//! A browser without a window, driven by the DevTools protocol over a pair of pipes.

use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::text;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium with one page.
pub(crate) struct Browser {
    program: Child,
    commands: File,
    answers: Receiver<Value>,
    session: Option<Value>,
    last: u64,
    /// What it told on its own.
    events: Vec<Value>,
    folder: TempDir,
}

impl Browser {
    /// Starts it; without one, the test is skipped.
    pub(crate) fn start() -> Option<Self> {
        let named = env::var("REKINDLE_CHROMIUM").ok();
        let names = ["chromium", "chromium-browser", "google-chrome", "chrome"].map(str::to_owned);
        let runs = |name: &String| {
            let output = Command::new(name).arg("--version").output();
            output.is_ok_and(|output| output.status.success())
        };
        let Some(name) = named.into_iter().chain(names).find(runs) else {
            rekindle_skip::skip("no Chromium", "install it, or let REKINDLE_CHROMIUM name it");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let [commands, answers] = ["commands", "answers"].map(|pipe| folder.path().join(pipe));
        let made = Command::new("mkfifo").args([&commands, &answers]).status().unwrap();
        assert!(made.success(), "mkfifo");
        // It reads from 3 and writes to 4, which a shell alone can give it.
        let program = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<\"$COMMANDS\" 4>\"$ANSWERS\"", &name])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--remote-debugging-pipe", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", text(&folder.path().join("profile"))))
            .envs([("COMMANDS", &commands), ("ANSWERS", &answers)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // In the order in which the shell opens them: each end waits for the other.
        let commands = File::options().write(true).open(commands).unwrap();
        let answers = read(BufReader::new(File::open(answers).unwrap()));
        let (session, events) = (None, Vec::new());
        let mut browser = Self { program, commands, answers, session, last: 0, events, folder };
        browser.attach();
        Some(browser)
    }

    fn attach(&mut self) {
        let page = self.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let page = json!({ "targetId": page["targetId"], "flatten": true });
        self.session = Some(self.ask("Target.attachToTarget", page)["sessionId"].clone());
        for domain in ["Page", "Runtime", "Log", "Network", "DOM", "Accessibility"] {
            self.ask(&format!("{domain}.enable"), json!({}));
        }
        let folder = text(self.folder.path());
        let down = json!({ "behavior": "allow", "downloadPath": folder });
        self.ask("Browser.setDownloadBehavior", down);
    }

    /// What a command of the protocol gives.
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = session.clone();
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).unwrap();
        loop {
            let told = self.answers.recv_timeout(PATIENCE);
            let mut told = told.unwrap_or_else(|_| panic!("no answer to {method}"));
            if told["id"] == json!(self.last) {
                assert!(told["error"].is_null(), "{method}: {told}");
                return told["result"].take();
            }
            self.events.push(told);
        }
    }

    /// Goes to an address, in a window that is so many pixels wide.
    pub(crate) fn open(&mut self, address: &str, width: usize) {
        self.widen(width);
        self.ask("Page.navigate", json!({ "url": address }));
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// Makes the window so many pixels wide.
    pub(crate) fn widen(&mut self, width: usize) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// The value of a piece of JavaScript.
    pub(crate) fn value(&mut self, script: &str) -> Value {
        let script = json!({ "expression": script, "returnByValue": true, "awaitPromise": true, "userGesture": true });
        let mut found = self.ask("Runtime.evaluate", script);
        assert!(found["exceptionDetails"].is_null(), "{found}");
        found["result"]["value"].take()
    }

    /// Waits until a piece of JavaScript is true.
    pub(crate) fn until(&mut self, script: &str) {
        let start = Instant::now();
        while self.value(&format!("Boolean({script})")) != json!(true) {
            if start.elapsed() > PATIENCE {
                let said = self.value("document.body.innerText");
                panic!("never: {script}\n{}", said.as_str().unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses the first button that a selector finds whose text has these words.
    pub(crate) fn press(&mut self, selector: &str, words: &str) {
        let [selector, words] = [selector, words].map(|text| json!(text).to_string());
        self.value(&format!(
            "[...document.querySelectorAll({selector})].find((one) => one.textContent.includes({words})).click()"
        ));
    }

    /// Gives files to the field that a piece of JavaScript finds.
    pub(crate) fn give(&mut self, field: &str, files: &[&Path]) {
        let found = self.ask("Runtime.evaluate", json!({ "expression": field }));
        let files: Vec<&str> = files.iter().map(|file| text(file)).collect();
        let given = json!({ "files": files, "objectId": found["result"]["objectId"] });
        self.ask("DOM.setFileInputFiles", given);
    }

    /// A file that the page has written, once it is whole.
    pub(crate) fn downloaded(&mut self, name: &str) -> Vec<u8> {
        let path = self.folder.path().join(name);
        let start = Instant::now();
        // It is renamed once it is whole.
        while !path.exists() {
            assert!(start.elapsed() < PATIENCE, "{name} never comes");
            thread::sleep(Duration::from_millis(20));
        }
        std::fs::read(path).unwrap()
    }

    /// What the page complained of.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let complains = |event: &&Value| {
            let kind = event["method"].as_str().unwrap_or_default();
            ["Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"]
                .contains(&kind)
        };
        self.events.iter().filter(complains).map(|event| event["params"].to_string()).collect()
    }

    /// Where the page asked.
    pub(crate) fn asked(&self) -> Vec<&str> {
        let asks = |event: &&Value| event["method"] == json!("Network.requestWillBeSent");
        let asked = self.events.iter().filter(asks);
        asked.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A page may ask whether to leave it; this does not.
        let _ = self.commands.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) {
            if let Ok(Some(_)) = self.program.try_wait() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What a browser says, as it says it.
fn read(mut answers: BufReader<File>) -> Receiver<Value> {
    let (told, heard) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        while answers.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
            let value = serde_json::from_slice(bytes.strip_suffix(b"\0").unwrap_or(&bytes));
            if told.send(value.unwrap_or_default()).is_err() {
                return;
            }
            bytes.clear();
        }
    });
    heard
}
