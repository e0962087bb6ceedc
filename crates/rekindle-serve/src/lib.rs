//! Models over HTTP: batching, limits, metrics, and a page to use them by.
//!
//! It knows models by the trait [`Served`] alone, and neither Burn nor any kind of network.
//!
//! | part | what |
//! |---|---|
//! | [`Server`] | listens, and stops without losing a request that it has accepted |
//! | [`Served`] | what a model has to answer: predictions, embeddings, explanations, a lesson |
//! | [`Limits`] | how much one request may ask for, and all together |
//! | [`asked`] | a body of any content type as [`Item`]s; what a request holds is read or refused |
//! | [`Problem`] | the one form of errors: `{"error": {"code", "message", "field"}}` |
//!
//! A request is looked at on the threads of the network, read and decoded by others, and waits in its model's queue. One
//! thread a model takes from there what goes through the network at once ([`Limits::max_batch`]); who finds the queue
//! full is told to come again.

mod body;
mod gate;
mod host;
mod item;
mod limits;
mod metrics;
mod model;
mod multipart;
mod openapi;
mod page;
mod parse;
mod paths;
mod problem;
mod queue;
mod reload;
mod routes;
mod server;
mod store;
mod teach;
mod wire;

pub use axum::body::Bytes;
pub use item::{Asked, Content, Item, MAX_ITEMS};
pub use limits::Limits;
pub use model::{
    About, Explanation, FileFormat, Head, InputAbout, Kind, Lesson, Like, Named, Served, Shown,
    TaskKind, Taught, Token, Wrong,
};
pub use parse::asked;
pub use problem::{Code, Problem};
pub use server::{Error, Reload, ServeConfig, Server, ServerModel, Stopper};
pub use teach::lesson;
