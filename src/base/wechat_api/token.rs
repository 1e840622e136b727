//! The access token of the mini-program: one holder for all replicas. It lies sealed in one row of
//! SQL; whoever finds it run out takes the row's lease and fetches the next one, while all others
//! wait for that. Within a process only one asks at a time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, QueryResult, Statement, Value};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Refusal,
    client::{App, ask},
};
use crate::base::{clock::Clock, keys::Keys};

/// A token is renewed so long before its end; for as long the old one and the new one both work.
const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(5);
/// How long one replica may take to fetch: the client's own deadline and some.
const LEASE: TimeDelta = TimeDelta::seconds(15);
/// How often and how long others look whether the token has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_MAX: u32 = 50;
/// The longest that the platform gives; a longer answer is not believed.
const LIFE_S_MAX: i64 = 7200;

pub struct TokenHolder {
    http: reqwest::Client,
    app: App,
    db: DatabaseConnection,
    keys: Arc<Keys>,
    clock: Clock,
    /// This process among the replicas.
    holder: String,
    cached: Mutex<Option<Kept>>,
    /// Whoever has it asks SQL or WeChat; the others wait.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Kept {
    token: SecretString,
    expires_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Question<'a> {
    grant_type: &'static str,
    appid: &'a str,
    secret: &'a str,
    force_refresh: bool,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: i64,
}

