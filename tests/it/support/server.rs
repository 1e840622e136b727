//! A server in the test's own process: it stops in order, or dies at once as a process that is
//! killed.

use std::{net::SocketAddr, time::Duration};

use clap::ValueEnum;
use fitgate::{App, Clock, Config, Template};
use tokio::runtime::Runtime;

use super::{
    Store, Wire, log,
    wechat::{APP, APP_SECRET, FakeWechat, PUSH_KEY, PUSH_TOKEN},
};

/// How long what a dying server was just doing may take to be cut off.
const DEATH_MAX: Duration = Duration::from_secs(30);

/// A running server and how it is reached.
pub struct Server {
    app: Option<App>,
    pub wire: Wire,
    pub ops: Wire,
    /// Its own, so that all it does can end at once.
    runtime: Option<Runtime>,
}

impl Server {
    /// One that will be stopped in order, or left to the end of the test.
    pub async fn start(
        store: &Store,
        clock: &Clock,
        wechat: Option<&FakeWechat>,
    ) -> anyhow::Result<Self> {
        log::keep();
        Ok(Self::of(App::start(config(store, wechat), clock.clone()).await?, None))
    }

    /// One that can die.
    pub async fn mortal(store: &Store, clock: &Clock) -> Self {
        log::keep();
        let runtime = Runtime::new().unwrap();
        let start = App::start(config(store, None), clock.clone());
        let app = runtime.spawn(start).await.unwrap().unwrap();
        Self::of(app, Some(runtime))
    }

    fn of(app: App, runtime: Option<Runtime>) -> Self {
        let wire = |address: SocketAddr| Wire::new(format!("http://{address}"));
        Self { wire: wire(app.address), ops: wire(app.ops_address), app: Some(app), runtime }
    }

    pub fn address(&self) -> SocketAddr {
        self.app.as_ref().unwrap().address
    }

    pub async fn stop(mut self) {
        self.app.take().unwrap().stop().await.unwrap();
    }

    /// Ends all its tasks wherever they wait: nothing is answered, committed or given back.
    pub async fn dies(mut self) {
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(|| runtime.shutdown_timeout(DEATH_MAX)).await.unwrap();
    }
}

impl Drop for Server {
    /// A runtime may not be waited for where others run.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// In tests every kind of message has a template: its name in capitals.
fn template(kind: &str) -> Template {
    Template { kind: kind.to_owned(), id: kind.to_uppercase() }
}

fn config(store: &Store, wechat: Option<&FakeWechat>) -> Config {
    let mut config = Config::development(&store.database_url, store.redis_url.as_deref());
    config.data.keys = Some(store.keys());
    config.data.ciphers = Store::ciphers().and_then(|name| ValueEnum::from_str(&name, true).ok());
    config.erasures = Some(store.erasures());
    if store.relays_faces {
        config.faces = ValueEnum::from_str("relay-only", true).unwrap();
    }
    config.webhooks_anywhere = store.calls_anywhere;
    if store.gives_points {
        config.points = ValueEnum::from_str("on", true).unwrap();
    }
    config.roll_call = Some(store.roll_call());
    config.hosts = vec!["127.0.0.1".to_owned(), "fitgate.test".to_owned()];
    if let Some(wechat) = wechat {
        config.open_data_url = Some("https://open.test/".to_owned());
        config.open_data_license = Some("https://open.test/license".to_owned());
        config = config.with_wechat(&wechat.address(), APP, APP_SECRET).with_pretended_names();
        config.wechat.push_token = Some(PUSH_TOKEN.into());
        config.wechat.push_key = Some(PUSH_KEY.into());
        config.wechat.left_template = Some("LEFT".to_owned());
        let kinds = ["closure", "booking", "waiting", "group", "partner", "activity"];
        config.wechat.templates = kinds.map(template).into();
    }
    config
}
