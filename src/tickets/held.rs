//! Words of a report that nobody could judge when they were written: asked about again, shown to
//! staff when they are fine, and dropped when they are bad. The ticket stands without them.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DbErr, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

use super::{TABLE, tables::tickets};
use crate::{
    base::{error::Error, ids::MemberId, keys::Keys, wechat_api::Wechat},
    members::said::{self, Waiting},
};

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
        .limit(said::AT_ONCE)
        .all(db)
        .await?;
    for row in due {
        let waiting = Waiting {
            table: TABLE,
            id: row.id,
            member: row.member_id.map(MemberId),
            sealed: row.held_ct.as_deref(),
            since: row.reported_at,
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
