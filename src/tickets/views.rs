//! Tickets and notices as they are read: by whoever reported one, and by staff of the place. Words
//! that wait for their check are shown to nobody.

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, EntityTrait as _, FromQueryResult, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Statement, Value,
};
use uuid::Uuid;

use super::{
    State, TABLE, load,
    tables::{notices, steps, tickets},
};
use crate::{
    base::{
        error::Error,
        ids::{DivisionCode, MemberId, VenueId, ZoneId},
        keys::Keys,
    },
    members,
    staff::{Function, StaffCaller},
};

/// A ticket with its words.
#[derive(Clone, Debug)]
pub struct View {
    pub id: Uuid,
    pub venue: VenueId,
    pub zone: Option<ZoneId>,
    pub community: DivisionCode,
    pub kind: String,
    pub state: String,
    pub reporter: Option<Uuid>,
    pub text: String,
    pub assignee: Option<String>,
    pub reported_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Oldest first; of a list, none.
    pub steps: Vec<Taken>,
    pub notices: Vec<Told>,
}

/// What was done about a ticket.
#[derive(Clone, Debug)]
pub struct Taken {
    pub act: String,
    pub state: String,
    pub note: Option<String>,
    pub by: String,
    pub at: DateTime<Utc>,
}

/// Who was told what.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Told {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub kind: String,
    pub division: DivisionCode,
    pub state: String,
    pub at: DateTime<Utc>,
    pub seen_at: Option<DateTime<Utc>>,
}

/// A resident's own reports, the newest first, behind `before`.
pub async fn own(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
    before: Option<Uuid>,
    rows: u64,
) -> Result<Vec<View>, Error> {
    let found = tickets::Entity::find()
        .filter(tickets::COLUMN.member_id.eq(member.0))
        .filter(tickets::COLUMN.id.lt(before.unwrap_or(Uuid::max())))
        .order_by_desc(tickets::Column::Id)
        .limit(rows)
        .all(conn)
        .await?;
    let mut views = Vec::with_capacity(found.len());
    for row in found {
        let steps = steps_of(conn, keys, row.id).await?;
        views.push(View { steps, ..opened(keys, row)? });
    }
    Ok(views)
}

