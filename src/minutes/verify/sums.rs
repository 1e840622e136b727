//! What the database itself can compare: the ledger with sessions, roll-ups with both, keys with
//! events. It gives back only what differs.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, Statement};
use uuid::Uuid;

use super::Breaches;
use crate::minutes::projector;

/// A query that finds nothing while the invariant holds, and the ids of rows otherwise.
struct Law {
    table: &'static str,
    what: &'static str,
    /// Gives at most [`FOUND_MAX`] rows with an `id`.
    sql: &'static str,
}

/// Rows that one law names at most.
const FOUND_MAX: usize = 1_000;

const LAWS: &[Law] = &[
    Law {
        table: "sessions",
        what: "the ledger's rows do not add up to its minutes under the same member, venue, \
               community, day and provenance",
        sql: "SELECT DISTINCT id FROM (SELECT id FROM (\
              SELECT session_id AS id, member_id, venue_id, community, business_day, provenance, \
              minutes FROM minute_entries WHERE session_id IS NOT NULL \
              UNION ALL SELECT id, member_id, venue_id, community, business_day, provenance, \
              -minutes FROM sessions WHERE minutes <> 0) u \
              GROUP BY id, member_id, venue_id, community, business_day, provenance \
              HAVING SUM(minutes) <> 0) d ORDER BY id",
    },
    Law {
        table: "entry_events",
        what: "a refused entry has an effect",
        sql: "SELECT id FROM entry_events WHERE decision = 'refused' AND effect <> 'none' ORDER BY id",
    },
    // Keys older than 400 days are dropped, so older events have none.
    Law {
        table: "entry_events",
        what: "event and key are not one to one",
        sql: "SELECT DISTINCT id FROM (SELECT id FROM (\
              SELECT event_id AS id, terminal_id, occurred_at, 1 AS keyed, 0 AS stored \
              FROM event_keys WHERE event_id IS NOT NULL \
              UNION ALL SELECT id, terminal_id, occurred_at, 0 AS keyed, 1 AS stored \
              FROM entry_events WHERE received_at >= \
              COALESCE((SELECT MIN(received_at) FROM event_keys), received_at)) u \
              GROUP BY id, terminal_id, occurred_at \
              HAVING SUM(keyed) <> 1 OR SUM(stored) <> 1) d ORDER BY id",
    },
    // An erased person's events may have lost their name; their sessions still have openers.
    Law {
        table: "sessions",
        what: "the opening event of an erased member is missing",
        sql: "SELECT s.id AS id FROM members m JOIN sessions s ON s.member_id = m.id \
              LEFT JOIN entry_events e ON e.id = s.id WHERE m.status = 'erased' AND NOT s.void \
              AND (e.id IS NULL OR e.venue_id <> s.venue_id OR e.member_id <> s.member_id) \
              ORDER BY s.id",
    },
];

pub async fn check(tx: &DatabaseTransaction, breaches: &mut Breaches) -> Result<(), DbErr> {
    for law in LAWS {
        let sql = format!("{} LIMIT {FOUND_MAX}", law.sql);
        let statement = Statement::from_string(tx.get_database_backend(), sql);
        for row in tx.query_all_raw(statement).await? {
            let id: Uuid = row.try_get("", "id")?;
            breaches.add(format_args!("{} {id}: {}", law.table, law.what));
        }
    }
    for difference in projector::in_sql(tx).await? {
        let table = match difference.what {
            "venue_day" => "venue_days",
            "member_day" => "member_days",
            "member_month" => "member_months",
            // Hours are compared one by one.
            _ => continue,
        };
        let (key, field) = (&difference.key, &difference.field);
        let day = difference.day.unwrap_or_default();
        let ((one, is), (other, gives)) = (difference.one, difference.other);
        breaches.add(format_args!("{table} {key} {day}: {field}: {one} {is}, {other} {gives}"));
    }
    Ok(())
}
