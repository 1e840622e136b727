//! Warning, supervision and progress notices (预警单、督办单、进度单): who is told that a ticket is
//! late, and that something was done about it since.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Act, Notice, State, Step, replace,
    rules::{self},
    state_of,
    tables::{notices, tickets},
    take_step,
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::DivisionCode,
        keys::Keys,
    },
    staff::{Function, StaffCaller},
};

/// Tickets that one run of the job looks at.
const AT_ONCE: u64 = 100;
const JOB: &str = "job:tickets";

/// Tells whoever is to be told by now, and takes for confirmed what was fixed a week ago and
/// nobody complains of; a job runs it.
pub async fn escalate(
    db: &DatabaseConnection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let due = tickets::Entity::find()
        .filter(tickets::COLUMN.next_at.lte(now))
        .order_by_asc(tickets::Column::NextAt)
        .limit(AT_ONCE)
        .all(db)
        .await?;
    for row in due {
        let tx = db::begin(db).await?;
        let done = if state_of(&row)? == State::Fixed {
            take_step(&tx, keys, row, &Step::bare(Act::Confirm), JOB, now).await.map(|_| true)
        } else {
            tell(&tx, &row, now).await.map_err(Error::from)
        };
        match done {
            Ok(true) => tx.commit().await?,
            // Somebody has just moved it; it is looked at again next time.
            Ok(false) | Err(Error::Conflict(_)) => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends the notices that are due; false where somebody else has moved the ticket.
async fn tell(
    tx: &DatabaseTransaction,
    row: &tickets::Model,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let mut after = row.clone();
    let all = row.due_at.map(|due| rules::notices(&row.community, row.since, due));
    let told = usize::try_from(row.told).unwrap_or_default();
    let rest = all.unwrap_or_default().into_iter().skip(told);
    after.next_at = None;
    for one in rest {
        if one.at > now {
            after.next_at = Some(one.at);
            break;
        }
        after.told += 1;
        insert(tx, row, one.notice, one.division, now).await?;
    }
    replace(tx, row, &after).await
}

/// Tells every division that was told of a ticket before that something was done about it.
pub(super) async fn tell_progress(
    tx: &DatabaseTransaction,
    row: &tickets::Model,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let told = notices::Entity::find()
        .filter(notices::COLUMN.ticket_id.eq(row.id))
        .filter(notices::COLUMN.kind.ne(Notice::Progress.as_str()))
        .all(tx)
        .await?;
    let divisions: BTreeSet<DivisionCode> = told.into_iter().map(|row| row.division).collect();
    for division in divisions {
        insert(tx, row, Notice::Progress, division, now).await?;
    }
    Ok(())
}

async fn insert(
    tx: &DatabaseTransaction,
    ticket: &tickets::Model,
    notice: Notice,
    division: DivisionCode,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = notices::Model {
        id: Uuid::now_v7(),
        ticket_id: ticket.id,
        kind: notice.as_str().to_owned(),
        division,
        state: ticket.state.clone(),
        at: now,
        seen_at: None,
        seen_by: None,
    };
    notices::Entity::insert(row.into_active_model()).exec_without_returning(tx).await.map(drop)
}

/// Somebody of the division says that they have seen a notice; 404 elsewhere, and seeing it twice
/// is no error.
pub async fn see(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = notices::Entity::find_by_id(id).one(tx).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::AnswerWork, &row.division)?;
    notices::Entity::update_many()
        .col_expr(notices::Column::SeenAt, Expr::value(now))
        .col_expr(notices::Column::SeenBy, Expr::value(by.actor()))
        .filter(notices::COLUMN.id.eq(id))
        .filter(notices::COLUMN.seen_at.is_null())
        .exec(tx)
        .await?;
    Ok(())
}
