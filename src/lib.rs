//! fitgate: the backend of a city's smart sports communities.
//!
//! The code map stands in README.md. Folders are the business, `app` and `jobs` are the frame,
//! `base` is the ground that knows no domain. Only the frame's entry points are public; everything
//! else is private behind this file, so that the compiler keeps finding dead code. `bench` and
//! `parsers` are hidden: they let a benchmark count what a decision costs, and a fuzzer throw bytes.

mod activities;
mod app;
mod base;
#[doc(hidden)]
pub mod bench;
mod commands;
mod demo;
mod entries;
mod gateways;
mod groups;
mod jobs;
mod members;
mod minutes;
mod notices;
mod privacy;
mod reports;
mod safety;
mod screen;
mod staff;
mod terminals;
mod venues;
mod wechat;
mod worklist;

pub use app::App;
/// For the test that asks PostgreSQL how it would run them.
#[doc(hidden)]
pub use base::db::{BY_INDEX as PLANNED, SETTINGS as SETTLED, bulk::texts as hot_statements};
pub use base::{
    clock::Clock,
    config::{Config, Template},
};
pub use commands::run;
#[doc(hidden)]
pub use gateways::parsers;
