//! The one error of requests, named by what the caller should do, and the stable codes.
//! `base::http::problem` turns it into an RFC 9457 answer; nothing here knows HTTP.

use sea_orm::{DbErr, RuntimeErr};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be read: fix its form (400).
    #[error("malformed: {0:?}")]
    Malformed(Code),
    /// The request was read, but fields of it are not acceptable: fix them (422).
    #[error("invalid: {0:?}")]
    Invalid(Vec<Fault>),
    /// Sign in, or sign the request properly (401).
    #[error("unauthenticated: {0:?}")]
    Unauthenticated(Code),
    /// This caller may not (403).
    #[error("forbidden: {0:?}")]
    Forbidden(Code),
    /// There is no such thing, or the caller may not know of it (404).
    #[error("not found: {0:?}")]
    NotFound(Code),
    /// It contradicts what is there (409).
    #[error("conflict: {0:?}")]
    Conflict(Code),
    /// Too often; come back after so many seconds (429).
    #[error("too many: {0:?}, retry after {1} s")]
    TooMany(Code, u32),
    /// We cannot now; come back after so many seconds (503).
    #[error("unavailable: {0:?}, retry after {1} s")]
    Unavailable(Code, u32),
    /// Nobody planned this (500); the cause is logged once, never shown.
    #[error("internal")]
    Internal(#[source] anyhow::Error),
}

/// One field that is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer to the field, `""` for the whole body.
    pub pointer: String,
    pub code: Code,
}

impl Error {
    /// One unacceptable field.
    pub fn invalid(pointer: impl Into<String>, code: Code) -> Self {
        Self::Invalid(vec![Fault { pointer: pointer.into(), code }])
    }

    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::Internal(cause.into())
    }
}

/// Seconds after which a caller should try again when the database was busy or away.
const RETRY_AFTER_S: u32 = 2;

impl From<DbErr> for Error {
    /// A passing cause asks the caller to come back; anything else is internal.
    fn from(error: DbErr) -> Self {
        if is_passing(&error) {
            tracing::warn!(%error, "the database is busy or away");
            return Self::Unavailable(Code::DatabaseUnavailable, RETRY_AFTER_S);
        }
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Self::Internal(cause)
    }
}

/// Whether trying the same again later can succeed: lost connections, exhausted pools,
/// serialisation failures (40001), deadlocks (40P01), lock timeouts (55P03), a busy SQLite,
/// a read-only standby (25006), a full disk.
pub fn is_passing(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
            passing_sqlx(inner)
        }
        _ => false,
    }
}

fn passing_sqlx(error: &sea_orm::SqlxError) -> bool {
    use sea_orm::SqlxError as E;
    match error {
        E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Protocol(_) => true,
        E::Database(database) => matches!(
            database.code().as_deref(),
            Some(
                "40001"
                    | "40P01"
                    | "55P03"
                    | "57014"
                    | "57P01"
                    | "57P02"
                    | "57P03"
                    | "53100"
                    | "53200"
                    | "53300"
                    | "25006"
                    | "08000"
                    | "08003"
                    | "08006"
                    | "5"
                    | "6"
                    | "13"
                    | "261"
                    | "262"
                    | "517"
            )
        ),
        _ => false,
    }
}

/// Declares the codes once: variant, wire form, the sentence in Chinese and in English.
macro_rules! codes {
    ($($variant:ident $code:literal $zh:literal $en:literal;)*) => {
        /// A stable machine code; the wire form never changes once shipped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($variant),* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code),* }
            }

            /// What happened and what to do next, for a person.
            pub fn sentence(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Code::$variant, Language::Chinese) => $zh,
                      (Code::$variant, Language::English) => $en,)*
                }
            }
        }
    };
}

/// The language a person reads; Chinese unless the request asks for English.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Chinese,
    English,
}

codes! {
    NotFound "not_found" "没有这个地址或内容，请检查链接。" "There is nothing here; check the address.";
    MethodNotAllowed "method_not_allowed" "此地址不支持该操作。" "This address does not support that method.";
    DatabaseUnavailable "database_unavailable" "系统正忙，请稍后再试。" "The system is busy; please try again shortly.";
    Internal "internal" "系统出现问题，已记录，请稍后再试。" "Something went wrong on our side; it has been recorded. Please try again later.";
}
