//! Bodies of requests: read up to a length, within a time, and as many at once as memory allows.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
};
use http_body_util::BodyExt;

use crate::{Code, Limits, Problem};

/// Bytes of all bodies that are in memory.
#[derive(Debug, Default, Clone)]
pub(crate) struct AllBytes(Arc<AtomicUsize>);

/// A body's share of them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    all: AllBytes,
    bytes: usize,
}

impl Share {
    fn add(&mut self, bytes: usize, most: usize) -> Result<(), Problem> {
        let before = self.all.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        if before + bytes <= most {
            return Ok(());
        }
        let message = "the server holds as many bytes of requests as it may; try again in 1 s";
        Err(Problem { retry_after: Some(1), ..Problem::new(Code::Busy, message) })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body that has arrived as a whole.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    pub(crate) share: Share,
}

/// Reads a body; one that is refused is still taken off the line for a while, so that its sender hears why.
pub(crate) async fn read(
    mut body: Body,
    announced: Option<u64>,
    limits: &Limits,
    all: &AllBytes,
) -> Result<Whole, Problem> {
    let found = match announced.filter(|bytes| *bytes > limits.body_bytes as u64) {
        Some(_) => Err(too_large(limits)),
        None => {
            let late = |_| Err(too_late(limits));
            let arriving = arrived(&mut body, limits, all);
            tokio::time::timeout(limits.body_time, arriving).await.unwrap_or_else(late)
        }
    };
    if found.as_ref().is_err_and(|problem| problem.code != Code::BodyTimeout) {
        tokio::spawn(discard(body));
    }
    found
}

fn too_large(limits: &Limits) -> Problem {
    let most = limits.body_bytes;
    let message = format!("the body has more than {most} bytes; send fewer, or smaller pictures");
    Problem::new(Code::BodyTooLarge, message)
}

fn too_late(limits: &Limits) -> Problem {
    let seconds = limits.body_time.as_secs_f64();
    let message = format!("the body did not arrive within {seconds} s; send it at once");
    Problem::new(Code::BodyTimeout, message)
}

async fn arrived(body: &mut Body, limits: &Limits, all: &AllBytes) -> Result<Whole, Problem> {
    let mut share = Share { all: all.clone(), bytes: 0 };
    let (mut first, mut rest) = (Bytes::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let cut = |_| Problem::new(Code::BadRequest, "the body was cut off; send it once more");
        let Ok(data) = frame.map_err(cut)?.into_data() else { continue };
        if share.bytes + data.len() > limits.body_bytes {
            return Err(too_large(limits));
        }
        share.add(data.len(), limits.all_bytes)?;
        // Most bodies are one piece, which is not copied.
        match (first.is_empty(), rest.is_empty()) {
            (true, _) => first = data,
            (false, true) => rest = [&first[..], &data].concat(),
            (false, false) => rest.extend_from_slice(&data),
        }
    }
    let bytes = if rest.is_empty() { first } else { Bytes::from(rest) };
    Ok(Whole { bytes, share })
}

/// Refuses a request whose body was not read.
pub(crate) fn refused(request: Request, problem: Problem) -> Problem {
    tokio::spawn(discard(request.into_body()));
    problem
}

/// A connection that is closed while its client still sends is reset, and the answer with it.
async fn discard(mut body: Body) {
    const LONGEST: Duration = Duration::from_secs(2);
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    // Whoever still sends then is cut off.
    let _ = tokio::time::timeout(LONGEST, read).await;
}
