//! A client that keeps its connection, and can be as rude as a test wants: half of a request, slowly, too much.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
    headers: String,
}

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: Vec<u8>,
}

impl Reply {
    /// The first value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, with what is no UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), headers: String::new() })
    }

    /// The same, with a header in all requests.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Asks without a body.
    ///
    /// # Errors
    ///
    /// If the connection ends before the answer does.
    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.ask("GET", path, "", &[])
    }

    /// Sends a body of a content type.
    ///
    /// # Errors
    ///
    /// If the connection ends before the answer does.
    pub fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> io::Result<Reply> {
        self.ask("POST", path, &format!("Content-Type: {kind}\r\n"), body)
    }

    /// Asks by any method, with further headers.
    ///
    /// # Errors
    ///
    /// If the connection ends before the answer does.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<Reply> {
        let head = self.head(method, path, headers, body.len());
        // A server that refuses may answer before it has read all.
        let sent = self.send(&[head.as_bytes(), body].concat());
        self.reply().or_else(|error| sent.and(Err(error)))
    }

    /// The head of a request, whose body has so many bytes.
    pub fn head(&self, method: &str, path: &str, headers: &str, bytes: usize) -> String {
        let own = &self.headers;
        let length =
            if method == "GET" { String::new() } else { format!("Content-Length: {bytes}\r\n") };
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{own}{headers}{length}\r\n")
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// If the connection ends before the answer does, or it is none.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) =
                line.split_once(':').ok_or_else(|| io::Error::other("no header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: Vec::new() };
        let length = reply.header("content-length").and_then(|length| length.parse().ok());
        reply.body.resize(length.unwrap_or(0), 0);
        self.stream.read_exact(&mut reply.body)?;
        Ok(reply)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
