//! The pack for an incident with personal data, made within minutes of its discovery: how many
//! persons are affected, which kinds of data, when, what was done with them by whom, what to do
//! and by when. It holds counts; whose they are is written into a file of its own, to tell them.

use anyhow::Context as _;
use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Statement, Value};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    base::{
        ids::{DivisionCode, MemberId, StaffId, TerminalId},
        keys::Keys,
    },
    members::local_day,
    staff::audit,
};

/// The version of what the pack means.
const DEFINITION: u32 = 1;
/// The authority hears of a larger incident within this time, and gets a summary within the other
/// (measures on reporting incidents, article 4).
const REPORTED_WITHIN: TimeDelta = TimeDelta::hours(4);
const SUMMED_UP_WITHIN: TimeDelta = TimeDelta::days(30);
const CHILD_UNDER: i32 = 14;

/// Where data got out, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The database, or it is not known yet: everybody in the division.
    Everything,
    /// An account of staff: whom it saw, changed or exported.
    Staff(StaffId),
    /// A device: whose faces it holds and whom it saw.
    Terminal(TerminalId),
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    pub division: DivisionCode,
    pub source: Source,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub discovered_at: DateTime<Utc>,
}

/// The pack, in the order in which an authority asks.
#[derive(Debug, Serialize)]
pub struct Pack {
    definition: u32,
    made_at: DateTime<Utc>,
    discovered_at: DateTime<Utc>,
    report_by: DateTime<Utc>,
    sum_up_by: DateTime<Utc>,
    division: String,
    source: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    affected: Affected,
    kinds: Vec<KindOfData>,
    /// What staff and jobs did in the window, by act: of the account alone where it is the source.
    acts: Vec<Act>,
    /// Whether the record of who did what is whole.
    audit: Audit,
    protection: Vec<String>,
    measures: Vec<&'static str>,
    /// What only people know, for the notices to authority and persons (PIPL, article 57).
    to_be_said: Vec<&'static str>,
}

impl Pack {
    /// Whether the record of who did what is whole.
    pub fn is_whole(&self) -> bool {
        self.audit.breaches.is_empty()
    }
}

#[derive(Debug, Serialize, FromQueryResult)]
struct Affected {
    persons: i64,
    under_14: i64,
    with_phone: i64,
    with_wechat: i64,
    with_face: i64,
    with_movements: i64,
}

#[derive(Debug, Serialize)]
struct KindOfData {
    kind: &'static str,
    name: &'static str,
    persons: i64,
}

#[derive(Debug, Serialize, FromQueryResult)]
#[expect(clippy::struct_field_names, reason = "as the audit names it")]
struct Act {
    chain: String,
    act: String,
    count: i64,
}

#[derive(Debug, Serialize)]
struct Audit {
    chains: usize,
    rows: i64,
    breaches: Vec<String>,
}

/// Gathers the pack; `Everything` of a city of half a million takes seconds.
pub async fn pack(
    db: &DatabaseConnection,
    keys: &Keys,
    ask: &Ask,
    now: DateTime<Utc>,
) -> anyhow::Result<Pack> {
    anyhow::ensure!(ask.from < ask.to, "the window ends before it begins");
    let affected = affected(db, ask, now).await?;
    let source = match ask.source {
        Source::Everything => "everything".to_owned(),
        Source::Staff(id) => format!("staff:{id}"),
        Source::Terminal(id) => format!("terminal:{id}"),
    };
    let kinds = kinds(ask.source, &affected);
    Ok(Pack {
        definition: DEFINITION,
        made_at: now,
        discovered_at: ask.discovered_at,
        report_by: ask.discovered_at + REPORTED_WITHIN,
        sum_up_by: ask.discovered_at + SUMMED_UP_WITHIN,
        division: ask.division.to_string(),
        source,
        from: ask.from,
        to: ask.to,
        affected,
        kinds,
        acts: acts(db, ask).await?,
        audit: whole(db).await?,
        protection: protection(keys),
        measures: measures(ask.source),
        to_be_said: TO_BE_SAID.to_vec(),
    })
}

