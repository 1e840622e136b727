//! Messages in SQL until WeChat has taken them. Whoever changes something that a person must hear
//! of puts the message into the same transaction; a job sends it: tried again while the cause
//! passes, given up where the person refuses, the message is wrong, or its time is over. A message
//! that was sent as the server died may be sent twice; none is lost.
//!
//! Knows no domain: each names its own kinds, and the settings give each kind its template.

mod rules;
mod tables;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use self::{rules::Outcome, tables::messages};
use super::{
    config::WechatConfig,
    error::Error,
    ids::{MemberId, MessageId},
    keys::Keys,
    wechat_api::{Message, OpenId, Wechat},
};

const PENDING: &str = "pending";
const SENT: &str = "sent";
const GIVEN_UP: &str = "given_up";
/// Messages sent by one run of the job.
const AT_ONCE: u64 = 50;
/// Nobody else takes a message within this time after somebody began to send it.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// How long ended messages are kept, for those who ask what was sent.
const KEPT: TimeDelta = TimeDelta::days(90);
/// The longest text of a template's `thing` field.
const THING_CHARACTERS_MAX: usize = 20;

/// Something to be said to a member.
#[derive(Clone, Debug)]
pub struct Note {
    pub member: MemberId,
    /// What sort of message, which says its template: `closure`, `booking` … Kinds that have no
    /// template in the settings are said to nobody.
    pub kind: &'static str,
    /// What is said once is not said again: unique, `closure:<id>:<member>`.
    pub name: String,
    /// The stay that it is about, if it is about one.
    pub session: Option<Uuid>,
    /// The page of the mini-program that it opens.
    pub page: String,
    /// The template's fields by name, as texts; sealed in SQL, for they may name places and times
    /// of the person's. See [`thing`] for its shortest kind.
    pub fields: Vec<(&'static str, String)>,
    pub not_before: DateTime<Utc>,
    /// After which nobody wants to know any more; without it the tries alone are bounded.
    pub valid_until: Option<DateTime<Utc>>,
}

/// Puts a message into the transaction of the change that it tells of. One whose name was put
/// before changes nothing.
pub async fn put(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    note: Note,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let id = MessageId::new();
    let fields = serde_json::to_vec(&note.fields).map_err(Error::internal)?;
    let row = messages::Model {
        id,
        name: note.name,
        member_id: note.member,
        session_id: note.session,
        kind: note.kind.to_owned(),
        template_id: String::new(),
        page: note.page,
        fields_ct: keys.seal("wechat_messages", "fields_ct", &id.to_string(), &fields),
        state: PENDING.to_owned(),
        attempts: 0,
        due_at: note.not_before,
        valid_until: note.valid_until,
        created_at: now,
        ended_at: None,
        refusal: None,
    };
    messages::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(messages::Column::Name).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// Takes back what was not sent yet under names that begin so and go on with an id, such as
/// `closure:<id>:`.
pub async fn take_back(tx: &impl ConnectionTrait, names: &str) -> Result<(), DbErr> {
    // Under every collation `z` sorts after the digits of an id, so this is a range of the index.
    messages::Entity::delete_many()
        .filter(messages::COLUMN.name.between(names.to_owned(), format!("{names}z")))
        .filter(messages::COLUMN.state.eq(PENDING))
        .exec(tx)
        .await
        .map(drop)
}

/// A text cut to what a template's `thing` field takes.
pub fn thing(text: &str) -> String {
    text.chars().take(THING_CHARACTERS_MAX).collect()
}

/// Sends what is due; answers how many were sent. `openid_of` says where a member is reached, for
/// members are known above.
pub async fn deliver<F: Future<Output = Result<Option<OpenId>, Error>>>(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    settings: &WechatConfig,
    openid_of: impl Fn(MemberId) -> F,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let due = messages::Entity::find()
        .filter(messages::COLUMN.state.eq(PENDING))
        .filter(messages::COLUMN.due_at.lte(now))
        .order_by_asc(messages::Column::DueAt)
        .limit(AT_ONCE)
        .all(db)
        .await?;
    let mut sent = 0;
    for row in due {
        if !claim(db, &row, now).await? {
            continue;
        }
        let outcome = match ready(&row, settings, now) {
            Ok(template) => match openid_of(row.member_id).await? {
                Some(to) => attempt(keys, wechat, &row, (template, to), now).await?,
                // Signed out of WeChat for good: there is nobody to tell.
                None => Outcome::GivenUp("nobody is signed in".to_owned()),
            },
            Err(why) => Outcome::GivenUp(why.to_owned()),
        };
        sent += usize::from(outcome == Outcome::Sent);
        settle(db, &row, outcome, now).await?;
    }
    Ok(sent)
}

/// Takes a message for this run: of two replicas one gets it.
async fn claim(
    db: &DatabaseConnection,
    row: &messages::Model,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let claimed = messages::Entity::update_many()
        .col_expr(messages::Column::DueAt, Expr::value(now + CLAIM))
        .col_expr(messages::Column::Attempts, Expr::col(messages::Column::Attempts).add(1))
        .filter(messages::COLUMN.id.eq(row.id))
        .filter(messages::COLUMN.state.eq(PENDING))
        .filter(messages::COLUMN.attempts.eq(row.attempts))
        .exec(db)
        .await?;
    Ok(claimed.rows_affected == 1)
}

/// The template of a message that is still worth sending, or why it is not.
fn ready<'a>(
    row: &'a messages::Model,
    settings: &'a WechatConfig,
    now: DateTime<Utc>,
) -> Result<&'a str, &'static str> {
    if row.valid_until.is_some_and(|until| until < now) {
        return Err("its time is over");
    }
    // A message written before kinds had templates has its own.
    let own = Some(row.template_id.as_str()).filter(|id| !id.is_empty());
    own.or_else(|| settings.template(&row.kind)).ok_or("no template is set for its kind")
}

async fn attempt(
    keys: &Keys,
    wechat: &Wechat,
    row: &messages::Model,
    (template, to): (&str, OpenId),
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let sealed = keys.open("wechat_messages", "fields_ct", &row.id.to_string(), &row.fields_ct)?;
    let fields = serde_json::from_slice(&sealed)
        .map_err(|_| anyhow::anyhow!("message {} has no readable fields", row.id))?;
    let (template_id, page) = (template.to_owned(), row.page.clone());
    let answer = wechat.send(&Message { to, template_id, page, fields }).await;
    Ok(rules::outcome(answer, row.attempts + 1, now))
}

type Update = sea_orm::UpdateMany<messages::Entity>;

async fn settle(
    db: &DatabaseConnection,
    row: &messages::Model,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let ended = |state: &str, refusal: Option<String>| -> Update {
        messages::Entity::update_many()
            .col_expr(messages::Column::State, Expr::value(state))
            .col_expr(messages::Column::EndedAt, Expr::value(now))
            .col_expr(messages::Column::Refusal, Expr::value(refusal))
            .col_expr(messages::Column::FieldsCt, Expr::value(""))
    };
    let update = match outcome {
        Outcome::Sent => ended(SENT, None),
        Outcome::GivenUp(why) => ended(GIVEN_UP, Some(why)),
        Outcome::Later(at) => {
            messages::Entity::update_many().col_expr(messages::Column::DueAt, Expr::value(at))
        }
    };
    update.filter(messages::COLUMN.id.eq(row.id)).exec(db).await.map(drop)
}

/// Nothing more is said to somebody who is forgotten, and nothing kept of what was.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    messages::Entity::delete_many()
        .filter(messages::COLUMN.member_id.eq(member))
        .exec(tx)
        .await
        .map(drop)
}

/// Deletes what has outlived its use; a job runs it.
pub async fn sweep(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    messages::Entity::delete_many()
        .filter(messages::COLUMN.ended_at.lt(now - KEPT))
        .exec(db)
        .await
        .map(drop)
}
