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

pub use answer::Answer;
pub use batch::{Act, Done, FetchRow};
pub use cache::{CachedFile, CachedRepository, CachedRevision, Verified};
pub use client::Client;
pub use error::Error;
pub use hub::{FETCH, Files, Hub, IMPORT, Located, LocatedFile, Trust};
pub use ledger::Record;
pub use licensing::policy;
pub use pinning::Pinned;
pub use prune::{Prune, PruneRun, Pruned};
pub use remote::{Description, RemoteFile, RepositoryInfo};
pub use send::{Content, Outgoing, Verb};
pub use settings::{Hashing, HubSettings, Licenses, Links, NetworkAccess, Proxies, Token};
pub use watch::{DownloadEvent, Watch, unwatched};
