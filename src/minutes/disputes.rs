//! That something about a stay is not right, for staff to look into. What a member writes is judged
//! by WeChat before anybody else reads it: until then it lies in a column of its own, which no
//! reader knows. Who cannot be asked now is asked again; what is bad is never shown, and the dispute
//! stands without words.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, SqlErr,
    sea_query::Expr,
};
use uuid::Uuid;

pub mod answers;

use super::{declare::own_session, tables::session_dispute};
use crate::{
    base::{
        error::{Code, Error},
        ids::{MemberId, SessionId},
        keys::Keys,
        wechat_api::Wechat,
    },
    members::said::{self, Judged, Waiting},
};

const TABLE: &str = "session_disputes";

/// Has a text about a stay judged; nothing is written. Refuses (404) a stay of somebody else, and
/// (422) a text that is empty, too long or bad.
pub async fn judge(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    (member, stay): (MemberId, SessionId),
    text: &str,
) -> Result<Judged, Error> {
    own_session(db, member, stay).await?;
    said::judge(db, keys, wechat, member, text).await
}

/// The member says that something about a stay is not right. Refuses (409) while an earlier
/// dispute about it is open.
pub async fn dispute(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    stay: SessionId,
    text: &Judged,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    own_session(tx, member, stay).await?;
    let id = Uuid::now_v7();
    let seal = |column, text: &str| keys.seal(TABLE, column, &id.to_string(), text.as_bytes());
    let (text_ct, held_ct) = match text {
        Judged::Fine(text) => (seal("text_ct", text), None),
        Judged::Held(text) => (String::new(), Some(seal("held_ct", text))),
    };
    let row = session_dispute::Model {
        id,
        session_id: stay.0,
        member_id: member.0,
        text_ct,
        created_at: now,
        resolved_at: None,
        resolution: None,
        by_actor: None,
        outcome: None,
        check_at: held_ct.is_some().then_some(now + said::AGAIN_AFTER),
        held_ct,
    };
    let insert = session_dispute::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::DisputeOpen),
        _ => error.into(),
    })?;
    Ok(id)
}

/// Has texts judged that had to wait; a job runs it.
pub async fn judge_held(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let due = session_dispute::Entity::find()
        .filter(session_dispute::Column::CheckAt.lte(now))
        .order_by_asc(session_dispute::Column::CheckAt)
        .limit(said::AT_ONCE)
        .all(db)
        .await?;
    for row in due {
        let waiting = Waiting {
            table: TABLE,
            id: row.id,
            member: Some(MemberId(row.member_id)),
            sealed: row.held_ct.as_deref(),
            since: row.created_at,
        };
        let again = said::judge_again(db, keys, wechat, &waiting, now).await?;
        let sealed =
            |text: String| keys.seal(TABLE, "text_ct", &row.id.to_string(), text.as_bytes());
        settle(db, &row, again.words.map_or_else(String::new, sealed), again.at).await?;
        if again.nobody_answers {
            break;
        }
    }
    Ok(())
}

/// Shows the text, waits again, or drops it.
async fn settle(
    db: &DatabaseConnection,
    row: &session_dispute::Model,
    shown: String,
    again: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let mut update = session_dispute::Entity::update_many()
        .col_expr(session_dispute::Column::CheckAt, Expr::value(again))
        .filter(session_dispute::Column::Id.eq(row.id))
        .filter(session_dispute::Column::CheckAt.eq(row.check_at));
    if again.is_none() {
        update = update
            .col_expr(session_dispute::Column::TextCt, Expr::value(shown))
            .col_expr(session_dispute::Column::HeldCt, Expr::value(None::<String>));
    }
    update.exec(db).await.map(drop)
}

/// What a forgotten member said goes with them; that they said when they left stays, since minutes
/// rest on it.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    session_dispute::Entity::delete_many()
        .filter(session_dispute::Column::MemberId.eq(member.0))
        .exec(tx)
        .await
        .map(drop)
}
