//! Weights you can trust, with or without a network: cache, download, verify, locate.
//!
//! A card goes in, a folder comes out: the snapshot that holds `config.json` and the weights. [`Hub::locate`]
//! never opens a socket; [`Hub::fetch`] downloads what the cache lacks. Both check every byte once a change:
//! against the card's pin, or, where there is none, against what was recorded when the weights were first used.
//!
//! The cache is that of Python's huggingface_hub, in the same place and of the same layout, with the same locks:
//! what one has downloaded, the other finds.
//!
//! ```no_run
//! use rekindle_hub::{DownloadEvent, Hub, Trust};
//!
//! let card = rekindle_cards::find("resnet18")?;
//! let located = Hub::from_env()?.fetch(card, &|event| {
//!     if let DownloadEvent::Bytes { done, total } = event {
//!         eprint!("\r{done} of {total} bytes");
//!     }
//! })?;
//! if located.trust == Trust::FirstUse {
//!     eprintln!("{} has no pin: its bytes are recorded from now on", card.name());
//! }
//! # Ok::<(), rekindle_hub::Error>(())
//! ```
//!
//! # What trust on first use promises, and what it does not
//!
//! It promises that nothing changes unnoticed on this machine. Once weights were used, a commit's files are those bytes, by
//! whichever name the commit is asked for, and a branch is that commit; other bytes are refused, whether the Hub, somebody
//! between it and us, a damaged disk or another user of the cache brought them. What one endpoint sent is not taken for
//! another's: that is asked for itself. [`Hub::records`] has the day, the endpoint and the licenses that the Hub stated.
//!
//! It does not promise that the first bytes were the right ones. Whoever could choose them then, the Hub, a mirror, or
//! for files that were found in the cache or imported whoever put them there, is believed from then on, on this machine
//! alone: another machine may have begun with others. Nobody is told that authors have withdrawn or mended their weights.
//! Whoever may write as the user, or the administrator, may write the record as well. A [pin](rekindle_cards::Pin) promises
//! more: bytes that somebody has looked at and compared with the card, the same for everybody.
//!
//! The record is believed where nobody but its user can write: in the cache, or, where that is shared, in
//! [`HubSettings::state`], where the index of hashes lies as well. Where there is no such place nothing is recorded, and
//! [`Trust::Unrecorded`] says so.
//!
//! # Transports
//!
//! Files are brought by our own client. The feature `xet` adds the `hf-hub` crate (1.0), for repositories that the Hub keeps in Xet
//! alone, and `Transport::Xet` or `REKINDLE_TRANSPORT=xet` chooses it. It is not the default: it brings some 280 crates and a
//! runtime, begins a download that was cut anew, hashes nothing of what arrives, and knows neither pins nor licenses. So what it
//! brings lies aside until it was hashed here, under the same pins, record, policy and cache; `tests/xet.rs` holds it to the faults
//! that a plain download can have. Publishing goes by our own client.
//!
//! # Limits
//!
//! | what | limit |
//! |---|---|
//! | a server's silence | [`HubSettings::stall`], 10 s |
//! | what a server sends, or takes | 1000 bytes a second over six silences, a head within six silences |
//! | tries in a row that bring less than 50,000 bytes each | [`HubSettings::attempts`], 5 |
//! | a lock that another holds while its download does not grow | twelve silences |
//! | an answer that is no file; a refusal's words | 32 MiB; 64 KiB |
//! | `config.json`; an index of shards | 16 MiB; 64 MiB |
//! | redirects in a row | 10 |
//!
//! HTTP is ureq's: it blocks, as our callers do. hf-hub 1.0 was not taken: it is built on tokio, reqwest and
//! hf-xet, checks neither length nor hash of what HTTP brings, and begins a file that was cut off anew.

mod answer;
mod batch;
mod cache;
mod client;
mod digest;
mod download;
mod entries;
mod error;
mod fence;
mod fetch;
mod hashed;
mod hub;
mod import;
mod job;
mod layout;
mod ledger;
mod licensing;
mod locate;
mod lock;
mod names;
mod pace;
mod pinning;
mod policy;
mod proxies;
mod prune;
pub mod push;
mod refusal;
mod remote;
mod retry;
mod send;
mod settings;
mod short;
mod trusted;
mod url;
mod watch;
mod weights;
#[cfg(feature = "xet")]
mod xet;

pub use answer::Answer;
pub use batch::{Act, Done, FetchRow};
pub use cache::{CachedFile, CachedRepository, CachedRevision, Verified};
pub use client::Client;
pub use error::Error;
pub use hub::{FETCH, Files, Hub, IMPORT, Located, LocatedFile, Trust};
pub use ledger::Record;
pub use pinning::Pinned;
pub use policy::policy;
pub use prune::{Prune, PruneRun, Pruned};
pub use remote::{Description, RemoteFile, RepositoryInfo};
pub use send::{Content, Outgoing, Verb};
pub use settings::{
    Hashing, HubSettings, Licenses, Links, NetworkAccess, Proxies, Token, Transport,
};
pub use watch::{DownloadEvent, Watch, unwatched};
