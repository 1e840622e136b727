//! What residents report of a venue — broken equipment, hygiene, safety — and what becomes of it:
//! triaged, assigned, fixed, confirmed, each by a deadline. What is late goes up the divisions. A
//! ticket about safety can keep a zone or the whole venue closed until it is fixed.

mod escalation;
mod held;
mod routes;
mod rules;
mod tables;
mod views;

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, Statement, sea_query::Expr,
};
use uuid::Uuid;

pub use escalation::{escalate, see};
pub use held::judge_held;
pub use routes::{resident_routes, routes};
pub use rules::{Act, Kind, Notice, State};
pub use views::{Served, Told, View, open, own, served, told, view, waiting};

use self::{
    escalation::tell_progress,
    tables::{steps, tickets},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{MemberId, VenueId, ZoneId},
        keys::Keys,
    },
    members::said::{self, Judged},
    staff::{Function, StaffCaller, audit},
    venues::{self, closures},
};

/// The audit chain of everything here.
const CHAIN: &str = "tickets";
const TABLE: &str = "tickets";
/// Reports of one resident that may be open at once.
const OPEN_MAX: u64 = 10;
/// Characters of a note.
const NOTE_CHARS_MAX: usize = 500;

/// Something that a resident says is wrong.
pub struct NewTicket {
    pub venue: VenueId,
    pub zone: Option<ZoneId>,
    pub kind: Kind,
    pub text: Judged,
}

/// What a safety ticket closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TicketCloses)]
pub enum Closes {
    /// The zone that the ticket is about.
    Zone,
    Venue,
    /// What it closed is open again.
    Nothing,
}

/// What is done about a ticket, and what goes with it.
#[derive(Clone, Debug)]
pub struct Step {
    pub act: Act,
    pub note: Option<String>,
    /// What it is, where it is not what was reported.
    pub kind: Option<Kind>,
    pub assignee: Option<String>,
    pub closes: Option<Closes>,
}

impl Step {
    /// An act and nothing with it.
    pub fn bare(act: Act) -> Self {
        Self { act, note: None, kind: None, assignee: None, closes: None }
    }
}

/// Takes a report. Refuses (404) a venue and (422) a zone that is not there, and (409) who has
/// many reports open.
pub async fn report(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    new: &NewTicket,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let venue = venues::load(tx, new.venue).await?.ok_or(Error::NotFound(Code::NotFound))?;
    if let Some(zone) = new.zone
        && !venues::has_zone(tx, new.venue, zone).await?
    {
        return Err(Error::invalid("/zone_id", Code::UnknownZone));
    }
    let open = tickets::Entity::find()
        .filter(tickets::COLUMN.member_id.eq(member.0))
        .filter(tickets::COLUMN.ended_at.is_null());
    if open.count(tx).await? >= OPEN_MAX {
        return Err(Error::Conflict(Code::TooManyReports));
    }
    let id = Uuid::now_v7();
    let seal = |column, text: &str| keys.seal(TABLE, column, &id.to_string(), text.as_bytes());
    let (text_ct, held_ct) = match &new.text {
        Judged::Fine(text) => (seal("text_ct", text), None),
        Judged::Held(text) => (String::new(), Some(seal("held_ct", text))),
    };
    let mut row = tickets::Model {
        id,
        venue_id: new.venue,
        zone_id: new.zone,
        community: venue.community,
        kind: new.kind.as_str().to_owned(),
        member_id: Some(member.0),
        text_ct,
        check_at: held_ct.is_some().then_some(now + said::AGAIN_AFTER),
        held_ct,
        state: State::Reported.as_str().to_owned(),
        since: now,
        due_at: None,
        next_at: None,
        told: 0,
        assignee_ct: None,
        reported_at: now,
        ended_at: None,
    };
    set_deadline(&mut row, (new.kind, State::Reported));
    tickets::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
    let actor = format!("member:{member}");
    keep_step(tx, keys, &row, ("report", None), None, &actor, now).await?;
    Ok(id)
}

