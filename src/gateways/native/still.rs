//! A live question read and answered apart from HTTP, for the budget of instructions.

use chrono::{DateTime, Utc};

use super::{
    answer::DecisionAnswer,
    batch,
    record::{Origin, Reading},
};
use crate::{
    base::ids::TerminalId,
    entries::{Answer, NewEntry},
};

/// Reads the record in `body`, has it decided, and gives the answer's bytes; nothing for what has
/// no record id.
pub fn answer_live(
    body: &[u8],
    terminal: TerminalId,
    received_at: DateTime<Utc>,
    decide: impl FnOnce(NewEntry) -> Answer,
) -> Option<Vec<u8>> {
    let origin = Origin { terminal, time_zone: chrono_tz::Asia::Shanghai, received_at };
    let Ok(Reading::Entry(entry)) = batch::read_one(body, &origin) else { return None };
    let direction = entry.direction;
    let answer = decide(*entry);
    serde_json::to_vec(&DecisionAnswer::new(&answer, direction)?).ok()
}
