//! Words of a report that nobody could judge when they were written: asked about again, shown to
//! staff when they are fine, and dropped when they are bad. The ticket stands without them.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

use super::{TABLE, tables::tickets};
use crate::{
    base::{
        error::Error,
        ids::MemberId,
        keys::Keys,
        wechat_api::{Refusal, TextVerdict, Wechat},
    },
    members::said,
};

/// Texts judged by one run of the job, and how soon one is judged again that could not be.
const AT_ONCE: u64 = 20;
pub(super) const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(5);
/// A text that nobody could judge for so long is never shown.
const HELD_MAX: TimeDelta = TimeDelta::days(7);

/// Has texts judged that had to wait; a job runs it.
pub async fn judge_held(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let due = tickets::Entity::find()
        .filter(tickets::COLUMN.check_at.lte(now))
        .order_by_asc(tickets::Column::CheckAt)
        .limit(AT_ONCE)
        .all(db)
        .await?;
    for row in due {
        let verdict = match verdict(db, keys, wechat, &row).await {
            // Whatever is wrong with this one, the others go on.
            Err(Error::Internal(cause)) => {
                tracing::error!(ticket = %row.id, %cause, "a held text cannot be read");
                Err(Refusal::Off)
            }
            judged => judged?,
        };
        let later = (now - row.reported_at < HELD_MAX).then_some(now + AGAIN_AFTER);
        match &verdict {
            Ok((TextVerdict::Fine | TextVerdict::Unsure, text)) => {
                let shown = keys.seal(TABLE, "text_ct", &row.id.to_string(), text.as_bytes());
                settle(db, &row, shown, None).await?;
            }
            Ok((TextVerdict::Bad, _)) => settle(db, &row, String::new(), None).await?,
            Err(_) => settle(db, &row, String::new(), later).await?,
        }
        // While nobody answers, the others need not wait for that one by one.
        if verdict.is_err_and(Refusal::is_passing) {
            break;
        }
    }
    Ok(())
}

async fn verdict(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    row: &tickets::Model,
) -> Result<Result<(TextVerdict, String), Refusal>, Error> {
    let Some(member) = row.member_id else { return Ok(Err(Refusal::Off)) };
    let held = row.held_ct.as_deref().unwrap_or_default();
    let text = keys.open(TABLE, "held_ct", &row.id.to_string(), held)?;
    let text = String::from_utf8(text).map_err(Error::internal)?;
    let verdict = said::verdict(db, keys, wechat, MemberId(member), &text).await?;
    Ok(verdict.map(|verdict| (verdict, text)))
}

/// Shows the text, waits again, or drops it.
async fn settle(
    db: &DatabaseConnection,
    row: &tickets::Model,
    shown: String,
    again: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let mut update = tickets::Entity::update_many()
        .col_expr(tickets::Column::CheckAt, Expr::value(again))
        .filter(tickets::COLUMN.id.eq(row.id))
        .filter(tickets::Column::CheckAt.eq(row.check_at));
    if again.is_none() {
        update = update
            .col_expr(tickets::Column::TextCt, Expr::value(shown))
            .col_expr(tickets::Column::HeldCt, Expr::value(None::<String>));
    }
    update.exec(db).await.map(drop)
}
