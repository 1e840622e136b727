//! What a request can reach, on the ground so that no domain has to import another for it.

use std::sync::Arc;

use axum::extract::FromRef;
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use super::{
    clock::Clock, config::Config, counters::Counters, fence::Fence, keys::Keys, metrics::Metrics,
    realname::RealName, wechat_api::Wechat,
};

/// Cheap to clone; handlers take the part they need.
#[derive(Clone, FromRef)]
pub struct State {
    pub db: DatabaseConnection,
    pub clock: Clock,
    pub keys: Arc<Keys>,
    pub counters: Counters,
    pub fence: Fence,
    pub config: Arc<Config>,
    pub metrics: Arc<Metrics>,
    pub wechat: Wechat,
    pub realname: Arc<dyn RealName>,
    /// Cancelled when the server stops: streams end, tasks finish what they hold.
    pub stop: CancellationToken,
}