impl TokenHolder {
    pub fn new(
        http: reqwest::Client,
        app: App,
        db: DatabaseConnection,
        keys: Arc<Keys>,
        clock: Clock,
    ) -> Self {
        Self {
            http,
            app,
            db,
            keys,
            clock,
            holder: Uuid::now_v7().to_string(),
            cached: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// A token that is good for some minutes yet.
    pub async fn token(&self) -> Result<SecretString, Refusal> {
        if let Some(token) = self.cached() {
            return Ok(token);
        }
        let _asking = self.asking.lock().await;
        if let Some(token) = self.cached() {
            return Ok(token);
        }
        for _ in 0..LOOKS_MAX {
            if let Some(kept) = self.stored().await.map_err(|error| away(&error))? {
                return Ok(self.keep(kept));
            }
            if self.lease().await.map_err(|error| away(&error))? {
                return self.fetch_unless_stored().await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(Refusal::Busy)
    }

    /// `token` was refused: nobody shall use it again.
    pub async fn forget(&self, token: &SecretString) -> Result<(), Refusal> {
        let is_it = |kept: &Kept| kept.token.expose_secret() == token.expose_secret();
        self.lock().take_if(|kept| is_it(kept));
        // Another replica may have fetched a newer one meanwhile, which stays.
        let stored = self.stored().await.map_err(|error| away(&error))?;
        if stored.as_ref().is_some_and(is_it) {
            let sql = "UPDATE wechat_tokens SET expires_at = fetched_at \
                       WHERE app_id = $1 AND expires_at = $2";
            let expires_at = stored.map(|kept| kept.expires_at);
            self.run(sql, vec![self.app.id.clone().into(), expires_at.into()])
                .await
                .map_err(|error| away(&error))?;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Kept>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cached(&self) -> Option<SecretString> {
        let now = self.clock.now();
        let cached = self.lock();
        cached.as_ref().filter(|kept| kept.is_good(now)).map(|kept| kept.token.clone())
    }

    fn keep(&self, kept: Kept) -> SecretString {
        let token = kept.token.clone();
        *self.lock() = Some(kept);
        token
    }

    /// With the lease in hand: another replica may have fetched, stored and given the lease back
    /// since we looked.
    async fn fetch_unless_stored(&self) -> Result<SecretString, Refusal> {
        let Some(kept) = self.stored().await.map_err(|error| away(&error))? else {
            return self.fetch().await;
        };
        self.release().await.map_err(|error| away(&error))?;
        Ok(self.keep(kept))
    }

    async fn fetch(&self) -> Result<SecretString, Refusal> {
        let body = Question {
            grant_type: "client_credential",
            appid: &self.app.id,
            secret: self.app.secret.expose_secret(),
            force_refresh: false,
        };
        let url = format!("{}/cgi-bin/stable_token", self.app.base_url);
        let answered: Result<Answer, Refusal> = ask(self.http.post(url).json(&body)).await;
        let answer = match answered {
            Ok(answer) => answer,
            Err(refusal) => {
                self.release().await.map_err(|error| away(&error))?;
                return Err(refusal);
            }
        };
        let life = TimeDelta::seconds(answer.expires_in.clamp(0, LIFE_S_MAX));
        let now = self.clock.now();
        let kept = Kept { token: answer.access_token.into(), expires_at: now + life };
        self.store(&kept, now).await.map_err(|error| away(&error))?;
        Ok(self.keep(kept))
    }

    /// The token of SQL, if it is good for some minutes yet.
    async fn stored(&self) -> Result<Option<Kept>, DbErr> {
        let sql = "SELECT token_ct, expires_at FROM wechat_tokens WHERE app_id = $1";
        let statement = self.statement(sql, vec![self.app.id.clone().into()]);
        let row = self.db.query_one_raw(statement).await?;
        let kept = row.map(|row| self.kept(&row)).transpose()?.flatten();
        Ok(kept.filter(|kept| kept.is_good(self.clock.now())))
    }

    /// A row that does not open is one of older keys: as good as none.
    fn kept(&self, row: &QueryResult) -> Result<Option<Kept>, DbErr> {
        let sealed: String = row.try_get("", "token_ct")?;
        let expires_at = row.try_get("", "expires_at")?;
        let opened = self.keys.open("wechat_tokens", "token_ct", &self.app.id, &sealed).ok();
        let token = opened.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(token.map(|token| Kept { token: token.into(), expires_at }))
    }

    /// Takes the row's lease; `false` while another replica fetches.
    async fn lease(&self) -> Result<bool, DbErr> {
        let now = self.clock.now();
        let sql = "INSERT INTO wechat_tokens \
                   (app_id, token_ct, fetched_at, expires_at, holder, leased_until) \
                   VALUES ($1, '', $2, $2, $3, $4) ON CONFLICT (app_id) DO UPDATE SET \
                   holder = excluded.holder, leased_until = excluded.leased_until \
                   WHERE wechat_tokens.leased_until <= $2";
        let (holder, until) = (self.holder.clone(), now + LEASE);
        let values = vec![self.app.id.clone().into(), now.into(), holder.into(), until.into()];
        Ok(self.run(sql, values).await? == 1)
    }

    /// Only whoever still holds the lease may write: a late answer must not bury a newer one.
    async fn store(&self, kept: &Kept, now: DateTime<Utc>) -> Result<(), DbErr> {
        let plain = kept.token.expose_secret().as_bytes();
        let sealed = self.keys.seal("wechat_tokens", "token_ct", &self.app.id, plain);
        let sql = "UPDATE wechat_tokens SET token_ct = $2, fetched_at = $3, expires_at = $4, \
                   leased_until = $3 WHERE app_id = $1 AND holder = $5";
        let values = vec![
            self.app.id.clone().into(),
            sealed.into(),
            now.into(),
            kept.expires_at.into(),
            self.holder.clone().into(),
        ];
        self.run(sql, values).await.map(drop)
    }

    async fn release(&self) -> Result<(), DbErr> {
        let sql = "UPDATE wechat_tokens SET leased_until = $2 WHERE app_id = $1 AND holder = $3";
        let (id, now, holder) = (self.app.id.clone(), self.clock.now(), self.holder.clone());
        self.run(sql, vec![id.into(), now.into(), holder.into()]).await.map(drop)
    }

    async fn run(&self, sql: &str, values: Vec<Value>) -> Result<u64, DbErr> {
        Ok(self.db.execute_raw(self.statement(sql, values)).await?.rows_affected())
    }

    fn statement(&self, sql: &str, values: Vec<Value>) -> Statement {
        Statement::from_sql_and_values(self.db.get_database_backend(), sql, values)
    }
}

impl Kept {
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        now + RENEWED_BEFORE < self.expires_at
    }
}

fn away(error: &DbErr) -> Refusal {
    tracing::warn!(%error, "the access token's row could not be reached");
    Refusal::Busy
}
