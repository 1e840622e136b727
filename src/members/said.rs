//! What a member writes for others to read: judged by WeChat before anybody reads it. Nothing is
//! kept here; where a text lies, and what waits for its check, is the affair of who asks.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use super::accounts::openid_of;
use crate::base::{
    error::{Code, Error},
    ids::MemberId,
    keys::Keys,
    wechat_api::{Refusal, TextVerdict, Wechat},
};

/// Longest text of a member.
pub const CHARACTERS_MAX: usize = 500;

/// A text that may be read, or has to wait.
pub enum Judged {
    Fine(String),
    Held(String),
}

/// Has a text judged that staff will read, whose work it is to look at what is unsure. Refuses
/// (422) a text that is empty, too long or bad; what nobody can judge now is held.
pub async fn judge(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    member: MemberId,
    text: &str,
) -> Result<Judged, Error> {
    let text = text.trim();
    if !(1..=CHARACTERS_MAX).contains(&text.chars().count()) {
        return Err(Error::invalid("/text", Code::TextLength));
    }
    match verdict(db, keys, wechat, member, text).await? {
        Ok(TextVerdict::Fine | TextVerdict::Unsure) => Ok(Judged::Fine(text.to_owned())),
        Ok(TextVerdict::Bad) => Err(Error::invalid("/text", Code::TextNotAllowed)),
        Err(_) => Ok(Judged::Held(text.to_owned())),
    }
}

/// Texts judged again by one run of a job, and how soon one is that could not be.
pub const AT_ONCE: u64 = 20;
pub const AGAIN_AFTER: TimeDelta = TimeDelta::minutes(5);
/// A text that nobody could judge for so long is never shown.
const HELD_MAX: TimeDelta = TimeDelta::days(7);

/// A text that had to wait, as its row keeps it: sealed in `held_ct`.
pub struct Waiting<'a> {
    pub table: &'static str,
    pub id: Uuid,
    /// Nobody who was forgotten is asked about.
    pub member: Option<MemberId>,
    pub sealed: Option<&'a str>,
    pub since: DateTime<Utc>,
}

/// What becomes of a text that had to wait; without words and time it is dropped.
pub struct Again {
    /// What may be read now.
    pub words: Option<String>,
    /// When it is judged again.
    pub at: Option<DateTime<Utc>>,
    /// Nobody answers now, so the others need not wait for that one by one.
    pub nobody_answers: bool,
}

/// Has a text judged once more. Whatever is wrong with this one is logged, and the others go on.
pub async fn judge_again(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    waiting: &Waiting<'_>,
    now: DateTime<Utc>,
) -> Result<Again, Error> {
    let verdict = match verdict_on_held(db, keys, wechat, waiting).await {
        Err(Error::Internal(cause)) => {
            let Waiting { table, id, .. } = waiting;
            tracing::error!(table, %id, %cause, "a held text cannot be read");
            Err(Refusal::Off)
        }
        judged => judged?,
    };
    let later = (now - waiting.since < HELD_MAX).then_some(now + AGAIN_AFTER);
    Ok(match verdict {
        Ok((TextVerdict::Fine | TextVerdict::Unsure, text)) => {
            Again { words: Some(text), at: None, nobody_answers: false }
        }
        Ok((TextVerdict::Bad, _)) => Again { words: None, at: None, nobody_answers: false },
        Err(refusal) => Again { words: None, at: later, nobody_answers: refusal.is_passing() },
    })
}

async fn verdict_on_held(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    waiting: &Waiting<'_>,
) -> Result<Result<(TextVerdict, String), Refusal>, Error> {
    let Some(member) = waiting.member else { return Ok(Err(Refusal::Off)) };
    let held = waiting.sealed.unwrap_or_default();
    let text = keys.open(waiting.table, "held_ct", &waiting.id.to_string(), held)?;
    let text = String::from_utf8(text).map_err(Error::internal)?;
    Ok(verdict(db, keys, wechat, member, &text).await?.map(|verdict| (verdict, text)))
}

/// What WeChat says of a text, or why it says nothing.
async fn verdict(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    member: MemberId,
    text: &str,
) -> Result<Result<TextVerdict, Refusal>, Error> {
    let Some(openid) = openid_of(db, keys, member).await? else {
        return Ok(Err(Refusal::Off));
    };
    let verdict = wechat.judge(&openid, text).await;
    if let Err(refusal) = verdict {
        // In WeChat's terms, which name nobody.
        tracing::warn!(%refusal, "a text could not be judged; it is held");
    }
    Ok(verdict)
}
