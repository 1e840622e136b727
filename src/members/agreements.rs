//! A resident's consents: each given or refused by itself, to a text of a version, never changed
//! afterwards. Who refused is not asked again for a while; a changed text is asked about anew.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _,
};
use serde::Serialize;

use super::{
    Channel, NewConsent,
    faces::forget_photo,
    note,
    own::lock_own,
    registration::{consent_row, insert_consents},
    tables::consents,
    words::Purpose,
};
use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
    },
    staff::audit,
};

/// Who said no is left alone for so long.
const NOT_ASKED_FOR: TimeDelta = TimeDelta::days(90);

/// How a purpose stands with somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ConsentStanding)]
pub enum Standing {
    /// Never answered.
    Open,
    Granted,
    Refused,
    /// Granted to a text that has changed since; what was granted still holds until withdrawn.
    NeedsRenewal,
}

/// One purpose with its text and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    pub purpose: Purpose,
    pub text: &'static str,
    pub text_version: &'static str,
    pub text_hash: String,
    pub standing: Standing,
    /// Of the newest answer.
    pub at: Option<DateTime<Utc>>,
    /// Whether the mini-program may ask now.
    pub may_ask: bool,
}

/// Every purpose's text, as somebody reads it who has not answered yet.
pub fn texts() -> Vec<Agreement> {
    Purpose::ALL.into_iter().map(|purpose| agreement(purpose, None, DateTime::UNIX_EPOCH)).collect()
}

/// Every purpose and how it stands with a member.
pub async fn agreements(
    conn: &impl ConnectionTrait,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<Agreement>, Error> {
    let rows = consents::Entity::find()
        .filter(consents::COLUMN.member_id.eq(id))
        .order_by_asc(consents::Column::At)
        .all(conn)
        .await?;
    let newest = |purpose: Purpose| rows.iter().rfind(|row| row.purpose == purpose.as_str());
    Ok(Purpose::ALL.into_iter().map(|purpose| agreement(purpose, newest(purpose), now)).collect())
}

fn agreement(purpose: Purpose, newest: Option<&consents::Model>, now: DateTime<Utc>) -> Agreement {
    let text = purpose.text();
    let is_current = |row: &consents::Model| row.text_version == text.version;
    let standing = match newest {
        None => Standing::Open,
        Some(row) if !row.granted => Standing::Refused,
        Some(row) if is_current(row) => Standing::Granted,
        Some(_) => Standing::NeedsRenewal,
    };
    let may_ask = match (standing, newest) {
        (Standing::Granted, _) => false,
        (Standing::Refused, Some(row)) => now - row.at >= NOT_ASKED_FOR,
        (Standing::Open | Standing::NeedsRenewal | Standing::Refused, _) => true,
    };
    Agreement {
        purpose,
        text: text.zh,
        text_version: text.version,
        text_hash: audit::digest(text.zh),
        standing,
        at: newest.map(|row| row.at),
        may_ask,
    }
}

/// Records one answer of a resident, or of a guardian for a child. Refuses (409) a grant to
/// another text than today's; who withdraws need not know it.
pub async fn agree(
    tx: &DatabaseTransaction,
    id: MemberId,
    consent: &NewConsent,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let current = consent.purpose.text().version;
    if consent.granted && consent.text_version.as_deref() != Some(current) {
        return Err(Error::Conflict(Code::ConsentOutdated));
    }
    lock_own(tx, id).await?;
    let newest = consents::Entity::find()
        .filter(consents::COLUMN.member_id.eq(id))
        .filter(consents::COLUMN.purpose.eq(consent.purpose.as_str()))
        .order_by_desc(consents::Column::At)
        .one(tx)
        .await?;
    // Two answers never stand at one instant: of them it would not be known which holds.
    let after = newest.map(|row| row.at + TimeDelta::milliseconds(1));
    let at = after.map_or(now, |after| now.max(after));
    let consent = NewConsent { text_version: None, ..consent.clone() };
    let row = consent_row(id, &consent, at, Channel::MiniProgram.as_str(), actor);
    insert_consents(tx, vec![row]).await?;
    // Without either of the two there is no ground on which a photo could lie here.
    if !consent.granted && consent.purpose.keeps_a_photo() {
        forget_photo(tx, id, now).await?;
    }
    let act = if consent.granted { "consent_granted" } else { "consent_withdrawn" };
    note(tx, actor, act, id, Some(consent.purpose.as_str()), now).await?;
    Ok(())
}

/// Whether the newest answer to a purpose is a yes.
pub(super) async fn has_granted(
    conn: &impl ConnectionTrait,
    id: MemberId,
    purpose: Purpose,
) -> Result<bool, Error> {
    let newest = consents::Entity::find()
        .filter(consents::COLUMN.member_id.eq(id))
        .filter(consents::COLUMN.purpose.eq(purpose.as_str()))
        .order_by_desc(consents::Column::At)
        .one(conn)
        .await?;
    Ok(newest.is_some_and(|row| row.granted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    fn answered(granted: bool, version: &str, day: i64) -> consents::Model {
        let consent = NewConsent {
            purpose: Purpose::DoorFace,
            granted,
            text_version: Some(version.to_owned()),
            at: None,
        };
        consent_row(MemberId::new(), &consent, from_millis(day * 86_400_000), "", "")
    }

    fn on_day(day: i64, newest: Option<&consents::Model>) -> (Standing, bool) {
        let now = from_millis(day * 86_400_000);
        let agreement = agreement(Purpose::DoorFace, newest, now);
        (agreement.standing, agreement.may_ask)
    }

    #[test]
    fn who_refused_is_left_alone_for_ninety_days() {
        assert_eq!(on_day(0, None), (Standing::Open, true));
        assert_eq!(on_day(89, Some(&answered(false, "1", 0))), (Standing::Refused, false));
        assert_eq!(on_day(90, Some(&answered(false, "1", 0))), (Standing::Refused, true));
        assert_eq!(on_day(900, Some(&answered(true, "1", 0))), (Standing::Granted, false));
    }

    #[test]
    fn a_changed_text_is_asked_about_anew() {
        assert_eq!(on_day(1, Some(&answered(true, "0", 0))), (Standing::NeedsRenewal, true));
    }
}
