//! The roll-ups that only a day's sessions can tell: hours, peaks, divisions, and the months.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::{Breaches, Places, lives::rows};
use crate::{
    base::ids::{DivisionCode, VenueId},
    minutes::{
        days::{Stay, peaks},
        timeline::Venues as _,
    },
};

pub async fn check(
    tx: &DatabaseTransaction,
    places: &Places,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let sql = "SELECT business_day FROM venue_days UNION SELECT business_day FROM division_days";
    let mut days = BTreeSet::new();
    for row in rows(tx, sql, []).await? {
        days.insert(row.try_get::<NaiveDate>("", "business_day")?);
    }
    let sql = "SELECT DISTINCT month FROM member_venue_months";
    let mut months = BTreeSet::new();
    for row in rows(tx, sql, []).await? {
        months.insert(row.try_get::<NaiveDate>("", "month")?);
    }
    months.extend(days.iter().filter_map(|day| day.with_day(1)));
    for day in days {
        let counted = count(tx, places, day).await?;
        hours(tx, day, &counted, breaches).await?;
        peak_inside(tx, day, &counted, breaches).await?;
        divisions(tx, day, &counted, breaches).await?;
    }
    for month in months {
        member_months(tx, month, breaches).await?;
    }
    Ok(())
}

/// What a day's sessions come to.
#[derive(Default)]
struct Counted {
    /// Visits and minutes by venue and local hour.
    hours: BTreeMap<(Uuid, i16), (i64, i64)>,
    /// The most inside at once at a venue, over the day and by hour.
    peaks: HashMap<Uuid, (i32, BTreeMap<i16, i32>)>,
    people: HashMap<DivisionCode, HashSet<Uuid>>,
}

async fn count(
    tx: &DatabaseTransaction,
    places: &Places,
    day: NaiveDate,
) -> Result<Counted, DbErr> {
    let sql = "SELECT s.venue_id AS venue_id, s.member_id AS member_id, \
               s.entered_at AS entered_at, s.left_at AS left_at, s.minutes AS minutes \
               FROM venues v JOIN sessions s ON s.venue_id = v.id AND s.business_day = $1 \
               WHERE NOT s.void";
    let mut counted = Counted::default();
    let mut stays: HashMap<Uuid, Vec<Stay>> = HashMap::new();
    for row in rows(tx, sql, [day.into()]).await? {
        let id: Uuid = row.try_get("", "venue_id")?;
        let Some(venue) = places.venue(VenueId(id)) else { continue };
        let entered_at: DateTime<Utc> = row.try_get("", "entered_at")?;
        let hour = counted.hours.entry((id, venue.local_hour(entered_at).into())).or_default();
        hour.0 += 1;
        hour.1 += i64::from(row.try_get::<i32>("", "minutes")?);
        let member: Uuid = row.try_get("", "member_id")?;
        for division in venue.community.ancestry() {
            counted.people.entry(division).or_default().insert(member);
        }
        if let Some(left_at) = row.try_get::<Option<DateTime<Utc>>>("", "left_at")? {
            stays.entry(id).or_default().push(Stay { entered_at, left_at });
        }
    }
    for (id, stays) in stays {
        let Some(venue) = places.venue(VenueId(id)) else { continue };
        counted.peaks.insert(id, peaks(&stays, |at| venue.local_hour(at).into()));
    }
    Ok(counted)
}

async fn hours(
    tx: &DatabaseTransaction,
    day: NaiveDate,
    counted: &Counted,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let sql = "SELECT h.venue_id AS venue_id, h.hour AS hour, h.visits AS visits, \
               h.minutes AS minutes, h.peak_inside AS peak_inside, d.final_at AS final_at \
               FROM venues v JOIN venue_day_hours h ON h.venue_id = v.id AND h.business_day = $1 \
               LEFT JOIN venue_days d ON d.venue_id = v.id AND d.business_day = $1";
    let mut expected = counted.hours.clone();
    for row in rows(tx, sql, [day.into()]).await? {
        let (venue, hour): (Uuid, i16) = (row.try_get("", "venue_id")?, row.try_get("", "hour")?);
        let stored: (i64, i64) = (row.try_get("", "visits")?, row.try_get("", "minutes")?);
        let given = expected.remove(&(venue, hour)).unwrap_or_default();
        if stored != given {
            breaches.add(format_args!(
                "venue_day_hours {venue} {day} {hour}: visits and minutes {stored:?}, \
                 sessions {given:?}"
            ));
        }
        let peak: Option<i32> = row.try_get("", "peak_inside")?;
        let given = counted.peaks.get(&venue).and_then(|(_, hours)| hours.get(&hour)).copied();
        if is_final(&row)? && given.is_some() && peak != given {
            let what = "peak_inside is not what the sessions give";
            breaches.add(format_args!("venue_day_hours {venue} {day} {hour}: {what}"));
        }
    }
    for (venue, hour) in expected.into_keys() {
        breaches.add(format_args!("venue_day_hours {venue} {day} {hour}: the row is missing"));
    }
    Ok(())
}