/// Whom it concerns, by id and in order: to be told, through an account or at the desk.
pub async fn persons(db: &impl ConnectionTrait, ask: &Ask) -> anyhow::Result<Vec<MemberId>> {
    let (whose, values) = whose(ask);
    let sql = format!("WITH whose AS ({whose}) SELECT DISTINCT id FROM whose ORDER BY id");
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await.context("whom it concerns")?;
    let id = |row: &sea_orm::QueryResult| row.try_get::<Uuid>("", "id").map(MemberId);
    Ok(rows.iter().map(id).collect::<Result<_, _>>()?)
}

/// A query for the ids of those whom it concerns, within the division.
fn whose(ask: &Ask) -> (String, Vec<Value>) {
    const HOME: &str = "m.home_community >= $1 AND m.home_community <= $2 AND m.erased_at IS NULL";
    let [first, last] = ask.division.bounds();
    let mut values = vec![first, last, ask.from.into(), ask.to.into()];
    let sql = match ask.source {
        Source::Everything => format!(
            "SELECT m.id AS id FROM members m WHERE {HOME} AND m.registered_at <= $4 \
             AND $3 <= $4"
        ),
        Source::Staff(id) => {
            values.push(format!("staff:{id}").into());
            format!(
                "SELECT m.id AS id FROM member_views v JOIN members m ON m.id = v.member_id \
                 WHERE v.viewer = $5 AND v.at >= $3 AND v.at <= $4 AND {HOME}"
            )
        }
        Source::Terminal(id) => {
            values.push(id.0.into());
            format!(
                "SELECT m.id AS id FROM entry_events e JOIN members m ON m.id = e.member_id \
                 WHERE e.terminal_id = $5 AND e.occurred_at >= $3 AND e.occurred_at <= $4 \
                 AND {HOME} UNION SELECT m.id AS id FROM handle_receipts h \
                 JOIN members m ON m.id = h.member_id \
                 WHERE h.terminal_id = $5 AND h.result <> 'removed' AND {HOME}"
            )
        }
    };
    (sql, values)
}

