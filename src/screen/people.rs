//! Who there is: registered members by age and sex, distinct people of the month and ever, the
//! latest entries with masked names.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::tables::statement;
use crate::base::{
    db::is_postgres,
    ids::{Direction, DivisionCode, VenueId},
};

/// Entries that a screen lists.
pub const LATEST_MAX: usize = 12;
/// How far back the latest entries are sought: at first, and when it is quiet.
const WINDOW_MIN: TimeDelta = TimeDelta::minutes(2);
const WINDOW_MAX: TimeDelta = TimeDelta::hours(12);

/// Members whose home is in the division, by sex and birth year as far as known.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Group {
    pub sex: Option<String>,
    pub birth_year: Option<i32>,
    pub n: i64,
}

/// The registered members that are not erased.
pub async fn registered(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<Vec<Group>, DbErr> {
    let sql = "SELECT sex, birth_year, CAST(COUNT(*) AS BIGINT) AS n FROM members \
               WHERE home_community BETWEEN $1 AND $2 AND status <> 'erased' \
               GROUP BY sex, birth_year";
    Group::find_by_statement(statement(db, sql, division.bounds())).all(db).await
}

/// Distinct members with a visit.
#[derive(Clone, Copy, Debug, Default, FromQueryResult)]
pub struct Distinct {
    pub month: i64,
    pub ever: i64,
}

/// Distinct members of the division's venues, in the month that begins on `month` and ever.
pub async fn distinct(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    month: NaiveDate,
) -> Result<Distinct, DbErr> {
    let [first, last] = division.bounds();
    let sql = "SELECT CAST(COUNT(DISTINCT CASE WHEN m.month = $3 THEN m.member_id END) AS BIGINT) \
                        AS month, \
                      CAST(COUNT(DISTINCT m.member_id) AS BIGINT) AS ever \
               FROM venues v JOIN member_venue_months m ON m.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND m.visits > 0";
    let row = Distinct::find_by_statement(statement(db, sql, [first, last, month.into()]))
        .one(db)
        .await?;
    Ok(row.unwrap_or_default())
}

/// One entry or exit that took effect.
#[derive(Clone, Debug)]
pub struct LatestEntry {
    /// Masked; none for a member erased since.
    pub name: Option<String>,
    pub venue: VenueId,
    pub direction: Direction,
    pub at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct EntryRow {
    occurred_at: DateTime<Utc>,
    effect: String,
    venue_id: VenueId,
    name_masked: Option<String>,
}

/// Finds the latest entries; remembers how far back it had to look, so that a busy community does
/// not sort an evening's entries to show twelve.
#[derive(Clone, Debug)]
pub struct Latest {
    window: TimeDelta,
}

impl Default for Latest {
    fn default() -> Self {
        Self { window: WINDOW_MAX }
    }
}

impl Latest {
    /// At most [`LATEST_MAX`] entries up to `now`, newest first: one statement, or two after a
    /// lull.
    pub async fn find(
        &mut self,
        db: &impl ConnectionTrait,
        division: &DivisionCode,
        venues: usize,
        now: DateTime<Utc>,
    ) -> Result<Vec<LatestEntry>, DbErr> {
        if venues > VENUES_ASKED_MAX {
            let entries = ask(db, &among_newest(), division, now - WINDOW_MAX, now).await?;
            if is_full(&entries) {
                return Ok(entries);
            }
        }
        let by_venue = by_venue(is_postgres(db));
        let mut entries = ask(db, &by_venue, division, now - self.window, now).await?;
        if !is_full(&entries) && self.window < WINDOW_MAX {
            entries = ask(db, &by_venue, division, now - WINDOW_MAX, now).await?;
        }
        self.window = window(&entries, now);
        Ok(entries)
    }
}

/// Up to so many venues are asked one by one for their latest entries.
const VENUES_ASKED_MAX: usize = 64;
/// Of larger divisions so many events that came last are looked at.
const NEWEST_MAX: usize = 1000;

/// Of whom an event is; none of members erased since.
const NAME: &str = "(SELECT m.name_masked FROM members m WHERE m.id = e.member_id \
                     AND m.status <> 'erased') AS name_masked";

/// Asks each venue's index: exact, at a price that grows with the venues. Left to itself,
/// PostgreSQL would rather read a table that it believes to be small.
fn by_venue(is_postgres: bool) -> String {
    let of_venues = if is_postgres {
        format!(
            "venues v CROSS JOIN LATERAL (SELECT * FROM entry_events n WHERE n.venue_id = v.id \
               AND n.occurred_at > $3 AND n.occurred_at <= $4 AND n.effect IN ('opened', 'closed') \
               ORDER BY n.occurred_at DESC LIMIT {LATEST_MAX}) e"
        )
    } else {
        "venues v CROSS JOIN entry_events e ON e.venue_id = v.id AND e.occurred_at > $3 \
           AND e.occurred_at <= $4 AND e.effect IN ('opened', 'closed')"
            .to_owned()
    };
    format!(
        "SELECT e.occurred_at, e.effect, e.venue_id, {NAME} FROM {of_venues} \
         WHERE v.community BETWEEN $1 AND $2 \
         ORDER BY e.occurred_at DESC, e.id DESC LIMIT {LATEST_MAX}"
    )
}

/// Looks through the events that came last, wherever that was: ids grow with time. Neither reads
/// the other's table from end to end, whatever the planner thinks of their sizes.
fn among_newest() -> String {
    format!(
        "WITH newest AS MATERIALIZED (SELECT n.id, n.occurred_at, n.effect, n.venue_id, n.member_id \
           FROM entry_events n ORDER BY n.id DESC LIMIT {NEWEST_MAX}) \
         SELECT e.occurred_at, e.effect, e.venue_id, {NAME} \
         FROM newest e WHERE e.occurred_at > $3 AND e.occurred_at <= $4 \
           AND e.effect IN ('opened', 'closed') \
           AND (SELECT v.community FROM venues v WHERE v.id = e.venue_id) BETWEEN $1 AND $2 \
         ORDER BY e.occurred_at DESC, e.id DESC LIMIT {LATEST_MAX}"
    )
}

async fn ask(
    db: &impl ConnectionTrait,
    sql: &str,
    division: &DivisionCode,
    after: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<LatestEntry>, DbErr> {
    let [first, last] = division.bounds();
    let values = [first, last, after.into(), now.into()];
    let rows = EntryRow::find_by_statement(statement(db, sql, values)).all(db).await?;
    Ok(rows.into_iter().map(entry).collect())
}

fn is_full(entries: &[LatestEntry]) -> bool {
    entries.len() >= LATEST_MAX
}

/// Twice as far as the twelve reached, so that the next look finds twelve again.
fn window(entries: &[LatestEntry], now: DateTime<Utc>) -> TimeDelta {
    match entries.last() {
        Some(oldest) if is_full(entries) => ((now - oldest.at) * 2).clamp(WINDOW_MIN, WINDOW_MAX),
        Some(_) | None => WINDOW_MAX,
    }
}

/// What happened, not what the reader was set to: one reader may serve both ways.
fn entry(row: EntryRow) -> LatestEntry {
    let direction = if row.effect == "closed" { Direction::Out } else { Direction::In };
    LatestEntry { name: row.name_masked, venue: row.venue_id, direction, at: row.occurred_at }
}