/// Tickets of the caller's division of which something is still to come, the oldest first, behind
/// `after`; of one state alone if `state` says so. Those of which nothing is to come are listed by
/// their state, the newest first. What residents wrote is shown one by one.
pub async fn open(
    conn: &impl ConnectionTrait,
    by: &StaffCaller,
    state: Option<State>,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<View>, Error> {
    by.require(Function::SeeWork, &by.division)?;
    let (only, from) = match state {
        None => ("ended_at IS NULL", Begin::Oldest(after)),
        Some(state) if state.is_end() => {
            ("ended_at IS NOT NULL AND state = $5", Begin::Newest(after))
        }
        Some(_) => ("ended_at IS NULL AND state = $5", Begin::Oldest(after)),
    };
    let state = state.map(|state| state.as_str().into());
    list(conn, &by.division, only, state, from, rows).await
}

/// Tickets of a division that wait for staff, the oldest first, behind `after`.
pub async fn waiting(
    conn: &impl ConnectionTrait,
    division: &DivisionCode,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<View>, Error> {
    let only = "ended_at IS NULL AND state <> 'fixed'";
    list(conn, division, only, None, Begin::Oldest(after), rows).await
}

/// Where a list begins, and the ticket behind which it goes on.
#[derive(Clone, Copy)]
enum Begin {
    Oldest(Option<Uuid>),
    Newest(Option<Uuid>),
}

/// `only` may name one more value, `$5`.
async fn list(
    conn: &impl ConnectionTrait,
    division: &DivisionCode,
    only: &str,
    more: Option<Value>,
    from: Begin,
    rows: u64,
) -> Result<Vec<View>, Error> {
    let (behind, id) = match from {
        Begin::Oldest(after) => ("id > $3 ORDER BY id", after.unwrap_or(Uuid::nil())),
        Begin::Newest(before) => ("id < $3 ORDER BY id DESC", before.unwrap_or(Uuid::max())),
    };
    let sql = format!(
        "SELECT * FROM tickets WHERE {only} AND community >= $1 AND community <= $2 \
         AND {behind} LIMIT $4"
    );
    let [first, last] = division.bounds();
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut values = vec![first, last, id.into(), rows.into()];
    values.extend(more);
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    let found = tickets::Model::find_by_statement(statement).all(conn).await?;
    Ok(found.into_iter().map(without_words).collect())
}

/// One ticket with all that was done about it; 404 elsewhere. That it was read is written down for
/// whoever reported it.
pub async fn view(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<View, Error> {
    let row = load(tx, id).await?;
    by.require(Function::SeeWork, &row.community)?;
    if let Some(reporter) = row.member_id {
        members::note_shown(tx, by, MemberId(reporter), now).await?;
    }
    let steps = steps_of(tx, keys, id).await?;
    let told = notices::Entity::find()
        .filter(notices::COLUMN.ticket_id.eq(id))
        .order_by_asc(notices::Column::Id)
        .all(tx)
        .await?;
    let notices = told.into_iter().map(Told::from).collect();
    Ok(View { steps, notices, ..opened(keys, row)? })
}

/// Notices to the caller's division that nobody has seen yet, the oldest first, behind `after`.
pub async fn told(
    conn: &impl ConnectionTrait,
    by: &StaffCaller,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Told>, Error> {
    by.require(Function::SeeWork, &by.division)?;
    let sql = "SELECT id, ticket_id, kind, division, state, at, seen_at FROM ticket_notices \
               WHERE seen_at IS NULL AND division >= $1 AND division <= $2 AND id > $3 \
               ORDER BY id LIMIT $4";
    let [first, last] = by.division.bounds();
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values: [Value; 4] = [first, last, after.unwrap_or(Uuid::nil()).into(), rows.into()];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    Ok(Told::find_by_statement(statement).all(conn).await?)
}

async fn steps_of(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    ticket: Uuid,
) -> Result<Vec<Taken>, Error> {
    let rows = steps::Entity::find()
        .filter(steps::COLUMN.ticket_id.eq(ticket))
        .order_by_asc(steps::Column::At)
        .order_by_asc(steps::Column::Id)
        .all(conn)
        .await?;
    let taken = |row: steps::Model| {
        let open = |sealed: &str| text(keys, ("ticket_steps", "note_ct"), row.id, sealed);
        let note = row.note_ct.as_deref().map(open).transpose()?;
        Ok(Taken { act: row.act, state: row.state, note, by: row.by_actor, at: row.at })
    };
    rows.into_iter().map(taken).collect()
}

fn opened(keys: &Keys, row: tickets::Model) -> Result<View, Error> {
    let written = match row.text_ct.as_str() {
        "" => String::new(),
        sealed => text(keys, (TABLE, "text_ct"), row.id, sealed)?,
    };
    let open = |sealed: &String| text(keys, (TABLE, "assignee_ct"), row.id, sealed);
    let assignee = row.assignee_ct.as_ref().map(open).transpose()?;
    Ok(View { text: written, assignee, ..without_words(row) })
}

fn without_words(row: tickets::Model) -> View {
    View {
        id: row.id,
        venue: row.venue_id,
        zone: row.zone_id,
        community: row.community,
        kind: row.kind,
        state: row.state,
        reporter: row.member_id,
        text: String::new(),
        assignee: None,
        reported_at: row.reported_at,
        due_at: row.due_at,
        ended_at: row.ended_at,
        steps: Vec::new(),
        notices: Vec::new(),
    }
}

fn text(
    keys: &Keys,
    (table, column): (&str, &str),
    id: Uuid,
    sealed: &str,
) -> Result<String, Error> {
    let plain = keys.open(table, column, &id.to_string(), sealed)?;
    Ok(String::from_utf8_lossy(&plain).into_owned())
}

impl From<notices::Model> for Told {
    fn from(row: notices::Model) -> Self {
        let notices::Model { id, ticket_id, kind, division, state, at, seen_at, .. } = row;
        Self { id, ticket_id, kind, division, state, at, seen_at }
    }
}

/// What somebody of the staff fixed in some time.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Served {
    /// `staff:<id>`.
    pub actor: String,
    /// Tickets that were confirmed and fixed by their deadline, and those fixed after it.
    pub in_time: i64,
    pub late: i64,
}

/// Who of the staff fixed tickets of a division between two instants, of those that were confirmed
/// by `as_of`. Steps are only added, so the same question has the same answer for ever.
pub async fn served(
    conn: &impl ConnectionTrait,
    division: &DivisionCode,
    [from, to]: [DateTime<Utc>; 2],
    as_of: DateTime<Utc>,
) -> Result<Vec<Served>, Error> {
    let sql = "SELECT s.by_actor AS actor, \
               COUNT(CASE WHEN s.at <= s.due_at THEN 1 END) AS in_time, \
               COUNT(CASE WHEN s.at > s.due_at THEN 1 END) AS late \
               FROM ticket_steps s JOIN tickets t ON t.id = s.ticket_id \
               WHERE s.act = 'fix' AND s.at >= $1 AND s.at < $2 AND t.community >= $3 \
               AND t.community <= $4 AND EXISTS (SELECT 1 FROM ticket_steps c \
               WHERE c.ticket_id = s.ticket_id AND c.act = 'confirm' AND c.at <= $5) \
               AND NOT EXISTS (SELECT 1 FROM ticket_steps r WHERE r.ticket_id = s.ticket_id \
               AND r.act = 'fix' AND r.at > s.at AND r.at <= $5) GROUP BY s.by_actor";
    let [first, last] = division.bounds();
    let values: [Value; 5] = [from.into(), to.into(), first, last, as_of.into()];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    Ok(Served::find_by_statement(statement).all(conn).await?)
}