/// Does something about a ticket on behalf of staff: 404 elsewhere, 409 where the ticket does not
/// stand so. That it is fixed indeed is its reporter's to say.
pub async fn act(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: Uuid,
    step: &Step,
    now: DateTime<Utc>,
) -> Result<State, Error> {
    let row = load(tx, id).await?;
    by.require(Function::AnswerWork, &row.community)?;
    if step.act == Act::Confirm {
        return Err(Error::Conflict(Code::TicketStep));
    }
    take_step(tx, keys, row, step, &by.actor(), now).await
}

/// The reporter says whether a ticket is fixed indeed; 404 for another's.
pub async fn confirm(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    id: Uuid,
    is_fixed: bool,
    now: DateTime<Utc>,
) -> Result<State, Error> {
    let row = load(tx, id).await?;
    if row.member_id != Some(member.0) {
        return Err(Error::NotFound(Code::NotFound));
    }
    let act = if is_fixed { Act::Confirm } else { Act::Reopen };
    take_step(tx, keys, row, &Step::bare(act), &format!("member:{member}"), now).await
}

async fn load(tx: &DatabaseTransaction, id: Uuid) -> Result<tickets::Model, Error> {
    let row = tickets::Entity::find_by_id(id).one(tx).await?;
    row.ok_or(Error::NotFound(Code::NotFound))
}

