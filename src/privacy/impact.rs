//! What an assessment of the impact on people's privacy rests on, as it is now: whose data are
//! kept, of which kinds, for how long, who else handles them, how they are protected. Counts
//! only. When what an assessment was made of changes, so does `basis`, and it is to be made anew.

use std::collections::HashMap;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, FromQueryResult, Statement, Value};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::{
    retention::{self, Kept},
    rules::{Special, working_day_after},
};
use crate::{
    base::{
        config::{Config, FacesKept, RealnameWay, WechatWay},
        db,
        error::Error,
        keys::Keys,
    },
    members::{self, FACE_LEVELS, Purpose, local_day},
    staff::audit::{self, Deed},
    webhooks::{self, Event, Kind},
};

/// The version of what these facts mean.
const DEFINITION: u32 = 1;
/// Working days within which so many faces are to be filed with the authority.
const FILING_WORKING_DAYS: u32 = 30;
/// Below this age a guardian consents and staff need leave.
const CHILD_UNDER: i32 = 14;
/// Holidays so far ahead are looked at.
const AHEAD: TimeDelta = TimeDelta::days(120);

/// The facts.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImpactFacts)]
pub struct Facts {
    pub definition: u32,
    pub as_of: DateTime<Utc>,
    /// SHA-256 over purposes and their texts, kinds of data, retention, who else handles them and
    /// protection: an assessment made under another value is out of date.
    pub basis: String,
    pub persons: Persons,
    pub faces: Faces,
    pub data: Vec<DataKind>,
    pub consents: Vec<Consented>,
    pub retention: Vec<Kept>,
    pub processors: Vec<Processor>,
    pub terminals: Vec<Devices>,
    pub protection: Protection,
}

#[derive(Clone, Debug, Serialize, ToSchema, FromQueryResult)]
#[schema(as = ImpactPersons)]
pub struct Persons {
    pub registered: i64,
    /// By year of birth, so that one more may be counted than there are.
    pub under_14: i64,
    pub verified: i64,
    pub with_phone: i64,
}

/// Persons whose faces are stored at doors or here, each counted once.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImpactFaces)]
pub struct Faces {
    pub persons: i64,
    /// 80 000, 95 000 or 100 000: the highest of these that is reached now.
    pub alarm: Option<i64>,
    /// When each was reached for the first time.
    pub reached: Vec<Reached>,
    /// The last of thirty working days, by the calendar that was imported, within which the
    /// filing with the authority is due once 100 000 were reached.
    pub filing_due: Option<NaiveDate>,
}

#[derive(Clone, Debug, Serialize, ToSchema, FromQueryResult)]
#[schema(as = FacesReached)]
#[expect(clippy::struct_field_names, reason = "an instant's name ends so everywhere")]
pub struct Reached {
    pub level: i64,
    pub reached_at: DateTime<Utc>,
    /// How many there were then.
    pub persons: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImpactData)]
pub struct DataKind {
    pub kind: &'static str,
    pub name: &'static str,
    /// Of the kinds that want a consent of their own (PIPL, articles 28 and 29).
    pub sensitive: bool,
    pub persons: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImpactConsents)]
pub struct Consented {
    pub purpose: &'static str,
    pub text_version: String,
    pub text_hash: String,
    /// Whose newest word is yes.
    pub persons: i64,
}

/// Somebody else who handles data of persons.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImpactProcessor)]
pub struct Processor {
    pub name: &'static str,
    pub purpose: &'static str,
    pub data: &'static str,
}

#[derive(Clone, Debug, Serialize, ToSchema, FromQueryResult)]
#[schema(as = ImpactDevices)]
pub struct Devices {
    /// The protocol, which says whose product it is.
    pub family: String,
    pub terminals: i64,
    /// Handles of faces that these hold.
    pub faces: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImpactProtection)]
pub struct Protection {
    /// Of sealed columns, and of photos, which have keys of their own.
    pub cipher: String,
    pub photos_kept_here: bool,
}

