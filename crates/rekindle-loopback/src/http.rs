//! As much of HTTP/1.1 as a Hub and its clients use.

use std::{
    io::{self, BufRead, Read, Write},
    net::TcpStream,
    ops::Range,
    sync::Arc,
    thread,
    time::Duration,
};

use crate::Host;

/// Content is written in pieces of this many bytes.
pub(crate) const PIECE: usize = 64 * 1024;

/// A request, as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which host it came to.
    pub host: Host,
    /// `GET`, `HEAD`, `POST` or `PUT`.
    pub method: String,
    /// The path and the query, as they were sent.
    pub path: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub content: Vec<u8>,
}

/// An answer, and what is to go wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) content: Arc<[u8]>,
    /// The part of the content that is sent; all of it where there is none.
    pub(crate) range: Option<Range<usize>>,
    pub(crate) cut: Option<u64>,
    pub(crate) stall: Option<(u64, Duration)>,
    /// Pieces of so many bytes are each followed by a pause.
    pub(crate) pace: Option<(usize, Duration)>,
}

/// What becomes of a connection after an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum After {
    Keep,
    Close,
}

impl Request {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The next request of a connection; none where the client is done.
    pub(crate) fn read(host: Host, reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => {
                    headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => break,
            }
        }
        let mut request = Self { host, method, path, headers, content: Vec::new() };
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        reader.take(length.unwrap_or(0)).read_to_end(&mut request.content)?;
        Ok(Some(request))
    }

    /// The part of a file that is asked for: `bytes=5-` or `bytes=5-9`.
    pub(crate) fn range(&self, length: usize) -> Option<Range<usize>> {
        let (start, end) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let end = end.parse().map_or(length, |last: usize| (last + 1).min(length));
        Some(start.parse().ok()?..end)
    }
}

impl Reply {
    pub(crate) fn new(status: u16, content: Arc<[u8]>) -> Self {
        let (headers, range) = (Vec::new(), None);
        Self { status, headers, content, range, cut: None, stall: None, pace: None }
    }

    pub(crate) fn json(status: u16, json: &serde_json::Value) -> Self {
        let mut reply = Self::new(status, Arc::from(json.to_string().into_bytes()));
        reply.set("Content-Type", "application/json");
        reply
    }

    /// Sets a header, or removes it where the value is empty.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The part that was asked for, if it is still of the same bytes.
    pub(crate) fn ranged(mut self, request: &Request) -> Self {
        let length = self.content.len();
        let etag = self.headers.iter().find(|(name, _)| name == "ETag").map(|(_, value)| value);
        let changed =
            request.header("if-range").is_some_and(|tag| Some(tag) != etag.map(String::as_str));
        match request.range(length) {
            Some(range) if !changed && range.start < length => {
                self.status = 206;
                self.set(
                    "Content-Range",
                    &format!("bytes {}-{}/{length}", range.start, range.end - 1),
                );
                self.range = Some(range);
            }
            Some(_) if !changed => {
                return Self::new(416, Arc::from([]))
                    .with("Content-Range", &format!("bytes */{length}"));
            }
            _ => {}
        }
        self
    }

    /// Sends it, and has go wrong what is to go wrong.
    pub(crate) fn write(&self, mut stream: &TcpStream, request: &Request) -> io::Result<After> {
        let whole = 0..self.content.len();
        let range = self.range.clone().unwrap_or(whole);
        let content = self.content.get(range).unwrap_or_default();
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status);
        let own = |name: &str| self.headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
        if !own("Content-Length") {
            head.push_str(&format!("Content-Length: {}\r\n", content.len()));
        }
        if !own("Date") {
            head.push_str("Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        if self.cut == Some(0) {
            return Ok(After::Close);
        }
        stream.write_all(head.as_bytes())?;
        if request.method == "HEAD" {
            return Ok(After::Keep);
        }
        let mut sent = 0;
        let mut stall = self.stall;
        while sent < content.len() {
            let piece = self.pace.map_or(PIECE, |(piece, _)| piece);
            let mut end = (sent + piece).min(content.len());
            let stops = [self.cut, stall.map(|(after, _)| after)];
            for stop in
                stops.into_iter().flatten().map(|stop| usize::try_from(stop).unwrap_or(usize::MAX))
            {
                if stop == sent {
                    if Some(stop as u64) == self.cut {
                        return Ok(After::Close);
                    }
                    if let Some((_, pause)) = stall.take() {
                        thread::sleep(pause);
                    }
                } else if stop > sent {
                    end = end.min(stop);
                }
            }
            stream.write_all(content.get(sent..end).unwrap_or_default())?;
            sent = end;
            self.pace.into_iter().for_each(|(_, pause)| thread::sleep(pause));
        }
        // A length that was not kept leaves the client waiting for the rest.
        Ok(if own("Content-Length") || self.cut.is_some() { After::Close } else { After::Keep })
    }
}
