//! Two registrations of one person become one: what opens doors, permits, children and the
//! mini-program's account go over. What is left of the other is forgotten by the caller.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, EntityTrait as _, ExprTrait as _,
    QueryFilter as _, Statement, sea_query::Expr,
};

use super::{
    note_because,
    tables::{credentials, faces, members, wechat_accounts},
    words::CredentialKind,
};
use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
    },
    staff::{Function, StaffCaller, requests},
};

/// Hands over to `kept` what `gone` has. A face goes over only to somebody who has none; consents
/// stay with whom they were given as. Refuses (422) one and the same member.
pub async fn join(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    (kept, gone): (MemberId, MemberId),
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let reason = requests::reason(reason)?;
    if kept == gone {
        return Err(Error::invalid("/other_id", Code::InvalidValue));
    }
    // In the order of their ids, as every writer of more than one member.
    let mut both = [kept, gone];
    both.sort();
    for id in both {
        lock(tx, by, id).await?;
    }
    hand_over_credentials(tx, kept, gone).await?;
    for sql in HANDED_OVER {
        let values = [kept.0.into(), gone.0.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        tx.execute_raw(statement).await?;
    }
    hand_over_account(tx, kept, gone).await?;
    note_because(tx, &by.actor(), "members_joined", kept, reason, now).await?;
    note_because(tx, &by.actor(), "members_joined", gone, reason, now).await?;
    Ok(())
}

/// `$1` keeps what `$2` had.
const HANDED_OVER: [&str; 7] = [
    "INSERT INTO member_approvals (member_id, kind, valid_from, valid_to, by_actor) \
     SELECT $1, o.kind, o.valid_from, o.valid_to, o.by_actor FROM member_approvals o \
     WHERE o.member_id = $2 ON CONFLICT (member_id, kind, valid_from) DO NOTHING",
    "UPDATE members SET guardian_id = $1, version = version + 1 WHERE guardian_id = $2",
    "UPDATE member_views SET member_id = $1 WHERE member_id = $2",
    "UPDATE view_requests SET member_id = $1 WHERE member_id = $2",
    "UPDATE staff_requests SET member_id = $1 WHERE member_id = $2",
    "UPDATE terminal_roster SET member_id = $1 WHERE member_id = $2 AND handle IN \
     (SELECT c.handle FROM credentials c WHERE c.member_id = $1)",
    "UPDATE terminal_pins SET member_id = $1 WHERE member_id = $2 AND handle IN \
     (SELECT c.handle FROM credentials c WHERE c.member_id = $1)",
];

async fn lock(tx: &DatabaseTransaction, by: &StaffCaller, id: MemberId) -> Result<(), Error> {
    members::Entity::update_many()
        .col_expr(members::Column::Version, Expr::col(members::Column::Version).add(1))
        .filter(members::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    let row = members::Entity::find_by_id(id)
        .filter(members::COLUMN.erased_at.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::ManageMembers, &row.home_community)
}

async fn hand_over_credentials(
    tx: &DatabaseTransaction,
    kept: MemberId,
    gone: MemberId,
) -> Result<(), Error> {
    let face = CredentialKind::Face.as_str();
    let has_face = credentials::Entity::find()
        .filter(credentials::COLUMN.member_id.eq(kept))
        .filter(credentials::COLUMN.kind.eq(face))
        .one(tx)
        .await?
        .is_some();
    let mut going = credentials::Entity::update_many()
        .col_expr(credentials::Column::MemberId, Expr::value(kept))
        .filter(credentials::COLUMN.member_id.eq(gone));
    if has_face {
        going = going.filter(credentials::COLUMN.kind.ne(face));
    } else {
        faces::Entity::update_many()
            .col_expr(faces::Column::MemberId, Expr::value(kept))
            .filter(faces::COLUMN.member_id.eq(gone))
            .exec(tx)
            .await?;
    }
    going.exec(tx).await?;
    Ok(())
}

/// The account with the mini-program, to somebody who has none.
async fn hand_over_account(
    tx: &DatabaseTransaction,
    kept: MemberId,
    gone: MemberId,
) -> Result<(), Error> {
    let own = wechat_accounts::Entity::find()
        .filter(wechat_accounts::COLUMN.member_id.eq(kept))
        .one(tx)
        .await?;
    if own.is_some() {
        return Ok(());
    }
    wechat_accounts::Entity::update_many()
        .col_expr(wechat_accounts::Column::MemberId, Expr::value(kept))
        .filter(wechat_accounts::COLUMN.member_id.eq(gone))
        .exec(tx)
        .await?;
    Ok(())
}