async fn affected(
    db: &impl ConnectionTrait,
    ask: &Ask,
    now: DateTime<Utc>,
) -> anyhow::Result<Affected> {
    let (whose, mut values) = whose(ask);
    values.push((local_day(now).year() - CHILD_UNDER).into());
    let born = values.len();
    let sql = format!(
        "WITH whose AS ({whose}), one AS (SELECT DISTINCT id FROM whose) \
         SELECT COUNT(*) AS persons, COUNT(CASE WHEN m.birth_year >= ${born} THEN 1 END) AS under_14, \
         COUNT(m.phone_ix) AS with_phone, \
         COUNT(CASE WHEN EXISTS (SELECT 1 FROM wechat_accounts a WHERE a.member_id = m.id) \
         THEN 1 END) AS with_wechat, \
         COUNT(CASE WHEN EXISTS (SELECT 1 FROM credentials c WHERE c.member_id = m.id \
         AND c.kind = 'face' AND c.status = 'active') THEN 1 END) AS with_face, \
         COUNT(CASE WHEN EXISTS (SELECT 1 FROM timelines t WHERE t.member_id = m.id) \
         THEN 1 END) AS with_movements FROM one JOIN members m ON m.id = one.id"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let found = Affected::find_by_statement(statement).one(db).await.context("who is affected")?;
    found.context("a count gives a row")
}

/// What can have been seen at the source.
fn kinds(source: Source, affected: &Affected) -> Vec<KindOfData> {
    let kind = |kind, name, persons| KindOfData { kind, name, persons };
    match source {
        Source::Everything => vec![
            kind("identity", "姓名、证件号码、出生日期（加密存储）", affected.persons),
            kind("phone", "手机号（加密存储）", affected.with_phone),
            kind("faces", "人脸（照片加密存储，特征存于终端）", affected.with_face),
            kind("movements", "入场记录与运动分钟", affected.with_movements),
        ],
        Source::Staff(_) => vec![
            kind("masked", "打码后的姓名、证件号码、手机号", affected.persons),
            kind("movements", "入场记录与运动分钟", affected.with_movements),
        ],
        Source::Terminal(_) => vec![
            kind("handles", "不含姓名、证件号码、手机号的人员编号", affected.persons),
            kind("faces", "终端内人脸特征", affected.with_face),
            kind("movements", "该终端上的入场记录", affected.with_movements),
        ],
    }
}

async fn acts(db: &impl ConnectionTrait, ask: &Ask) -> anyhow::Result<Vec<Act>> {
    let (actor, mut values): (_, Vec<Value>) = match ask.source {
        Source::Staff(id) => (" AND actor = $3", vec![format!("staff:{id}").into()]),
        Source::Everything | Source::Terminal(_) => ("", Vec::new()),
    };
    let mut all: Vec<Value> = vec![ask.from.into(), ask.to.into()];
    all.append(&mut values);
    let sql = format!(
        "SELECT chain, act, COUNT(*) AS count FROM audit WHERE at >= $1 AND at <= $2{actor} \
         GROUP BY chain, act ORDER BY chain, act"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, all);
    Act::find_by_statement(statement).all(db).await.context("what was done in the window")
}

async fn whole(db: &DatabaseConnection) -> anyhow::Result<Audit> {
    let verified = audit::verify(db).await.context("the audit chains")?;
    let said = |breach: &audit::Breach| format!("{} {}: {}", breach.chain, breach.n, breach.what);
    Ok(Audit {
        chains: verified.heads.len(),
        rows: verified.heads.iter().map(|head| head.n).sum(),
        breaches: verified.breaches.iter().map(said).collect(),
    })
}

fn protection(keys: &Keys) -> Vec<String> {
    vec![
        format!("姓名、证件号码、手机号、生日逐字段加密（{}），密钥不在数据库内", keys.cipher()),
        "人脸照片用单独的密钥加密；终端只有编号，没有姓名、证件号码和手机号".to_owned(),
        "查找用带密钥的索引；口令为 argon2id，令牌只存散列".to_owned(),
    ]
}

fn measures(source: Source) -> Vec<&'static str> {
    let first: &[&str] = match source {
        Source::Everything => &[
            "轮换密钥并重新加密：fitgate keys rotate",
            "结束全部工作人员会话，重新邀请账号：POST /api/v1/staff/accounts/{id}/enrolment",
            "停用不认识的通知地址：GET、DELETE /api/v1/staff/webhooks",
        ],
        Source::Staff(_) => &[
            "立即停用该账号：PATCH /api/v1/staff/accounts/{id}，enabled=false",
            "查看该账号的全部操作：GET /api/v1/staff/audit?actor=staff:…",
            "停用该账号设立的通知地址：GET、DELETE /api/v1/staff/webhooks",
        ],
        Source::Terminal(_) => &[
            "立即停用该终端：DELETE /api/v1/staff/terminals/{id}",
            "将未回执删除的人脸列入处置：GET /api/v1/staff/work?kind=face_deletion_overdue",
            "更换同网段终端的密钥：POST /api/v1/staff/terminals/{id}/keys",
        ],
    };
    let always = [
        "留存证据：备份数据库与日志，导出审计链末端：GET /api/v1/staff/audit/heads",
        "核对账目与审计链：fitgate ledger verify",
        "按 --persons 文件逐人通知；无法逐人通知的公告",
    ];
    first.iter().copied().chain(always).collect()
}

const TO_BE_SAID: [&str; 4] = [
    "事件原因与可能造成的危害",
    "已采取的补救措施与个人可采取的减轻措施",
    "联系人与联系方式",
    "事件分级（较大以上须在4小时内报告）",
];
