//! Which terminals hold somebody's face, by what they told: the receipts are the proof that a
//! withdrawn face was deleted at every door. And who needs the photo still.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::{
    base::{
        error::Error,
        ids::{MemberId, TerminalId, VenueId},
        keys::Keys,
    },
    members::{self, FaceAt, FaceDoor, FaceHandle},
};

/// Terminals that are told of at most; a city has fewer.
const DOORS_MAX: usize = 2_000;
/// How long a photo waits for terminals where it is not to stay here.
const RELAYED_WITHIN: TimeDelta = TimeDelta::days(7);
/// What is noted when a terminal has taken a photo and not yet told what became of it.
const FETCHED: &str = "fetched";
const ADDED: &str = "added";
const REMOVED: &str = "removed";

/// What a terminal told of one handle.
#[derive(Clone, Debug, FromQueryResult)]
struct Told {
    terminal_id: Uuid,
    /// Empty where it spoke of the whole person.
    handle: String,
    result: String,
    at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Door {
    terminal_id: Uuid,
    venue_id: Uuid,
    venue_name: String,
    native: i32,
}

/// Every terminal that is to hold the member's face, holds it, or held one, and how that stands.
pub async fn doors_of(
    db: &DatabaseConnection,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<FaceDoor>, Error> {
    let handles = members::face_handles(db, member).await?;
    if handles.is_empty() {
        return Ok(Vec::new());
    }
    let mut told: HashMap<Uuid, Vec<Told>> = HashMap::new();
    for one in all_told(db, member).await? {
        told.entry(one.terminal_id).or_default().push(one);
    }
    let mut doors = Vec::new();
    for door in terminals_about(db, member, now).await? {
        let told = told.remove(&door.terminal_id).unwrap_or_default();
        // A vendor's terminal is told of a face by orders, which stand among what was told.
        let standing =
            if door.native == 1 || !told.is_empty() { standing(&handles, &told) } else { None };
        let Some((state, at)) = standing else { continue };
        doors.push(FaceDoor {
            terminal: TerminalId(door.terminal_id),
            venue: VenueId(door.venue_id),
            venue_name: door.venue_name,
            state,
            at,
        });
    }
    Ok(doors)
}

/// Receipts of handles, receipts of the whole person, and what vendors' terminals hold.
async fn all_told(db: &DatabaseConnection, member: MemberId) -> Result<Vec<Told>, Error> {
    let sql = "SELECT terminal_id, handle, result, at FROM handle_receipts WHERE member_id = $1 \
         UNION ALL SELECT terminal_id, '' AS handle, result, at FROM roster_receipts \
         WHERE member_id = $1 \
         UNION ALL SELECT terminal_id, handle, CASE state WHEN 'held' THEN 'added' \
         WHEN 'sent' THEN 'fetched' WHEN 'refused' THEN 'failed' ELSE 'added' END AS result, \
         changed_at AS at FROM terminal_roster WHERE member_id = $1";
    let values = [member.0.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Told::find_by_statement(statement).all(db).await?)
}

/// Terminals in use, and those that ever told something of the member.
async fn terminals_about(
    db: &DatabaseConnection,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<Door>, Error> {
    let sql = format!(
        "SELECT t.id AS terminal_id, v.id AS venue_id, v.name AS venue_name, \
         CASE WHEN t.family = 'native' THEN 1 ELSE 0 END AS native \
         FROM terminals t JOIN terminal_places p ON p.terminal_id = t.id AND p.valid_from = \
         (SELECT MAX(q.valid_from) FROM terminal_places q WHERE q.terminal_id = t.id \
         AND q.valid_from <= $1) JOIN venues v ON v.id = p.venue_id \
         WHERE t.status = 'active' \
         OR EXISTS (SELECT 1 FROM handle_receipts r WHERE r.terminal_id = t.id AND r.member_id = $2) \
         OR EXISTS (SELECT 1 FROM roster_receipts r WHERE r.terminal_id = t.id AND r.member_id = $2) \
         ORDER BY v.name, t.id LIMIT {DOORS_MAX}"
    );
    let values = [now.into(), member.0.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Door::find_by_statement(statement).all(db).await?)
}

/// How a face stands at a terminal: one that is to be deleted comes before the one of today.
/// Nothing where the terminal never had one and is to have none.
fn standing(handles: &[FaceHandle], told: &[Told]) -> Option<(FaceAt, Option<DateTime<Utc>>)> {
    let mut today = None;
    let mut deleted: Option<DateTime<Utc>> = None;
    for handle in handles {
        let of_handle = told.iter().filter(|one| one.handle == handle.handle);
        let whole = told.iter().filter(|one| one.handle.is_empty() && one.at >= handle.valid_from);
        let newest = of_handle.chain(whole).max_by_key(|one| one.at);
        let Some(withdrawn_at) = handle.withdrawn_at else {
            today = Some(match newest.map(|one| (one.result.as_str(), one.at)) {
                Some((ADDED, at)) => (FaceAt::Present, Some(at)),
                Some((FETCHED | REMOVED, _)) | None => (FaceAt::Pending, None),
                Some((_, at)) => (FaceAt::Refused, Some(at)),
            });
            continue;
        };
        match newest {
            // A word about the whole person counts only if it was said after the withdrawal.
            Some(one)
                if one.result == REMOVED && (!one.handle.is_empty() || one.at >= withdrawn_at) =>
            {
                deleted = deleted.max(Some(one.at));
            }
            Some(_) => return Some((FaceAt::Deleting, Some(withdrawn_at))),
            None => {}
        }
    }
    today.or(deleted.map(|at| (FaceAt::Deleted, Some(at))))
}

/// The photo behind a handle, for a terminal that is to hold it; noted, since a photo that was
/// handed out has to be deleted there one day.
pub async fn hand_out(
    db: &DatabaseConnection,
    keys: &Keys,
    terminal: TerminalId,
    handle: &str,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, Error> {
    let Some((member, photo)) = members::photo_for_door(db, keys, handle, now).await? else {
        return Ok(None);
    };
    let sql = "INSERT INTO handle_receipts (terminal_id, handle, member_id, result, at) \
               VALUES ($1, $2, $3, $4, $5) ON CONFLICT (terminal_id, handle) DO UPDATE \
               SET result = excluded.result, at = excluded.at WHERE handle_receipts.result <> $6";
    let values: [Value; 6] = [
        terminal.0.into(),
        handle.into(),
        member.0.into(),
        FETCHED.into(),
        now.into(),
        ADDED.into(),
    ];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.execute_raw(statement).await?;
    Ok(Some(photo))
}

/// Keeps what a terminal told of one handle; a handle that is not the member's is passed over.
pub async fn receive(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    (member, handle): (MemberId, &str),
    result: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "INSERT INTO handle_receipts (terminal_id, handle, member_id, result, at) \
               SELECT $1, c.handle, c.member_id, $4, $5 FROM credentials c \
               WHERE c.handle = $2 AND c.member_id = $3 AND c.kind IN ('face', 'card') \
               ON CONFLICT (terminal_id, handle) DO UPDATE \
               SET result = excluded.result, at = excluded.at";
    let values: [Value; 5] =
        [terminal.0.into(), handle.into(), member.0.into(), result.into(), now.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.execute_raw(statement).await?;
    Ok(())
}

/// Where faces only pass through here: deletes each photo that every terminal in use has told of,
/// and at latest after a week. Handles stay, so terminals go on holding what they have.
pub async fn forget_relayed(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "UPDATE faces SET photo_ct = '' WHERE photo_ct <> '' AND (taken_at < $1 \
         OR (EXISTS (SELECT 1 FROM terminals t WHERE t.status = 'active' AND t.family = 'native') \
         AND NOT EXISTS (SELECT 1 FROM terminals t WHERE t.status = 'active' \
         AND t.family = 'native' AND NOT EXISTS (SELECT 1 FROM handle_receipts r \
         WHERE r.terminal_id = t.id AND r.handle = faces.handle AND r.result <> 'fetched') \
         AND NOT EXISTS (SELECT 1 FROM roster_receipts q WHERE q.terminal_id = t.id \
         AND q.member_id = faces.member_id AND q.at >= faces.taken_at)) \
         AND NOT EXISTS (SELECT 1 FROM terminal_roster o WHERE o.handle = faces.handle \
         AND o.state = 'sent')))";
    let values = [(now - RELAYED_WITHIN).into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    fn handle(name: &str, from: i64, withdrawn: Option<i64>) -> FaceHandle {
        FaceHandle {
            handle: name.to_owned(),
            valid_from: from_millis(from),
            withdrawn_at: withdrawn.map(from_millis),
        }
    }

    fn told(handle: &str, result: &str, at: i64) -> Told {
        let (handle, result) = (handle.to_owned(), result.to_owned());
        Told { terminal_id: Uuid::nil(), handle, result, at: from_millis(at) }
    }

    #[test]
    fn a_face_stands_as_the_newest_word_says() {
        let now = [handle("a", 10, None)];
        let gone = [handle("a", 10, Some(50))];
        let anew = [handle("a", 10, Some(50)), handle("b", 50, None)];
        let at = |at: i64| Some(from_millis(at));
        for (handles, words, stands) in [
            (&now[..], vec![], Some((FaceAt::Pending, None))),
            (&now, vec![told("a", "fetched", 11)], Some((FaceAt::Pending, None))),
            (&now, vec![told("a", "added", 12)], Some((FaceAt::Present, at(12)))),
            (&now, vec![told("", "added", 12)], Some((FaceAt::Present, at(12)))),
            (&now, vec![told("", "added", 9)], Some((FaceAt::Pending, None))),
            (&now, vec![told("a", "no_face", 12)], Some((FaceAt::Refused, at(12)))),
            (&gone, vec![], None),
            (&gone, vec![told("a", "fetched", 11)], Some((FaceAt::Deleting, at(50)))),
            (&gone, vec![told("a", "added", 60)], Some((FaceAt::Deleting, at(50)))),
            (&gone, vec![told("a", "removed", 60)], Some((FaceAt::Deleted, at(60)))),
            (&gone, vec![told("", "removed", 60)], Some((FaceAt::Deleted, at(60)))),
            // Another of the person's handles was removed before the face was withdrawn.
            (&gone, vec![told("", "removed", 40)], Some((FaceAt::Deleting, at(50)))),
            (&anew, vec![told("a", "added", 12)], Some((FaceAt::Deleting, at(50)))),
            (
                &anew,
                vec![told("a", "removed", 60), told("b", "added", 70)],
                Some((FaceAt::Present, at(70))),
            ),
            (&anew, vec![], Some((FaceAt::Pending, None))),
        ] {
            assert_eq!(standing(handles, &words), stands, "{handles:?} {words:?}");
        }
    }

    async fn run(db: &DatabaseConnection, sql: &str) {
        db.execute_unprepared(sql).await.unwrap();
    }

    #[tokio::test]
    async fn a_relayed_photo_goes_once_every_terminal_has_told_of_it() {
        let (_folder, db) = crate::base::db::fresh_for_tests().await;
        let now: DateTime<Utc> = "2026-11-23T02:00:00Z".parse().unwrap();
        for n in [1, 2] {
            run(
                &db,
                &format!(
                    "INSERT INTO terminals (id, serial, family, time_zone, status, \
                     clock_offset_ms, epoch, acked_seq, highest_seq, gaps, created_at) VALUES \
                     (x'{n:032x}', 'T{n}', 'native', 'Asia/Shanghai', 'active', 0, 0, 0, 0, '', \
                     '2026-01-01T00:00:00+00:00')"
                ),
            )
            .await;
        }
        for (handle, n, day) in [("new", 7, "2026-11-22"), ("old", 8, "2026-11-15")] {
            run(
                &db,
                &format!(
                    "INSERT INTO faces (handle, member_id, photo_ct, width, height, taken_at) \
                     VALUES ('{handle}', x'{n:032x}', 'sealed', 1, 1, '{day}T00:00:00+00:00')"
                ),
            )
            .await;
        }
        let told = async |n: u8, result: &str| {
            let sql = format!(
                "INSERT INTO handle_receipts (terminal_id, handle, member_id, result, at) VALUES \
                 (x'{n:032x}', 'new', x'{:032x}', '{result}', '2026-11-22T01:00:00+00:00')",
                7
            );
            run(&db, &sql).await;
        };
        assert_eq!(forget_relayed(&db, now).await.unwrap(), 1, "after a week it goes anyway");
        told(1, "added").await;
        assert_eq!(forget_relayed(&db, now).await.unwrap(), 0, "one terminal has not told");
        told(2, "fetched").await;
        assert_eq!(forget_relayed(&db, now).await.unwrap(), 0, "taken is not held");
        run(&db, "UPDATE handle_receipts SET result = 'no_face' WHERE result = 'fetched'").await;
        assert_eq!(forget_relayed(&db, now).await.unwrap(), 1);
        assert_eq!(forget_relayed(&db, now).await.unwrap(), 0);
    }
}