/// Moves a ticket on, tells whoever was told of it before, and closes or opens what it closes.
async fn take_step(
    tx: &DatabaseTransaction,
    keys: &Keys,
    before: tickets::Model,
    step: &Step,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<State, Error> {
    let (was, next, kind) = standing_after(&before, step)?;
    let note = step.note.as_deref().map(|note| text("/note", note)).transpose()?;
    let mut row = before.clone();
    kind.as_str().clone_into(&mut row.kind);
    next.as_str().clone_into(&mut row.state);
    if next != was {
        (row.since, row.told) = (now, 0);
    }
    row.ended_at = next.is_end().then_some(now);
    set_deadline(&mut row, (kind, next));
    if let Some(assignee) = &step.assignee {
        let assignee = text("/assignee", assignee)?;
        let sealed = keys.seal(TABLE, "assignee_ct", &row.id.to_string(), assignee.as_bytes());
        row.assignee_ct = Some(sealed);
    }
    if !replace(tx, &before, &row).await? {
        return Err(Error::Conflict(Code::TicketStep));
    }
    let did = (step.act.as_str(), before.due_at);
    keep_step(tx, keys, &row, did, note, actor, now).await?;
    tell_progress(tx, &row, now).await?;
    close_or_open(tx, &row, step.closes, (kind, next), actor, now).await?;
    let object = format!("ticket:{}", row.id);
    let deed = audit::Deed {
        actor,
        act: &format!("ticket_{}", step.act.as_str()),
        object: &object,
        before: Some(was.as_str()),
        after: Some(next.as_str()),
        reason: None,
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(next)
}

/// How it stood, how it stands after the step, and what it is then.
fn standing_after(row: &tickets::Model, step: &Step) -> Result<(State, State, Kind), Error> {
    let was = state_of(row)?;
    let next = rules::after(was, step.act).ok_or(Error::Conflict(Code::TicketStep))?;
    if step.kind.is_some() && step.act != Act::Triage {
        return Err(Error::invalid("/kind", Code::InvalidValue));
    }
    if step.assignee.is_some() != (step.act == Act::Assign) {
        return Err(Error::invalid("/assignee", Code::Required));
    }
    let known = Kind::from_text(&row.kind);
    let known = known.ok_or_else(|| anyhow::anyhow!("ticket {} is of no kind", row.id))?;
    Ok((was, next, step.kind.unwrap_or(known)))
}

fn state_of(row: &tickets::Model) -> Result<State, Error> {
    let state = State::from_text(&row.state);
    Ok(state.ok_or_else(|| anyhow::anyhow!("ticket {} is in no state", row.id))?)
}

/// By when the state should end, and when somebody is told next.
fn set_deadline(row: &mut tickets::Model, (kind, state): (Kind, State)) {
    row.due_at = rules::allowed(kind, state).map(|time| row.since + time);
    row.next_at = match row.due_at {
        // A week later it counts as confirmed.
        Some(due) if state == State::Fixed => Some(due),
        Some(due) => {
            let told = usize::try_from(row.told).unwrap_or_default();
            rules::notices(&row.community, row.since, due).get(told).map(|one| one.at)
        }
        None => None,
    };
}

/// Writes the new standing over the old one; false where somebody else has moved it.
async fn replace(
    tx: &DatabaseTransaction,
    old: &tickets::Model,
    new: &tickets::Model,
) -> Result<bool, DbErr> {
    use tickets::{COLUMN, Column};
    let done = tickets::Entity::update_many()
        .col_expr(Column::Kind, Expr::value(&new.kind))
        .col_expr(Column::State, Expr::value(&new.state))
        .col_expr(Column::Since, Expr::value(new.since))
        .col_expr(Column::DueAt, Expr::value(new.due_at))
        .col_expr(Column::NextAt, Expr::value(new.next_at))
        .col_expr(Column::Told, Expr::value(new.told))
        .col_expr(Column::AssigneeCt, Expr::value(new.assignee_ct.clone()))
        .col_expr(Column::EndedAt, Expr::value(new.ended_at))
        .filter(COLUMN.id.eq(old.id))
        .filter(COLUMN.state.eq(&old.state))
        .filter(COLUMN.since.eq(old.since))
        .filter(COLUMN.told.eq(old.told))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

async fn keep_step(
    tx: &DatabaseTransaction,
    keys: &Keys,
    row: &tickets::Model,
    (act, due_at): (&str, Option<DateTime<Utc>>),
    note: Option<&str>,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let id = Uuid::now_v7();
    let seal = |note: &str| keys.seal("ticket_steps", "note_ct", &id.to_string(), note.as_bytes());
    let step = steps::Model {
        id,
        ticket_id: row.id,
        act: act.to_owned(),
        state: row.state.clone(),
        due_at,
        note_ct: note.map(seal),
        by_actor: actor.to_owned(),
        at: now,
    };
    steps::Entity::insert(step.into_active_model()).exec_without_returning(tx).await.map(drop)
}

/// Only what may harm somebody closes anything, and only while it may.
async fn close_or_open(
    tx: &DatabaseTransaction,
    row: &tickets::Model,
    closes: Option<Closes>,
    (kind, state): (Kind, State),
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let cause = format!("ticket:{}", row.id);
    let may_close = kind == Kind::Safety && state.is_open();
    let zone = match closes {
        None if may_close => return Ok(()),
        None | Some(Closes::Nothing) => return closures::open_again(tx, &cause, actor, now).await,
        Some(Closes::Venue) => None,
        Some(Closes::Zone) => {
            Some(row.zone_id.ok_or_else(|| Error::invalid("/closes", Code::UnknownZone))?)
        }
    };
    if !may_close {
        return Err(Error::invalid("/closes", Code::InvalidValue));
    }
    let new = closures::NewClosure { venue: row.venue_id, zone, cause };
    closures::close(tx, new, actor, now).await
}

fn text<'a>(pointer: &str, text: &'a str) -> Result<&'a str, Error> {
    let text = text.trim();
    let fits = (1..=NOTE_CHARS_MAX).contains(&text.chars().count());
    fits.then_some(text).ok_or_else(|| Error::invalid(pointer, Code::TextLength))
}

/// What a forgotten member reported stays to be done; who said it and in which words goes.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    tickets::Entity::update_many()
        .col_expr(tickets::Column::MemberId, Expr::value(None::<Uuid>))
        .col_expr(tickets::Column::TextCt, Expr::value(""))
        .col_expr(tickets::Column::HeldCt, Expr::value(None::<String>))
        .col_expr(tickets::Column::CheckAt, Expr::value(None::<DateTime<Utc>>))
        .filter(tickets::COLUMN.member_id.eq(member.0))
        .exec(tx)
        .await
        .map(drop)
}

/// What `gone` reported is `kept`'s.
pub async fn join(tx: &DatabaseTransaction, kept: MemberId, gone: MemberId) -> Result<(), DbErr> {
    let sql = "UPDATE tickets SET member_id = $1 WHERE member_id = $2";
    let values = [kept.0.into(), gone.0.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await.map(drop)
}
