//! Messages in SQL until WeChat has taken them: tried again while the cause passes, given up where
//! the person refuses or the message is wrong. A message that was sent as the server died may be
//! sent twice; none is lost.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, ExprTrait as _, FromQueryResult, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Statement,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::tables::messages;
use crate::{
    base::{
        error::Error,
        ids::{MemberId, MessageId},
        keys::Keys,
        wechat_api::{Message, Refusal, Wechat},
    },
    members,
};

const PENDING: &str = "pending";
const SENT: &str = "sent";
const GIVEN_UP: &str = "given_up";
/// Messages sent by one run of the job.
const AT_ONCE: u64 = 50;
/// Nobody else takes a message within this time after somebody began to send it.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// After these many attempts nobody wants to know any more.
const ATTEMPTS_MAX: i32 = 10;
/// Waits double from the first to the longest.
const FIRST_WAIT_S: i64 = 30;
const LONGEST_WAIT_S: i64 = 3600;
/// How long ended messages are kept, for those who ask what was sent.
const KEPT: TimeDelta = TimeDelta::days(90);
/// A stay that ended by estimate so long ago is not asked about any more.
const ASKED_WITHIN: TimeDelta = TimeDelta::hours(24);
/// The longest text of a template's `thing` field.
const THING_CHARACTERS_MAX: usize = 20;

/// Sends what is due; answers how many were taken.
pub async fn deliver(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
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
        let outcome = send(db, keys, wechat, &row).await?;
        sent += usize::from(outcome.is_ok());
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

async fn send(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    row: &messages::Model,
) -> Result<Result<(), Refusal>, Error> {
    let Some(to) = members::openid_of(db, keys, row.member_id).await? else {
        // Signed out of WeChat for good: there is nobody to tell.
        return Ok(Err(Refusal::MessageRefused));
    };
    let sealed = keys.open("wechat_messages", "fields_ct", &row.id.to_string(), &row.fields_ct)?;
    let fields = serde_json::from_slice(&sealed)
        .map_err(|_| anyhow::anyhow!("message {} has no readable fields", row.id))?;
    let (template_id, page) = (row.template_id.clone(), row.page.clone());
    Ok(wechat.send(&Message { to, template_id, page, fields }).await)
}

async fn settle(
    db: &DatabaseConnection,
    row: &messages::Model,
    outcome: Result<(), Refusal>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let attempts = row.attempts + 1;
    let (state, refusal) = match outcome {
        Ok(()) => (SENT, None),
        Err(refusal) if refusal.is_passing() && attempts < ATTEMPTS_MAX => {
            let wait = wait_after(attempts);
            return set(db, row, |update| {
                update.col_expr(messages::Column::DueAt, Expr::value(now + wait))
            })
            .await;
        }
        Err(refusal) => (GIVEN_UP, Some(refusal.to_string())),
    };
    set(db, row, |update| {
        update
            .col_expr(messages::Column::State, Expr::value(state))
            .col_expr(messages::Column::EndedAt, Expr::value(now))
            .col_expr(messages::Column::Refusal, Expr::value(refusal.clone()))
            .col_expr(messages::Column::FieldsCt, Expr::value(""))
    })
    .await
}

type Update = sea_orm::UpdateMany<messages::Entity>;

async fn set(
    db: &DatabaseConnection,
    row: &messages::Model,
    change: impl FnOnce(Update) -> Update,
) -> Result<(), DbErr> {
    change(messages::Entity::update_many())
        .filter(messages::COLUMN.id.eq(row.id))
        .exec(db)
        .await
        .map(drop)
}

fn wait_after(attempts: i32) -> TimeDelta {
    // At most ten attempts, so the shift stays small.
    let doubled = FIRST_WAIT_S << u32::try_from(attempts - 1).unwrap_or_default();
    TimeDelta::seconds(std::cmp::min(doubled, LONGEST_WAIT_S))
}

/// A stay that was ended by its limit: nobody saw the person leave.
#[derive(FromQueryResult)]
struct Unseen {
    id: Uuid,
    member_id: Uuid,
    venue: String,
    entered_at: DateTime<Utc>,
}

const UNSEEN: &str = "SELECT s.id AS id, s.member_id AS member_id, v.name AS venue, \
     s.entered_at AS entered_at FROM sessions s JOIN venues v ON v.id = s.venue_id \
     JOIN wechat_accounts a ON a.member_id = s.member_id \
     WHERE s.ended_by = 'limit' AND NOT s.void AND s.credited AND s.presence_expires_at > $1 \
     AND NOT EXISTS (SELECT 1 FROM wechat_messages m WHERE m.session_id = s.id) \
     ORDER BY s.presence_expires_at LIMIT 200";

/// Asks everybody whose exit is missing when they left; once a stay.
pub async fn note_missing_exits(
    db: &DatabaseConnection,
    keys: &Keys,
    template_id: &str,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let since = now - ASKED_WITHIN;
    let statement =
        Statement::from_sql_and_values(db.get_database_backend(), UNSEEN, [since.into()]);
    let unseen = Unseen::find_by_statement(statement).all(db).await?;
    for stay in &unseen {
        ask_when_left(db, keys, template_id, stay, now).await?;
    }
    Ok(unseen.len())
}

async fn ask_when_left(
    db: &DatabaseConnection,
    keys: &Keys,
    template_id: &str,
    stay: &Unseen,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let id = MessageId::new();
    let entered = stay.entered_at.with_timezone(&Shanghai);
    let venue: String = stay.venue.chars().take(THING_CHARACTERS_MAX).collect();
    let fields = [
        ("thing1", venue),
        ("time2", entered.format("%Y年%-m月%-d日 %H:%M").to_string()),
        ("thing3", "没有离场记录，请补填离场时间".to_owned()),
    ];
    let fields = serde_json::to_vec(&fields).map_err(Error::internal)?;
    let row = messages::Model {
        id,
        name: format!("left:{}", stay.id),
        member_id: MemberId(stay.member_id),
        session_id: Some(stay.id),
        template_id: template_id.to_owned(),
        page: format!("pages/left/index?session={}", stay.id),
        fields_ct: keys.seal("wechat_messages", "fields_ct", &id.to_string(), &fields),
        state: PENDING.to_owned(),
        attempts: 0,
        due_at: now,
        created_at: now,
        ended_at: None,
        refusal: None,
    };
    messages::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(messages::Column::Name).do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
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
    super::sweep_pushes(db, now).await?;
    messages::Entity::delete_many()
        .filter(messages::COLUMN.ended_at.lt(now - KEPT))
        .exec(db)
        .await
        .map(drop)
}
