//! Counters against roll-ups against sessions and ledger, field by field. The databases compare
//! what lies in SQL and give back only what differs; the counters are asked for what is current.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use uuid::Uuid;

use super::{Trouble, rebuild::rows};
use crate::base::counters::Counters;

mod stored;

/// Rows that one comparison gives back at most; the first few already tell what is wrong.
const DIFFERENCES_MAX: usize = 1_000;

/// One number that two places tell differently.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Difference {
    /// `venue_day`, `venue_hours`, `member_day`, `member_month`, `people`, `presence` or
    /// `generation`.
    pub what: &'static str,
    /// Venue, member or division; empty for the generation.
    pub key: String,
    pub day: Option<NaiveDate>,
    pub field: String,
    /// Who says what: `counters`, `roll-ups`, `months`, `days`, `sessions`, `ledger` or
    /// `timelines`.
    pub one: (&'static str, i64),
    pub other: (&'static str, i64),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.key)?;
        if let Some(day) = self.day {
            write!(f, " {day}")?;
        }
        let (one, other) = (self.one, self.other);
        write!(f, " {}: {} {}, {} {}", self.field, one.0, one.1, other.0, other.1)
    }
}

/// What a comparison found, and how much it looked at: no difference among no values says nothing.
#[derive(Debug)]
pub struct Verified {
    /// Sorted.
    pub differences: Vec<Difference>,
    /// Values of the counters that were compared with SQL.
    pub compared: u64,
    /// Those of them that were not zero in both.
    pub not_zero: u64,
}

/// Compares everything. What differs in the counters is looked at twice: what a running projector
/// just carries over is no difference.
pub async fn verify(
    db: &DatabaseConnection,
    counters: &Counters,
    now: DateTime<Utc>,
) -> Result<Verified, Trouble> {
    let mut differences = BTreeSet::new();
    differences.extend(in_sql(db).await?);
    let (sessions, timelines) = (sessions_inside(db, now).await?, timelines_inside(db, now).await?);
    let inside = |map: &HashMap<Uuid, i64>, venue: &Uuid| map.get(venue).copied().unwrap_or(0);
    for venue in sessions.keys().chain(timelines.keys()) {
        let one = ("timelines", inside(&timelines, venue));
        let other = ("sessions", inside(&sessions, venue));
        differences.extend(differ("presence", *venue, None, "inside", one, other));
    }
    let mut found = stored::compare(db, counters, now).await?;
    if !found.differences.is_empty() {
        let first = found.differences;
        found = stored::compare(db, counters, now).await?;
        differences.extend(first.intersection(&found.differences).cloned());
    }
    let (compared, not_zero) = (found.compared, found.not_zero);
    Ok(Verified { differences: differences.into_iter().collect(), compared, not_zero })
}

/// The roll-ups against ledger and sessions; what a writer could change in between is of one
/// moment only if `db` is.
pub async fn in_sql<C: ConnectionTrait>(db: &C) -> Result<Vec<Difference>, DbErr> {
    let mut differences = Vec::new();
    for comparison in comparisons(db.get_database_backend()) {
        differences.extend(comparison.run(db).await?);
    }
    Ok(differences)
}

