//! The ledger's tamper evidence: a keyed MAC a row, and the fields it covers.

use super::tables::minute_entry;
use crate::base::keys::Keys;

/// The row's MAC over all its fields, in a fixed order, joined by `|`.
pub fn mac(keys: &Keys, row: &minute_entry::Model) -> [u8; 32] {
    let session = row.session_id.map(|id| id.to_string()).unwrap_or_default();
    let fields = format!(
        "{}|{}|{session}|{}|{}|{}|{}|{}|{}|{}|{}",
        row.id,
        row.recorded_at.timestamp_millis(),
        row.member_id,
        row.venue_id,
        row.community,
        row.business_day,
        row.minutes,
        row.provenance,
        row.cause,
        row.rule_version,
    );
    keys.ledger_mac(fields.as_bytes())
}
