//! Commands that may be repeated: the same `Idempotency-Key` and body get the stored answer. What
//! is stored is stored in the command's own transaction, so that an answer exists exactly when its
//! effect does; a command that failed stored nothing and may be tried again.

use axum::{
    body::to_bytes,
    extract::{FromRequest, FromRequestParts, OriginalUri, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    db,
    error::{Code, Error},
};

/// How long an answer is kept for repetition.
pub const KEPT: TimeDelta = TimeDelta::days(7);
const KEY_BYTES_MAX: usize = 255;
/// A backstop: the edge bounds bodies within themselves, by route, and says so in its own words.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
const KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED_HEADER: HeaderName = HeaderName::from_static("idempotent-replayed");

mod table {
    //! Stored answers.
    #![expect(
        clippy::disallowed_methods,
        reason = "the entity macro writes a begin() of its own, which nothing here calls"
    )]

    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub caller: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub body_hash: String,
        pub status: i32,
        /// JSON; every stored answer is JSON and has no headers of its own as yet.
        pub headers: String,
        pub body: String,
        pub expires_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// A request that carries an `Idempotency-Key`, and its body read as `T`. Refuses a missing or
/// unusable key with 400.
#[derive(Debug)]
pub struct Command<T> {
    pub stamp: Stamp,
    pub body: T,
}

/// What tells a repetition from another command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    key: String,
    /// Over method, path and body, so that a key used elsewhere is noticed too.
    body_hash: String,
}

impl<S, T> FromRequest<S> for Command<T>
where
    S: Send + Sync,
    T: FromRequest<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let key = key_of(request.headers()).map_err(IntoResponse::into_response)?;
        let (parts, body) = request.into_parts();
        let original = parts.extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri);
        let path = original.unwrap_or(&parts.uri).to_string();
        let bytes = to_bytes(body, BODY_BYTES_MAX)
            .await
            .map_err(|_| Error::Malformed(Code::BodyIncomplete).into_response())?;
        let body_hash = hash_of(parts.method.as_str(), &path, &bytes);
        let again = Request::from_parts(parts, bytes.into());
        let body = T::from_request(again, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { stamp: Stamp { key, body_hash }, body })
    }
}

/// A command without a body.
impl<S: Send + Sync> FromRequestParts<S> for Stamp {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let key = key_of(&parts.headers)?;
        let original = parts.extensions.get::<OriginalUri>().map(|OriginalUri(uri)| uri);
        let path = original.unwrap_or(&parts.uri).to_string();
        Ok(Self { key, body_hash: hash_of(parts.method.as_str(), &path, b"") })
    }
}

fn key_of(headers: &HeaderMap) -> Result<String, Error> {
    let mut values = headers.get_all(KEY_HEADER).iter();
    let value = values.next().ok_or(Error::Malformed(Code::IdempotencyKeyRequired))?;
    let key = value.to_str().unwrap_or_default();
    let fits = values.next().is_none()
        && (1..=KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| key.to_owned()).ok_or(Error::Malformed(Code::IdempotencyKeyFormat))
}

fn hash_of(method: &str, path: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), body] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// What [`Stamp::begin`] found.
enum Begun {
    /// Nobody did this yet: do it in the run's transaction.
    Fresh(Run),
    /// It was done; this is the answer it got.
    Replayed(Answer),
}

/// A command under way. Dropped without [`Run::finish`], it undoes all.
struct Run {
    tx: DatabaseTransaction,
    caller: String,
    stamp: Stamp,
    now: DateTime<Utc>,
}

impl Stamp {
    /// Does the command of `caller` (`staff:<id>` …) once: `work` writes in the command's own
    /// transaction and says what to answer; a repetition gets the stored answer without it.
    /// Refuses what [`Stamp::begin`] refuses, and stores nothing where `work` fails.
    pub async fn once<T: Serialize>(
        self,
        db: &DatabaseConnection,
        caller: &str,
        now: DateTime<Utc>,
        work: impl AsyncFnOnce(&DatabaseTransaction) -> Result<(StatusCode, T), Error>,
    ) -> Result<Answer, Error> {
        match self.begin(db, caller, now).await? {
            Begun::Replayed(answer) => Ok(answer),
            Begun::Fresh(run) => {
                let (status, body) = work(&run.tx).await?;
                run.finish(status, &body).await
            }
        }
    }