fn differ(
    what: &'static str,
    key: impl fmt::Display,
    day: Option<NaiveDate>,
    field: &str,
    one: (&'static str, i64),
    other: (&'static str, i64),
) -> Option<Difference> {
    let difference =
        || Difference { what, key: key.to_string(), day, field: field.to_owned(), one, other };
    (one.1 != other.1).then(difference)
}

/// Two queries over the whole of SQL that must give the same numbers by `owner` and `day`.
struct Comparison {
    what: &'static str,
    fields: &'static [&'static str],
    one: (&'static str, String),
    other: (&'static str, String),
}

const MINUTES: &[&str] =
    &["minutes_measured", "minutes_self_declared", "minutes_estimated", "minutes_corrected"];

fn comparisons(backend: DbBackend) -> Vec<Comparison> {
    let mut all = Vec::new();
    for (what, owner, rollups) in
        [("venue_day", "venue_id", "venue_days"), ("member_day", "member_id", "member_days")]
    {
        let select =
            |fields: &str| format!("SELECT {owner} AS owner, business_day AS day, {fields}");
        all.push(Comparison {
            what,
            fields: MINUTES,
            one: ("roll-ups", format!("{} FROM {rollups}", select(&MINUTES.join(", ")))),
            other: ("ledger", format!("{} FROM minute_entries", select(&by_provenance()))),
        });
        let (fields, one, other): (&[&str], _, _) = if what == "venue_day" {
            (
                &["visits", "people"],
                "visits, people",
                "COUNT(*) AS visits, COUNT(DISTINCT member_id) AS people",
            )
        } else {
            (&["visits"], "visits", "COUNT(*) AS visits")
        };
        let sessions = format!(
            "{} FROM sessions WHERE NOT void GROUP BY {owner}, business_day",
            select(other)
        );
        let one = ("roll-ups", format!("{} FROM {rollups}", select(one)));
        all.push(Comparison { what, fields, one, other: ("sessions", sessions) });
    }
    all.push(hours());
    all.push(months(backend));
    all
}

/// The months of members whose changes are all carried over.
fn months(backend: DbBackend) -> Comparison {
    let month = match backend {
        DbBackend::Postgres => "CAST(date_trunc('month', r.business_day) AS date)",
        _ => "date(r.business_day, 'start of month')",
    };
    let carried = "WHERE NOT EXISTS \
                   (SELECT 1 FROM counter_changes c WHERE c.member_id = r.member_id)";
    Comparison {
        what: "member_month",
        fields: &["minutes"],
        one: (
            "months",
            format!(
                "SELECT r.member_id AS owner, r.month AS day, r.minutes AS minutes \
                 FROM member_months r {carried}"
            ),
        ),
        other: (
            "days",
            format!(
                "SELECT r.member_id AS owner, {month} AS day, {} AS minutes \
                 FROM member_days r {carried}",
                MINUTES.join(" + ")
            ),
        ),
    }
}

/// Hours have no provenance, and minutes carried over from elsewhere have no hour.
fn hours() -> Comparison {
    let select = "SELECT venue_id AS owner, business_day AS day";
    Comparison {
        what: "venue_hours",
        fields: &["visits", "minutes"],
        one: ("roll-ups", format!("{select}, visits, minutes FROM venue_day_hours")),
        other: (
            "sessions",
            format!(
                "{select}, COUNT(*) AS visits, SUM(minutes) AS minutes FROM sessions \
                 WHERE NOT void GROUP BY venue_id, business_day"
            ),
        ),
    }
}

/// The minutes of a ledger row under the name of its provenance, 0 under the others.
fn by_provenance() -> String {
    let column = |name: &&str| {
        let provenance = name.trim_start_matches("minutes_");
        format!("CASE WHEN provenance = '{provenance}' THEN minutes ELSE 0 END AS {name}")
    };
    MINUTES.iter().map(column).collect::<Vec<_>>().join(", ")
}

impl Comparison {
    async fn run<C: ConnectionTrait>(&self, db: &C) -> Result<Vec<Difference>, DbErr> {
        let statement = Statement::from_string(db.get_database_backend(), self.sql());
        let mut differences = Vec::new();
        for row in db.query_all_raw(statement).await? {
            let owner: Uuid = row.try_get("", "owner")?;
            let day: NaiveDate = row.try_get("", "day")?;
            for field in self.fields {
                let one = (self.one.0, row.try_get("", &format!("one_{field}"))?);
                let other = (self.other.0, row.try_get("", &format!("other_{field}"))?);
                differences.extend(differ(self.what, owner, Some(day), field, one, other));
            }
        }
        Ok(differences)
    }

    /// Adds both queries up by owner and day in columns of their own, and keeps what differs:
    /// the same on both databases, and rows that one side lacks count as zeros.
    fn sql(&self) -> String {
        let columns = |one: bool| {
            let column = |field: &&str| {
                let (first, second) = if one { (*field, "0") } else { ("0", *field) };
                format!("{first} AS one_{field}, {second} AS other_{field}")
            };
            self.fields.iter().map(column).collect::<Vec<_>>().join(", ")
        };
        let sum = |field: &&str| {
            format!(
                "CAST(SUM(one_{field}) AS BIGINT) AS one_{field}, \
                 CAST(SUM(other_{field}) AS BIGINT) AS other_{field}"
            )
        };
        let differs = |field: &&str| format!("SUM(one_{field}) <> SUM(other_{field})");
        let list = |item: &dyn Fn(&&str) -> String, separator: &str| {
            self.fields.iter().map(item).collect::<Vec<_>>().join(separator)
        };
        format!(
            "SELECT owner, day, {} FROM (SELECT owner, day, {} FROM ({}) a \
             UNION ALL SELECT owner, day, {} FROM ({}) b) u \
             GROUP BY owner, day HAVING {} ORDER BY day, owner LIMIT {DIFFERENCES_MAX}",
            list(&sum, ", "),
            columns(true),
            self.one.1,
            columns(false),
            self.other.1,
            list(&differs, " OR "),
        )
    }
}

/// Unexpired open sessions by venue.
async fn sessions_inside(
    db: &DatabaseConnection,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, i64>, DbErr> {
    let sql = "SELECT venue_id AS venue, COUNT(*) AS n FROM sessions \
               WHERE left_at IS NULL AND NOT void AND presence_expires_at > $1 GROUP BY venue_id";
    counts(db, sql, now).await
}

/// The same as the lock rows of members have it.
async fn timelines_inside(
    db: &DatabaseConnection,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, i64>, DbErr> {
    let sql = "SELECT open_venue AS venue, COUNT(*) AS n FROM timelines \
               WHERE open_venue IS NOT NULL AND presence_expires_at > $1 GROUP BY open_venue";
    counts(db, sql, now).await
}

async fn counts(
    db: &DatabaseConnection,
    sql: &str,
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, i64>, DbErr> {
    let found = rows(db, sql, [now.into()]).await?;
    found.into_iter().map(|row| Ok((row.try_get("", "venue")?, row.try_get("", "n")?))).collect()
}
