//! The ledger of terminals for staff: a line a terminal, with one sentence that says how it stands.

use axum::extract::State as Part;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    base::{
        error::Error,
        http::{json::Json, query::Query},
        ids::{TerminalId, VenueId},
        page::{Page, Paging},
        state::State,
    },
    staff::StaffCaller,
    terminals::{
        ledger::{self, Line},
        rules::Trouble,
    },
};

/// How a terminal stands.
#[derive(Serialize, ToSchema)]
pub struct LedgerLineJson {
    id: TerminalId,
    serial: String,
    protocol: String,
    /// Where it stands now; null before its first day.
    venue_id: Option<VenueId>,
    /// How it stands and what to do first, in Chinese.
    sentence: String,
    /// The same in English.
    sentence_en: String,
    /// `silent`, `missing_records`, `clock`, `backlog`, `roster`; none where all is well.
    troubles: Vec<&'static str>,
    /// When its newest record happened, by our clock.
    last_record_at: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
    /// Seconds since then; null before the first contact.
    silent_s: Option<i64>,
    /// The longest pause in which it usually says nothing.
    usual_pause_s: i64,
    /// Records whose running numbers were skipped; 0 where a protocol has no such numbers.
    missing_records: i64,
    /// Records that it says it has not delivered.
    waiting_records: i64,
    /// It is sending what it had kept while it could not.
    catching_up: bool,
    /// Milliseconds by which its clock is ahead.
    clock_offset_ms: i64,
    /// Persons whom it did not take or would not forget, or by whom it differed from the roster
    /// when it last listed whom it holds.
    roster_mismatch: i64,
    roster_compared_at: Option<DateTime<Utc>>,
}

impl LedgerLineJson {
    fn new(line: &Line, now: DateTime<Utc>) -> Self {
        let (view, standing) = (&line.terminal, &line.standing);
        let (sentence, sentence_en) = line.sentences();
        Self {
            id: view.terminal.id,
            serial: view.terminal.serial.to_string(),
            protocol: view.terminal.family.to_string(),
            venue_id: view.terminal.place_at(now).map(|place| place.venue),
            sentence,
            sentence_en,
            troubles: standing.troubles().into_iter().map(Trouble::as_str).collect(),
            last_record_at: line.last_record_at,
            last_seen_at: view.last_seen_at,
            silent_s: standing.silent_s,
            usual_pause_s: standing.usual_pause_s,
            missing_records: standing.missing_records,
            waiting_records: standing.waiting_records,
            catching_up: standing.catching_up,
            clock_offset_ms: standing.clock_offset_ms,
            roster_mismatch: standing.roster_mismatch,
            roster_compared_at: line.roster_compared_at,
        }
    }
}

/// How each terminal of this caller's division stands: records that are missing or wait, clocks
/// that are off, rosters that differ, silence longer than usual.
#[utoipa::path(get, path = "/api/v1/staff/terminal-ledger", tag = "staff: terminals",
    params(Paging), responses((status = 200, body = Page<LedgerLineJson>)))]
pub async fn show_ledger(
    Part(state): Part<State>,
    caller: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<LedgerLineJson>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("terminal_ledger");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let (limit, now) = (paging.limit, state.clock.now());
    let lines = ledger::lines(&state.db, &caller.division, after, limit.rows() + 1, now).await?;
    let key = |line: &Line| line.terminal.terminal.id;
    Ok(Json(Page::cut(lines, limit, &list, key, |line| LedgerLineJson::new(&line, now))))
}
