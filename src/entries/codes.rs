//! Door codes on telephones: whose they are is in their signature, not in a table; and one that
//! has just let somebody in lets nobody in again for a moment, so that a telephone held back over
//! the gate is no second ticket.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, Statement};

use super::{
    NewEntry, Outcome,
    directory::{Handle, Holding},
};
use crate::{
    base::{
        ids::{Direction, MemberId, Method},
        keys::Keys,
    },
    members::read_code,
};

/// After an entry by code, none by code for so long.
const ONCE_WITHIN: TimeDelta = TimeDelta::seconds(5);
/// How far the time of an event may lie from its receipt where the doors' codes are concerned.
const SEARCHED: TimeDelta = TimeDelta::minutes(5);

/// Who holds the signed codes among these entries.
pub fn holdings(keys: &Keys, entries: &[NewEntry]) -> HashMap<Handle, Holding> {
    let shown = entries.iter().filter(|entry| entry.method == Method::Qr);
    let read = shown.filter_map(|entry| {
        let code = read_code(keys, &entry.credential)?;
        let holding =
            Holding { member: code.member, active: true, from: code.from, until: Some(code.until) };
        Some(((entry.method, entry.credential.clone()), holding))
    });
    read.collect()
}

/// Entries by code of one group, which SQL does not have yet.
#[derive(Default)]
pub struct Used(HashMap<MemberId, DateTime<Utc>>);

impl Used {
    /// Whether somebody who waits at a door has come in by code a moment ago. Reads SQL under the
    /// lock of the member's timeline, so that two doors do not both say no.
    pub async fn is_spent<C: ConnectionTrait>(
        &self,
        tx: &C,
        entry: &NewEntry,
        member: MemberId,
    ) -> Result<bool, DbErr> {
        let waits = entry.outcome == Outcome::Live && entry.direction == Direction::In;
        if entry.method != Method::Qr || !waits {
            return Ok(false);
        }
        let since = entry.received_at - ONCE_WITHIN;
        if self.0.get(&member).is_some_and(|at| *at > since) {
            return Ok(true);
        }
        let sql = "SELECT 1 AS used FROM entry_events WHERE member_id = $1 AND occurred_at > $2 \
                   AND occurred_at < $3 AND received_at > $4 AND method = 'qr' \
                   AND direction = 'in' AND decision = 'granted' LIMIT 1";
        let at = entry.received_at;
        let values =
            [member.0.into(), (at - SEARCHED).into(), (at + SEARCHED).into(), since.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        Ok(tx.query_one_raw(statement).await?.is_some())
    }

    /// Somebody came in.
    pub fn granted(&mut self, entry: &NewEntry, member: MemberId) {
        if entry.method == Method::Qr && entry.direction == Direction::In {
            self.0.insert(member, entry.received_at);
        }
    }
}
