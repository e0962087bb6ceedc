//! Requests that change something, and answers that are read to their end.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use ureq::{
    SendBody,
    http::{HeaderValue, Method, header},
};

use crate::{
    Answer, Client, Error,
    client::{Answered, unsendable},
    retry::{Again, Failure},
    watch::unwatched,
};

/// What is to be sent, for [`Client::send`].
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// How: `POST` and `DELETE` are sent again only where the server says that it did nothing.
    pub method: Verb,
    /// Where to: a path of the endpoint, which begins with a slash, or another server's address.
    pub url: &'a str,
    /// What the content is: `application/json`.
    pub content_type: &'a str,
    /// Further headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The content.
    pub content: Content<'a>,
}

/// The methods that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Removes.
    Delete,
    /// Asks for something to be done.
    Post,
    /// Stores.
    Put,
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A part of a file.
    Part {
        /// The file.
        path: &'a Path,
        /// Where the part begins, in bytes.
        start: u64,
        /// How long it is, in bytes.
        bytes: u64,
    },
}

impl Verb {
    /// A failure after which the server may have done what was asked: that is not asked again, unless twice is once.
    fn uncertain(self, failure: Failure) -> Failure {
        let again = if self == Self::Put { failure.again } else { Again::Never };
        Failure { again, ..failure }
    }
}

impl Client {
    /// Sends something to the Hub, or to a server that it named, and reads the answer.
    ///
    /// # Errors
    ///
    /// As [`Client::get_json`]; [`Error::Io`] where a file that is to be sent cannot be read.
    pub fn send(&self, outgoing: &Outgoing<'_>) -> Result<Answer, Error> {
        let url = match outgoing.url.starts_with('/') {
            true => self.address(outgoing.url),
            false => outgoing.url.to_owned(),
        };
        self.retry(&unwatched, || {
            let answered = self.send_once(&url, outgoing)?;
            self.read(answered).map_err(|failure| outgoing.method.uncertain(failure))
        })
    }

    fn send_once(&self, url: &str, outgoing: &Outgoing<'_>) -> Result<Answered, Failure> {
        let method = match outgoing.method {
            Verb::Delete => Method::DELETE,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
        };
        let mut request = self.request(&method, url)?.map(|()| SendBody::none());
        let headers = [("content-type", outgoing.content_type)];
        for (name, value) in headers.iter().chain(outgoing.headers) {
            let name = header::HeaderName::try_from(*name).map_err(|_| unsendable(url))?;
            let value = HeaderValue::from_str(value).map_err(|_| unsendable(url))?;
            request.headers_mut().insert(name, value);
        }
        let mut part;
        let mut whole;
        let (bytes, length): (&[u8], u64) = match outgoing.content {
            Content::Bytes(bytes) => (bytes, bytes.len() as u64),
            Content::Part { bytes, .. } => (&[], bytes),
        };
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        let content = match outgoing.content {
            Content::Bytes(_) => {
                whole = self.paced_upload(bytes);
                SendBody::from_reader(&mut whole)
            }
            Content::Part { path, start, bytes } => {
                let mut file = File::open(path).map_err(Error::io("open", path))?;
                file.seek(SeekFrom::Start(start)).map_err(Error::io("read", path))?;
                part = self.paced_upload(file.take(bytes));
                SendBody::from_reader(&mut part)
            }
        };
        let response = self.run(url, request.map(|_| content));
        let response = response.map_err(|failure| outgoing.method.uncertain(failure))?;
        match response.status().as_u16() {
            200..300 => Ok(Answered { url: url.to_owned(), response }),
            status => {
                let failure = self.refused(&method, url, response);
                Err(match status {
                    429 | 503 => failure,
                    _ => outgoing.method.uncertain(failure),
                })
            }
        }
    }
}
