//! The built program as a server, on a port that is free.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
};

use rekindle_loopback::Client;
use serde_json::Value;

use crate::{program::text, support::starter};

/// The built program, that serves, and what it says on standard error.
pub(crate) struct Serving {
    program: Child,
    pub(crate) address: SocketAddr,
    said: Option<JoinHandle<String>>,
}

impl Serving {
    /// With these arguments, on a port that is free; `token` is what requests are to have.
    pub(crate) fn start(arguments: &[&str], token: &str) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_rekindle"))
            .args(["serve", "--port", "0", "--json"])
            .args(arguments)
            .env("REKINDLE_TOKEN", token)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let mut errors = program.stderr.take().unwrap();
        let said = thread::spawn(move || {
            let mut said = String::new();
            errors.read_to_string(&mut said).unwrap();
            said
        });
        let line: Value = serde_json::from_str(&line).unwrap_or_default();
        let address = line["address"].as_str().unwrap_or_default().parse().unwrap();
        Self { program, address, said: Some(said) }
    }

    /// The weights that `first_light` begins with.
    pub(crate) fn of_starter(more: &[&str]) -> Self {
        Self::start(&[&["--weights", text(&starter())], more].concat(), "")
    }

    /// A connection to it.
    #[allow(dead_code, reason = "not every test that shares this takes it")]
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    /// Tells it to end.
    #[allow(dead_code, reason = "not every test that shares this takes it")]
    pub(crate) fn terminate(&self) {
        let id = self.program.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Its exit code, and what it said.
    #[allow(dead_code, reason = "not every test that shares this takes it")]
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let status = self.program.wait().unwrap();
        (status.code(), self.said.take().unwrap().join().unwrap())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
