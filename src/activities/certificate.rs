//! Certificates: a page for whoever has its link, which the person makes who attended. Only a hash
//! of the link is kept, and nothing of the page, which is written when it is asked for.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    Kind, load,
    tables::{SIGN_UPS, SignUpRow, execute, rows},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
        keys::{Keys, new_token, token_hash},
    },
    members,
};

/// How long a link is good; another one is made at any time.
const LIFE: TimeDelta = TimeDelta::days(30);

/// A link as it is told once.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub token: String,
    pub until: DateTime<Utc>,
}

/// Makes a link to the certificate of an activity that the member attended; the one before is
/// void. Refuses (404) whoever did not attend.
pub async fn make_certificate(
    tx: &DatabaseTransaction,
    id: Uuid,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Certificate, Error> {
    let made = Certificate { token: new_token(), until: now + LIFE };
    let sql = "UPDATE activity_sign_ups SET certificate_hash = $3, certificate_until = $4 \
               WHERE activity_id = $1 AND member_id = $2 AND state = 'in' \
               AND attended_at IS NOT NULL";
    let hash = token_hash(&made.token);
    let values = vec![id.into(), member.0.into(), hash.into(), made.until.into()];
    match execute(tx, sql, values).await? {
        0 => Err(Error::NotFound(Code::NotFound)),
        _ => Ok(made),
    }
}

/// The page behind a link. Refuses (404) a link that is none or has run out.
pub async fn read_certificate(
    db: &impl ConnectionTrait,
    keys: &Keys,
    token: &str,
    now: DateTime<Utc>,
) -> Result<String, Error> {
    let none = || Error::NotFound(Code::CertificateUnknown);
    let sql = format!(
        "{SIGN_UPS} WHERE u.certificate_hash = $1 AND u.certificate_until > $2 \
         AND u.state = 'in' AND m.status <> 'erased'"
    );
    let found: Vec<SignUpRow> = rows(db, &sql, vec![token_hash(token).into(), now.into()]).await?;
    let row = found.into_iter().next().ok_or_else(none)?;
    let activity = load(db, row.activity_id).await?.ok_or_else(none)?;
    let name = members::own(db, keys, MemberId(row.member_id)).await?.name;
    let day = activity.times.starts_at.with_timezone(&Shanghai);
    let place = activity.venue.map(|(_, name)| name).or(activity.place).unwrap_or_default();
    Ok(page(&Said {
        name: &name,
        title: &activity.title,
        kind: activity.kind,
        day: &day.format("%Y年%-m月%-d日").to_string(),
        at: &place,
        rank: row.place,
        result: row.result.as_deref(),
    }))
}

/// What a certificate says.
struct Said<'a> {
    name: &'a str,
    title: &'a str,
    kind: Kind,
    day: &'a str,
    at: &'a str,
    rank: Option<i32>,
    result: Option<&'a str>,
}

const STYLE: &str = "@page{size:A4 landscape;margin:0}\
body{margin:0;font-family:'Songti SC','Noto Serif CJK SC',serif;color:#222;background:#fff}\
main{box-sizing:border-box;width:min(297mm,100vw);min-height:min(205mm,100vh);margin:auto;\
padding:8vmin;border:3mm double #b8860b;text-align:center}\
h1{font-size:2.8em;letter-spacing:.4em;color:#a01c1c;margin:.3em 0}\
h1+p{color:#777;letter-spacing:.2em;margin-top:0}\
strong{font-size:1.6em}\
.said{font-size:1.35em;line-height:2.1}\
footer{margin-top:2em;color:#555}";

/// What the page may do: show its own style, by its hash, and nothing else.
pub(super) static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

fn page(said: &Said<'_>) -> String {
    let [name, title, day, at] = [said.name, said.title, said.day, said.at].map(escaped);
    let heading = if said.rank.is_some() { "荣誉证书" } else { "参与证书" };
    let english = if said.rank.is_some() { "Certificate of Honour" } else { "Certificate" };
    let took_part = match said.kind {
        Kind::Competition => "参加比赛",
        Kind::Class => "完成课程",
        Kind::Lecture => "参加讲座",
        Kind::Outing => "参加户外活动",
    };
    let rank = said.rank.map(|n| format!("，获第<strong>{n}</strong>名")).unwrap_or_default();
    let result = said.result.map(|text| format!("，成绩 {}", escaped(text))).unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"referrer\" content=\"no-referrer\"><title>{heading} · 运动家</title>\
         <style>{STYLE}</style></head><body><main><h1>{heading}</h1><p lang=\"en\">{english}</p>\
         <p class=\"said\"><strong>{name}</strong> 同志：<br>于{day}在{at}{took_part}\
         “{title}”{rank}{result}。<br>特发此证，以资鼓励。</p>\
         <footer>智慧体育社区 · 运动家</footer></main></body></html>"
    )
}

/// A text within HTML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_text_and_no_page() {
        let said = Said {
            name: "张三",
            title: "<script>alert('x')</script>",
            kind: Kind::Competition,
            day: "2026年11月23日",
            at: "\"体育馆\" & 操场",
            rank: Some(1),
            result: Some("<b>3:0</b>"),
        };
        let page = page(&said);
        assert!(page.contains("张三") && page.contains("第<strong>1</strong>名"));
        assert!(!page.contains("<script") && !page.contains("<b>"));
        assert!(page.contains("&quot;体育馆&quot; &amp; 操场"));
        assert!(page.contains("荣誉证书") && POLICY.contains("'sha256-"));
    }
}