/// Gathers the facts as of one moment.
pub async fn facts(
    db: &DatabaseConnection,
    keys: &Keys,
    config: &Config,
    now: DateTime<Utc>,
) -> Result<Facts, Error> {
    let tx = db::snapshot(db).await?;
    let persons = persons(&tx, now).await?;
    let faces = faces(&tx).await?;
    let data = data(&tx, &persons, &faces).await?;
    let consents = consents(&tx).await?;
    let terminals = devices(&tx).await?;
    tx.rollback().await?;
    let (retention, processors) = (retention::kept(), processors(config));
    let protection = Protection {
        cipher: keys.cipher().to_owned(),
        photos_kept_here: config.faces == FacesKept::Keep,
    };
    let texts: Vec<_> = consents.iter().map(|c| (c.purpose, &c.text_hash)).collect();
    let kinds: Vec<_> = data.iter().map(|d| (d.kind, d.sensitive)).collect();
    let families: Vec<_> = terminals.iter().map(|t| &t.family).collect();
    let basis = json!([DEFINITION, texts, kinds, retention, processors, families, protection]);
    let basis = hex::encode(Sha256::digest(basis.to_string()));
    Ok(Facts {
        definition: DEFINITION,
        as_of: now,
        basis,
        persons,
        faces,
        data,
        consents,
        retention,
        processors,
        terminals,
        protection,
    })
}

