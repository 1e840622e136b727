//! What staff do with the tokens of screens, each act with its row of the audit chain. What the
//! operator's commands do stands in `mod`.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr};
use serde::Deserialize;
use uuid::Uuid;

use super::{Added, TokenSeen, tables};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::DivisionCode,
    },
    staff::{Function, StaffCaller, audit},
};

const CHAIN: &str = "screens";
const LABEL_CHARS_MAX: usize = 64;

/// Where a screen hangs: 1 to 64 characters without controls, and no blanks around them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Label(String);

impl TryFrom<String> for Label {
    type Error = Code;
    fn try_from(text: String) -> Result<Self, Code> {
        let text = text.trim();
        let fits = (1..=LABEL_CHARS_MAX).contains(&text.chars().count())
            && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned())).ok_or(Code::InvalidValue)
    }
}

/// The tokens for screens within `division`, the newest first, behind the token `after`.
pub async fn listed(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<TokenSeen>, DbErr> {
    let rows = tables::page(db, division, after, rows).await?;
    Ok(rows.into_iter().map(TokenSeen::from).collect())
}

/// Makes a token for a division that the caller keeps.
pub async fn hang(
    db: &DatabaseConnection,
    by: &StaffCaller,
    division: &DivisionCode,
    label: &Label,
    now: DateTime<Utc>,
) -> Result<Added, Error> {
    by.require(Function::ManageVenues, division)?;
    let tx = db::begin(db).await?;
    let added = super::add(&tx, division, &label.0, now).await?;
    note(&tx, by, "screen_token_made", added.id, division, now).await?;
    tx.commit().await?;
    Ok(added)
}

/// Ends a token; 404 outside the caller's division.
pub async fn take_down(
    db: &DatabaseConnection,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let row = tables::find(&tx, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::ManageVenues, &row.division)?;
    tables::revoke(&tx, id, now).await?;
    if row.revoked_at.is_none() {
        note(&tx, by, "screen_token_ended", id, &row.division, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn note(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    act: &str,
    id: Uuid,
    division: &DivisionCode,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let (actor, object) = (by.actor(), format!("screen:{id}"));
    let after = Some(division.as_str());
    let deed =
        audit::Deed { actor: &actor, act, object: &object, before: None, after, reason: None };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_short_line() {
        let read = |text: &str| Label::try_from(text.to_owned()).map(|label| label.0);
        assert_eq!(read(" 大厅 ").unwrap(), "大厅");
        for wrong in ["", "   ", "a\nb", &"字".repeat(65)] {
            assert_eq!(read(wrong), Err(Code::InvalidValue));
        }
    }
}