    /// As [`Stamp::once`], for a command that first has to `ask` somebody outside, which takes time
    /// or spends something, such as a one-time code: no transaction is open meanwhile, and a
    /// repetition asks nobody.
    pub async fn once_after<Q, T: Serialize>(
        self,
        db: &DatabaseConnection,
        caller: &str,
        now: DateTime<Utc>,
        ask: impl AsyncFnOnce() -> Result<Q, Error>,
        work: impl AsyncFnOnce(&DatabaseTransaction, Q) -> Result<(StatusCode, T), Error>,
    ) -> Result<Answer, Error> {
        if let Some(answer) = self.replayed(db, caller, now).await? {
            return Ok(answer);
        }
        let asked = ask().await?;
        self.once(db, caller, now, async |tx| work(tx, asked).await).await
    }

    /// The stored answer, if the command was done.
    async fn replayed(
        &self,
        db: &DatabaseConnection,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Answer>, Error> {
        let id = (caller.to_owned(), self.key.clone());
        let row = table::Entity::find_by_id(id).one(db).await?;
        match row.filter(|row| now < row.expires_at) {
            Some(row) if row.body_hash == self.body_hash => Answer::stored(row).map(Some),
            Some(_) => Err(Error::invalid("", Code::IdempotencyKeyReused)),
            None => Ok(None),
        }
    }

    /// Begins the command of `caller` (`staff:<id>` …). A key used with another body is refused
    /// with 422, one whose command is still running with 409.
    async fn begin(
        self,
        db: &DatabaseConnection,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Begun, Error> {
        let tx = db::begin(db).await?;
        if !db::try_lock(&tx, &format!("idempotency:{caller}:{}", self.key)).await? {
            return Err(Error::Conflict(Code::IdempotencyKeyInUse));
        }
        let id = (caller.to_owned(), self.key.clone());
        match table::Entity::find_by_id(id.clone()).one(&tx).await? {
            Some(row) if row.expires_at <= now => {
                table::Entity::delete_by_id(id).exec(&tx).await?;
            }
            Some(row) if row.body_hash == self.body_hash => {
                return Answer::stored(row).map(Begun::Replayed);
            }
            Some(_) => return Err(Error::invalid("", Code::IdempotencyKeyReused)),
            None => {}
        }
        Ok(Begun::Fresh(Run { tx, caller: caller.to_owned(), stamp: self, now }))
    }
}

impl Run {
    /// Stores the answer and commits all that the command did. The body is kept as it is, so it
    /// must hold nothing that a log may not.
    async fn finish(self, status: StatusCode, body: &impl Serialize) -> Result<Answer, Error> {
        let body = serde_json::to_string(body).map_err(Error::internal)?;
        let row = table::Model {
            caller: self.caller,
            key: self.stamp.key,
            body_hash: self.stamp.body_hash,
            status: i32::from(status.as_u16()),
            headers: "{}".to_owned(),
            body: body.clone(),
            expires_at: self.now + KEPT,
        };
        table::Entity::insert(row.into_active_model()).exec_without_returning(&self.tx).await?;
        self.tx.commit().await?;
        Ok(Answer { status, body, is_replayed: false })
    }
}

/// The JSON answer of a command, first or repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: StatusCode,
    body: String,
    is_replayed: bool,
}

impl Answer {
    fn stored(row: table::Model) -> Result<Self, Error> {
        let status = u16::try_from(row.status).map_err(Error::internal)?;
        let status = StatusCode::from_u16(status).map_err(Error::internal)?;
        Ok(Self { status, body: row.body, is_replayed: true })
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        const TRUE: HeaderValue = HeaderValue::from_static("true");
        let mut answer = (self.status, [(header::CONTENT_TYPE, JSON)], self.body).into_response();
        if self.is_replayed {
            answer.headers_mut().insert(REPLAYED_HEADER, TRUE);
        }
        answer
    }
}

/// Deletes answers that nobody may ask for any more; a job runs it.
pub async fn sweep(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    let swept =
        table::Entity::delete_many().filter(table::COLUMN.expires_at.lte(now)).exec(db).await?;
    Ok(swept.rows_affected)
}

#[cfg(test)]
mod tests;