async fn persons(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Persons, Error> {
    let sql = "SELECT COUNT(*) AS registered, \
               COUNT(CASE WHEN birth_year >= $1 THEN 1 END) AS under_14, \
               COUNT(CASE WHEN verification <> 'unverified' THEN 1 END) AS verified, \
               COUNT(phone_ix) AS with_phone FROM members WHERE erased_at IS NULL";
    let born = local_day(now).year() - CHILD_UNDER;
    let found = Persons::find_by_statement(statement(tx, sql, [born.into()])).one(tx).await?;
    Ok(found.ok_or_else(|| anyhow::anyhow!("a count gives a row"))?)
}

async fn faces(tx: &impl ConnectionTrait) -> Result<Faces, Error> {
    let persons = members::persons_with_faces(tx).await?;
    let sql = "SELECT level, reached_at, persons FROM face_alarms ORDER BY level";
    let reached = Reached::find_by_statement(statement(tx, sql, [])).all(tx).await?;
    let filing = FACE_LEVELS.last().and_then(|last| reached.iter().find(|one| one.level == *last));
    let filing_due = match filing {
        Some(filing) => {
            let day = local_day(filing.reached_at);
            working_day_after(day, FILING_WORKING_DAYS, &special_days(tx, day).await?)
        }
        None => None,
    };
    let alarm = FACE_LEVELS.into_iter().rfind(|level| persons >= *level);
    Ok(Faces { persons, alarm, reached, filing_due })
}

/// What the widest division's calendar says of the days behind `day`.
async fn special_days(
    tx: &impl ConnectionTrait,
    day: NaiveDate,
) -> Result<HashMap<NaiveDate, Special>, DbErr> {
    // The widest division's newest version is read last, and stands.
    let sql = "SELECT day, kind FROM calendar_days WHERE day > $1 AND day <= $2 \
               ORDER BY LENGTH(division) DESC, version";
    let rows = tx.query_all_raw(statement(tx, sql, [day.into(), (day + AHEAD).into()])).await?;
    let mut special = HashMap::new();
    for row in rows {
        let (day, kind): (NaiveDate, String) = (row.try_get("", "day")?, row.try_get("", "kind")?);
        match kind.as_str() {
            "holiday" => special.insert(day, Special::Holiday),
            "workday" => special.insert(day, Special::Workday),
            _ => special.remove(&day),
        };
    }
    Ok(special)
}

async fn data(
    tx: &impl ConnectionTrait,
    persons: &Persons,
    faces: &Faces,
) -> Result<Vec<DataKind>, Error> {
    let photos = count(tx, "SELECT COUNT(*) AS n FROM faces WHERE photo_ct <> ''").await?;
    let moved = count(tx, "SELECT COUNT(*) AS n FROM timelines").await?;
    let kind = |kind, name, sensitive, persons| DataKind { kind, name, sensitive, persons };
    Ok(vec![
        kind("identity", "姓名、证件类型与号码、性别、出生日期", false, persons.registered),
        kind("phone", "手机号", false, persons.with_phone),
        kind("faces", "终端内人脸特征", true, faces.persons),
        kind("photos", "服务器加密留存的人脸照片", true, photos),
        kind("movements", "入场记录、停留与运动分钟", true, moved),
        kind("children", "未满14周岁儿童的资料", true, persons.under_14),
    ])
}

async fn consents(tx: &impl ConnectionTrait) -> Result<Vec<Consented>, Error> {
    let sql = "SELECT c.purpose AS purpose, COUNT(*) AS persons FROM consents c \
               JOIN members m ON m.id = c.member_id AND m.erased_at IS NULL \
               WHERE c.granted AND NOT EXISTS (SELECT 1 FROM consents n \
               WHERE n.member_id = c.member_id AND n.purpose = c.purpose AND n.at > c.at) \
               GROUP BY c.purpose";
    let mut granted: HashMap<String, i64> = HashMap::new();
    for row in tx.query_all_raw(statement(tx, sql, [])).await? {
        granted.insert(row.try_get("", "purpose")?, row.try_get("", "persons")?);
    }
    let consented = |purpose: Purpose| {
        let text = purpose.text();
        Consented {
            purpose: purpose.as_str(),
            text_version: text.version.to_owned(),
            text_hash: audit::digest(text.zh),
            persons: granted.get(purpose.as_str()).copied().unwrap_or_default(),
        }
    };
    Ok(Purpose::ALL.into_iter().map(consented).collect())
}

async fn devices(tx: &impl ConnectionTrait) -> Result<Vec<Devices>, Error> {
    let sql = "SELECT t.family AS family, COUNT(DISTINCT t.id) AS terminals, \
               COUNT(h.handle) AS faces FROM terminals t LEFT JOIN handle_receipts h \
               ON h.terminal_id = t.id AND h.result <> 'removed' \
               WHERE t.status = 'active' GROUP BY t.family ORDER BY t.family";
    Ok(Devices::find_by_statement(statement(tx, sql, [])).all(tx).await?)
}

/// Whom the settings let handle data of persons.
fn processors(config: &Config) -> Vec<Processor> {
    let mut all = Vec::new();
    if config.wechat.way == WechatWay::Platform {
        all.push(Processor {
            name: "微信（腾讯）",
            purpose: "小程序登录、手机号、消息、文本审核、人脸核验",
            data: "openid、手机号、消息内容、待审文本",
        });
    }
    let vendor = match config.realname.way {
        RealnameWay::Tencent => Some("腾讯云"),
        RealnameWay::Aliyun => Some("阿里云"),
        RealnameWay::Off | RealnameWay::Pretend => None,
    };
    all.extend(vendor.map(|name| Processor {
        name,
        purpose: "实名核验、人脸比对",
        data: "姓名、证件号码；经单独同意的人脸照片",
    }));
    all
}

/// Counts persons with faces, and remembers, audits and tells when a level is reached that the law
/// knows (Order 19 of the CAC and MPS, article 15). Answers the count; a job runs it.
pub async fn count_faces(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<i64, Error> {
    let persons = members::persons_with_faces(db).await?;
    for level in FACE_LEVELS.into_iter().filter(|level| persons >= *level) {
        reach(db, level, persons, now).await?;
    }
    if let Some(alarm) = members::faces_alarm(persons) {
        tracing::warn!(persons, alarm, "many faces are stored");
    }
    Ok(persons)
}

async fn reach(
    db: &DatabaseConnection,
    level: i64,
    persons: i64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let sql = "INSERT INTO face_alarms (level, reached_at, persons) VALUES ($1, $2, $3) \
               ON CONFLICT (level) DO NOTHING";
    let values = [level.into(), now.into(), persons.into()];
    if tx.execute_raw(statement(&tx, sql, values)).await?.rows_affected() == 0 {
        return Ok(());
    }
    let event = Event { kind: Kind::FacesAlarm, division: None, data: json!({ "level": level }) };
    webhooks::tell(&tx, &event, now).await?;
    let object = format!("faces:{level}");
    let deed = Deed {
        actor: "job:retention",
        act: "faces_alarm",
        object: &object,
        before: None,
        after: None,
        reason: None,
    };
    audit::append(&tx, "members", &deed, now).await?;
    tx.commit().await?;
    Ok(())
}

async fn count(tx: &impl ConnectionTrait, sql: &str) -> Result<i64, Error> {
    let row = tx.query_one_raw(statement(tx, sql, [])).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get("", "n"))?)
}

fn statement<const N: usize>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
