//! Faults to order.

use std::{sync::Arc, time::Duration};

use crate::{
    Host, Request,
    http::{PIECE, Reply},
};

/// Which requests go wrong, and how.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The method; any where there is none.
    pub method: Option<&'static str>,
    /// The host; either where there is none.
    pub host: Option<Host>,
    /// What the path holds, the query included; all where it is empty.
    pub path: String,
    /// How many requests: those after them go right.
    pub times: usize,
    /// What happens to them.
    pub fault: Fault,
}

/// What goes wrong with an answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is cut after this many bytes of content.
    Cut(u64),
    /// After this many bytes of content nothing comes for a while.
    Stall(u64, Duration),
    /// Every 64 KiB of content are followed by a pause.
    Slow(Duration),
    /// Every byte of content is followed by a pause.
    Trickle(Duration),
    /// The lowest bit of this byte of the file is the other way round.
    Flip(usize),
    /// Headers are set, or removed where the value is empty.
    Headers(Vec<(&'static str, String)>),
    /// Another answer comes: status, headers, content.
    Instead(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The whole file comes, although a part was asked for.
    NoRanges,
}

impl Rule {
    /// The first requests for files in storage go wrong.
    #[must_use]
    pub fn storage(times: usize, fault: Fault) -> Self {
        Self { method: Some("GET"), host: Some(Host::Storage), path: String::new(), times, fault }
    }

    /// The first requests to the Hub whose path holds this go wrong, whatever their method.
    #[must_use]
    pub fn hub(path: &str, times: usize, fault: Fault) -> Self {
        Self { method: None, host: Some(Host::Hub), path: path.to_owned(), times, fault }
    }

    pub(crate) fn matches(&self, request: &Request) -> bool {
        self.method.is_none_or(|method| method == request.method)
            && self.host.is_none_or(|host| host == request.host)
            && request.path.contains(&self.path)
    }
}

impl Fault {
    /// Has an answer go wrong.
    pub(crate) fn apply(self, request: &Request, reply: &mut Reply) {
        match self {
            Self::Cut(after) => reply.cut = Some(after),
            Self::Stall(after, pause) => reply.stall = Some((after, pause)),
            Self::Slow(pause) => reply.pace = Some((PIECE, pause)),
            Self::Trickle(pause) => reply.pace = Some((1, pause)),
            Self::Flip(at) => {
                let mut bytes = reply.content.to_vec();
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1;
                }
                reply.content = Arc::from(bytes);
            }
            Self::Headers(headers) => {
                headers.into_iter().for_each(|(name, value)| reply.set(name, &value))
            }
            Self::Instead(status, headers, content) => {
                *reply = Reply::new(status, Arc::from(content));
                headers.into_iter().for_each(|(name, value)| reply.set(name, &value));
            }
            Self::NoRanges => {
                reply.status = 200;
                reply.range = None;
            }
        }
        if request.method == "HEAD" {
            reply.cut = reply.cut.filter(|after| *after == 0);
        }
    }
}
