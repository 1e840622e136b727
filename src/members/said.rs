//! What a member writes for others to read: judged by WeChat before anybody reads it. Nothing is
//! kept here; where a text lies, and what waits for its check, is the affair of who asks.

use sea_orm::DatabaseConnection;

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

/// What WeChat says of a text, or why it says nothing.
pub async fn verdict(
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
