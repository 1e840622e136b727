//! What terminals say beside entries: alarms and notices of the device itself, each once.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use uuid::Uuid;

use super::tables::gateways::terminal_notice::{Column, Entity, Model};
use crate::base::{
    db::bulk::{self, Kind, Verb, Write, column, nullable},
    error::Error,
    ids::TerminalId,
};

/// How urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Somebody should go and look.
    Alarm,
    Notice,
}

impl NoticeKind {
    fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Alarm => "alarm",
            NoticeKind::Notice => "notice",
        }
    }
}

/// Something a device said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// Tells it from the terminal's others.
    pub key: String,
    pub device_time: Option<DateTime<Utc>>,
    pub kind: NoticeKind,
    /// Our word for it, or the vendor's number.
    pub code: String,
    pub detail: Option<String>,
}

const COLUMNS: &[bulk::Column] = &[
    column("id", Kind::Uuid),
    column("terminal_id", Kind::Uuid),
    column("record_key", Kind::Text),
    nullable("device_time", Kind::Instant),
    column("received_at", Kind::Instant),
    column("kind", Kind::Text),
    column("code", Kind::Text),
    nullable("detail", Kind::Text),
];

/// Keeps notices; what is there already stays as it is.
pub async fn note(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    mut notices: Vec<NewNotice>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    notices.sort_by(|a, b| a.key.cmp(&b.key));
    notices.dedup_by(|a, b| a.key == b.key);
    let row = |notice: NewNotice| {
        vec![
            Uuid::now_v7().into(),
            terminal.0.into(),
            notice.key.into(),
            notice.device_time.into(),
            now.into(),
            notice.kind.as_str().into(),
            notice.code.into(),
            notice.detail.into(),
        ]
    };
    let rows = notices.into_iter().map(row).collect();
    let verb = Verb::Insert("ON CONFLICT (terminal_id, record_key) DO NOTHING");
    bulk::write_all(tx, vec![Write { table: "terminal_notices", columns: COLUMNS, verb, rows }])
        .await?;
    Ok(())
}

/// A notice as staff see it.
pub type NoticeView = Model;

/// At most `limit` notices of a terminal, newest first, before `before`.
pub async fn of(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<NoticeView>, Error> {
    let mut query = Entity::find().filter(Column::TerminalId.eq(terminal));
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(query.order_by_desc(Column::Id).limit(limit).all(db).await?)
}