async fn peak_inside(
    tx: &DatabaseTransaction,
    day: NaiveDate,
    counted: &Counted,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let sql = "SELECT venue_id, peak_inside, final_at FROM venue_days WHERE business_day = $1";
    for row in rows(tx, sql, [day.into()]).await? {
        let venue: Uuid = row.try_get("", "venue_id")?;
        let peak: Option<i32> = row.try_get("", "peak_inside")?;
        let given = counted.peaks.get(&venue).map_or(0, |(peak, _)| *peak);
        if is_final(&row)? && peak != Some(given) {
            let what = "peak_inside is not what the sessions give";
            breaches.add(format_args!("venue_days {venue} {day}: {what}"));
        }
    }
    Ok(())
}

fn is_final(row: &QueryResult) -> Result<bool, DbErr> {
    Ok(row.try_get::<Option<DateTime<Utc>>>("", "final_at")?.is_some())
}

/// What a division-day keeps beside its people: visits, and minutes by provenance.
const SUMMED: [&str; 5] = [
    "visits",
    "minutes_measured",
    "minutes_self_declared",
    "minutes_estimated",
    "minutes_corrected",
];

/// A division's day against the sums of its venues' days; while one of these waits to be final,
/// the division's day waits to be written again.
async fn divisions(
    tx: &DatabaseTransaction,
    day: NaiveDate,
    counted: &Counted,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let sql = "SELECT * FROM division_days WHERE business_day = $1";
    let written = rows(tx, sql, [day.into()]).await?;
    if written.is_empty() {
        return Ok(());
    }
    let sql = "SELECT v.community AS community, d.* FROM venue_days d \
               JOIN venues v ON v.id = d.venue_id WHERE d.business_day = $1";
    let mut sums: HashMap<DivisionCode, ([i64; 5], bool)> = HashMap::new();
    for row in rows(tx, sql, [day.into()]).await? {
        let community: DivisionCode = division(&row, "community")?;
        for code in community.ancestry() {
            let (sum, all_final) = sums.entry(code).or_insert(([0; 5], true));
            *all_final &= is_final(&row)?;
            for (total, part) in sum.iter_mut().zip(summed(&row)?) {
                *total += part;
            }
        }
    }
    for row in written {
        let code: DivisionCode = division(&row, "division")?;
        let (given, all_final) = sums.get(&code).copied().unwrap_or(([0; 5], true));
        let people = counted.people.get(&code).map_or(0, HashSet::len);
        let same = summed(&row)? == given
            && usize::try_from(row.try_get::<i64>("", "people")?) == Ok(people);
        if all_final && !same {
            let what = "it is not the sum of its venues' days";
            breaches.add(format_args!("division_days {code} {day}: {what}"));
        }
    }
    Ok(())
}

fn summed(row: &QueryResult) -> Result<[i64; 5], DbErr> {
    let mut values = [0; 5];
    for (value, name) in values.iter_mut().zip(SUMMED) {
        *value = row.try_get("", name)?;
    }
    Ok(values)
}

fn division(row: &QueryResult, column: &str) -> Result<DivisionCode, DbErr> {
    let code: String = row.try_get("", column)?;
    code.parse().map_err(|_| DbErr::Type(format!("a division code in {column}")))
}

async fn member_months(
    tx: &DatabaseTransaction,
    month: NaiveDate,
    breaches: &mut Breaches,
) -> Result<(), DbErr> {
    let sql = "SELECT venue_id, member_id FROM (\
               SELECT s.venue_id AS venue_id, s.member_id AS member_id, 1 AS visits \
               FROM venues v JOIN sessions s ON s.venue_id = v.id \
               AND s.business_day >= $1 AND s.business_day < $2 WHERE NOT s.void \
               UNION ALL SELECT m.venue_id, m.member_id, -m.visits \
               FROM venues w JOIN member_venue_months m ON m.venue_id = w.id AND m.month = $1) u \
               GROUP BY venue_id, member_id HAVING SUM(visits) <> 0 \
               ORDER BY venue_id, member_id LIMIT 1000";
    let next = month + Months::new(1);
    for row in rows(tx, sql, [month.into(), next.into()]).await? {
        let venue: Uuid = row.try_get("", "venue_id")?;
        let member: Uuid = row.try_get("", "member_id")?;
        let what = "visits are not the number of sessions";
        breaches.add(format_args!("member_venue_months {venue} {month} {member}: {what}"));
    }
    Ok(())
}
