//! The minutes of members' months, added up from their days: what rankings are read from, so that
//! they cost what they show and not what everybody did on every day. The projector carries them
//! over behind the recorder, which has no row more to write for them.

use std::collections::BTreeSet;

use chrono::{Months, NaiveDate};
use sea_orm::{DatabaseConnection, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::base::{
    db::{
        self,
        bulk::{self, Column, Kind, Lookup, Verb, Write, column},
    },
    ids::MemberId,
};

/// The first day of the month of `day`.
pub fn month_of(day: NaiveDate) -> NaiveDate {
    chrono::Datelike::with_day(&day, 1).unwrap_or(day)
}

/// Days' versions only grow and no day ever goes, so the sum tells older readings from newer ones.
const DAYS: Lookup = Lookup {
    select: "q.k1 AS member, q.k2 AS month, CAST(SUM(d.minutes_measured + \
             d.minutes_self_declared + d.minutes_estimated + d.minutes_corrected) AS BIGINT) \
             AS minutes, CAST(SUM(d.version) AS BIGINT) AS version",
    from: "member_days d",
    on: "d.member_id = q.k1 AND d.business_day >= q.k2 AND d.business_day < q.k3 \
         GROUP BY q.k1, q.k2",
    keys: &[Kind::Uuid, Kind::Day, Kind::Day],
    lock: None,
};

const COLUMNS: &[Column] = &[
    column("member_id", Kind::Uuid),
    column("month", Kind::Day),
    column("minutes", Kind::Big),
    column("version", Kind::Big),
];

const NEWER: &str = "ON CONFLICT (member_id, month) DO UPDATE SET minutes = excluded.minutes, \
     version = excluded.version WHERE member_months.version < excluded.version";

/// The same for PostgreSQL, without waiting for the disk: what a crash takes back is written again,
/// since the changes that led here are deleted after it, and come back with it.
const NEWER_SOON: &str = "ON CONFLICT (member_id, month) DO UPDATE SET minutes = excluded.minutes, \
     version = excluded.version WHERE member_months.version < excluded.version \
     AND (SELECT set_config('synchronous_commit', 'off', true)) = 'off'";

/// Writes what the days of `months` come to now. Any number of replicas may do so at once: what
/// was read earlier never takes the place of what was read later.
pub async fn carry(
    db: &DatabaseConnection,
    months: &BTreeSet<(MemberId, NaiveDate)>,
) -> Result<(), DbErr> {
    let key = |(member, month): &(MemberId, NaiveDate)| {
        let next = *month + Months::new(1);
        vec![member.0.into(), (*month).into(), next.into()]
    };
    let found = bulk::find(db, &DAYS, months.iter().map(key).collect()).await?;
    let mut rows = found.iter().map(row).collect::<Result<Vec<_>, DbErr>>()?;
    // In one order, so that replicas wait for one another instead of for each other.
    rows.sort_by_key(|(member, month, ..)| (*member, *month));
    let rows = rows.into_iter().map(|(member, month, minutes, version)| {
        [Value::from(member), month.into(), minutes.into(), version.into()].to_vec()
    });
    let verb = Verb::Insert(if db::is_postgres(db) { NEWER_SOON } else { NEWER });
    let part = Write { table: "member_months", columns: COLUMNS, verb, rows: rows.collect() };
    let _turn = db::turn(db).await;
    bulk::write_all(db, vec![part]).await
}

fn row(row: &QueryResult) -> Result<(Uuid, NaiveDate, i64, i64), DbErr> {
    Ok((
        row.try_get("", "member")?,
        row.try_get("", "month")?,
        row.try_get("", "minutes")?,
        row.try_get("", "version")?,
    ))
}
