//! What every domain stands on; knows no domain.

pub mod certificates;
pub mod clock;
pub mod config;
pub mod counters;
pub mod db;
pub mod documents;
pub mod error;
pub mod fence;
pub mod guard;
pub mod http;
pub mod idempotency;
pub mod ids;
pub mod keys;
pub mod lease;
pub mod metrics;
pub mod outbox;
pub mod page;
pub mod realname;
pub mod state;
pub mod supervisor;
pub mod text;
pub mod wechat_api;
