//! How long each class of data is kept, one by one: a row a second younger than its time stays, one
//! a second older goes. What doors saw stands in `forgetting`, since it goes by what doors told.

use chrono::TimeDelta;
use uuid::Uuid;

use crate::support::{Store, TestTown, at, eventually};

/// When the nightly work runs, long after the town was founded.
const THEN: &str = "2030-06-01T02:00:00Z";

/// A class of data.
struct Class {
    name: &'static str,
    kept: TimeDelta,
    /// Puts in a row of `{at}`, with `{id}` and the text `{n}` of its own.
    row: &'static str,
    /// Finds the row by `{id}` or `{n}`.
    left: &'static str,
}

const DAYS_90: TimeDelta = TimeDelta::days(90);
const DAYS_400: TimeDelta = TimeDelta::days(400);
const THREE_YEARS: TimeDelta = TimeDelta::days(3 * 365 + 1);
const TEN_YEARS: TimeDelta = TimeDelta::days(10 * 365 + 3);
const AT_ONCE: TimeDelta = TimeDelta::zero();

const CLASSES: [Class; 30] = [
    Class {
        name: "raw records that were resolved",
        kept: DAYS_90,
        row: "INSERT INTO quarantine (id, family, serial, received_at, reason, raw, raw_ct, \
              resolved_at) VALUES ({id}, 'native', 'S', {at}, 'x', 'raw', '', {at})",
        left: "SELECT COUNT(*) AS n FROM quarantine WHERE id = {id} AND raw <> ''",
    },
    Class {
        name: "raw records that nobody resolved",
        kept: DAYS_400,
        row: "INSERT INTO quarantine (id, family, serial, received_at, reason, raw, raw_ct) \
              VALUES ({id}, 'native', 'S', {at}, 'x', '', 'sealed')",
        left: "SELECT COUNT(*) AS n FROM quarantine WHERE id = {id} AND raw_ct <> ''",
    },
    Class {
        name: "checks of who somebody is",
        kept: DAYS_90,
        row: "INSERT INTO verifications (id, member_id, method, document_ix, outcome, created_at, \
              expires_at, ended_at) VALUES ({id}, {id}, 'registry', 'x', 'match', {at}, {at}, {at})",
        left: "SELECT COUNT(*) AS n FROM verifications WHERE id = {id}",
    },
    Class {
        name: "codes of the desk",
        kept: AT_ONCE,
        row: "INSERT INTO recovery_codes (member_id, code_hash, expires_at, by_actor) \
              VALUES ({id}, '{n}', {at}, 'x')",
        left: "SELECT COUNT(*) AS n FROM recovery_codes WHERE code_hash = '{n}'",
    },
    Class {
        name: "codes of guardians",
        kept: AT_ONCE,
        row: "INSERT INTO companion_codes (member_id, code_hash, named_by, expires_at) \
              VALUES ({id}, '{n}', {id}, {at})",
        left: "SELECT COUNT(*) AS n FROM companion_codes WHERE code_hash = '{n}'",
    },
    Class {
        name: "links to exports",
        kept: AT_ONCE,
        row: "INSERT INTO export_links (member_id, token_hash, created_at, expires_at) \
              VALUES ({id}, '{n}', {at}, {at})",
        left: "SELECT COUNT(*) AS n FROM export_links WHERE token_hash = '{n}'",
    },
    Class {
        name: "who looked at somebody",
        kept: THREE_YEARS,
        row: "INSERT INTO member_views (id, member_id, viewer, role, division, act, at) \
              VALUES ({id}, {id}, 'staff:x', 'venue', '33', 'shown', {at})",
        left: "SELECT COUNT(*) AS n FROM member_views WHERE id = {id}",
    },
    Class {
        name: "bookings",
        kept: THREE_YEARS,
        row: "INSERT INTO bookings (id, slot_id, member_id, resource_id, venue_id, kind, state, \
              starts_at, ends_at, made_at, made_by) VALUES ({id}, {id}, {id}, {id}, {id}, 'coach', \
              'attended', {at}, {at}, {at}, 'x')",
        left: "SELECT COUNT(*) AS n FROM bookings WHERE id = {id}",
    },
    Class {
        name: "slots",
        kept: THREE_YEARS,
        row: "INSERT INTO slots (id, kind, resource_id, part, parts, venue_id, community, \
              starts_at, ends_at, first_quarter, end_quarter, capacity, status, created_at, \
              created_by, version) VALUES ({id}, 'coach', {id}, 0, 1, {id}, '330499001001', {at}, \
              {at}, 1, 2, 1, 'open', {at}, 'x', 1)",
        left: "SELECT COUNT(*) AS n FROM slots WHERE id = {id}",
    },
    Class {
        name: "who waited for a slot",
        kept: DAYS_90,
        row: "INSERT INTO slot_waiters (id, slot_id, member_id, state, joined_at) \
              VALUES ({id}, {id}, {id}, 'closed', {at})",
        left: "SELECT COUNT(*) AS n FROM slot_waiters WHERE id = {id}",
    },
    Class {
        name: "requests to see a child",
        kept: THREE_YEARS,
        row: "INSERT INTO view_requests (id, member_id, asked_by, reason, asked_at) \
              VALUES ({id}, {id}, 'staff:x', 'x', {at})",
        left: "SELECT COUNT(*) AS n FROM view_requests WHERE id = {id}",
    },
    Class {
        name: "what terminals told of faces that they deleted",
        kept: THREE_YEARS,
        row: "INSERT INTO handle_receipts (terminal_id, handle, member_id, result, at) \
              VALUES ({id}, '{n}', {id}, 'removed', {at})",
        left: "SELECT COUNT(*) AS n FROM handle_receipts WHERE handle = '{n}'",
    },
    Class {
        name: "numbers of faces that terminals have deleted",
        kept: TimeDelta::days(30),
        row: "INSERT INTO handle_receipts (terminal_id, handle, member_id, result, at) \
              VALUES ({id}, 'p{n}', {id}, 'removed', {at}); \
              INSERT INTO terminal_pins (terminal_id, pin, handle, member_id, given_at) \
              VALUES ({id}, 1, 'p{n}', {id}, {at}), ({id}, 2, 'q{n}', {id}, {at})",
        left: "SELECT COUNT(*) AS n FROM terminal_pins WHERE handle = 'p{n}'",
    },
    Class {
        name: "consents of people who left",
        kept: THREE_YEARS,
        row: "INSERT INTO members (id, status, home_community, name_ct, name_masked, \
              document_type, document_ct, document_ix, verification, registered_at, erased_at, \
              version) VALUES ({id}, 'erased', '330499001001', '', '', 'resident_id', '', '{n}', \
              'desk', '2026-01-01T00:00:00+00:00', {at}, 1); \
              INSERT INTO consents (member_id, purpose, at, text_version, text_hash, granted, \
              channel, by_actor) VALUES ({id}, 'door_face', '2026-01-01T00:00:00+00:00', '1', '', \
              TRUE, 'desk', 'x')",
        left: "SELECT COUNT(*) AS n FROM consents WHERE member_id = {id}",
    },
    Class {
        name: "handles that terminals were told to delete",
        kept: TimeDelta::days(30),
        row: "INSERT INTO credentials (kind, handle, member_id, status, valid_from, valid_to) \
              VALUES ('face', '{n}', {id}, 'withdrawn', '2026-01-01T00:00:00+00:00', {at})",
        left: "SELECT COUNT(*) AS n FROM credentials WHERE handle = '{n}'",
    },
    Class {
        name: "sessions of residents",
        kept: AT_ONCE,
        row: "INSERT INTO member_tokens (token_hash, member_id, created_at, expires_at) \
              VALUES ('{n}', {id}, {at}, {at})",
        left: "SELECT COUNT(*) AS n FROM member_tokens WHERE token_hash = '{n}'",
    },
    Class {
        name: "sessions of staff",
        kept: AT_ONCE,
        row: "INSERT INTO staff_sessions (token_hash, staff_id, created_at, last_used_at, \
              expires_at) VALUES ('{n}', {id}, {at}, {at}, {at})",
        left: "SELECT COUNT(*) AS n FROM staff_sessions WHERE token_hash = '{n}'",
    },
    Class {
        name: "answers to commands",
        kept: AT_ONCE,
        row: "INSERT INTO idempotency (caller, key, body_hash, status, headers, body, expires_at) \
              VALUES ('x', '{n}', '', 200, '{}', '', {at})",
        left: "SELECT COUNT(*) AS n FROM idempotency WHERE key = '{n}'",
    },
    Class {
        name: "pushes of the platform",
        kept: TimeDelta::days(1),
        row: "INSERT INTO wechat_pushes (name, received_at) VALUES ('{n}', {at})",
        left: "SELECT COUNT(*) AS n FROM wechat_pushes WHERE name = '{n}'",
    },
    Class {
        name: "messages that were sent",
        kept: DAYS_90,
        row: "INSERT INTO wechat_messages (id, name, member_id, template_id, page, fields_ct, \
              state, attempts, due_at, created_at, ended_at) \
              VALUES ({id}, '{n}', {id}, 'x', 'x', '', 'sent', 1, {at}, {at}, {at})",
        left: "SELECT COUNT(*) AS n FROM wechat_messages WHERE name = '{n}'",
    },
    Class {
        name: "messages to webhooks",
        kept: DAYS_90,
        row: "INSERT INTO webhook_deliveries (webhook_id, event_id, kind, body, state, attempts, \
              due_at, created_at, ended_at) \
              VALUES ({id}, {id}, 'ping', '{}', 'delivered', 1, {at}, {at}, {at})",
        left: "SELECT COUNT(*) AS n FROM webhook_deliveries WHERE event_id = {id}",
    },
    Class {
        name: "nonces of terminals",
        kept: AT_ONCE,
        row: "INSERT INTO terminal_nonces (terminal_id, nonce, expires_at) \
              VALUES ({id}, '{n}', {at})",
        left: "SELECT COUNT(*) AS n FROM terminal_nonces WHERE nonce = '{n}'",
    },
    Class {
        name: "numbers of records",
        kept: DAYS_400,
        row: "INSERT INTO event_keys (terminal_id, record_id, event_id, occurred_at, body_hash, \
              decision, received_at) VALUES ({id}, '{n}', NULL, NULL, '', '{}', {at})",
        left: "SELECT COUNT(*) AS n FROM event_keys WHERE record_id = '{n}'",
    },
    Class {
        name: "notices of terminals",
        kept: DAYS_400,
        row: "INSERT INTO terminal_notices (id, terminal_id, record_key, received_at, kind, code) \
              VALUES ({id}, {id}, '{n}', {at}, 'alarm', 'tamper')",
        left: "SELECT COUNT(*) AS n FROM terminal_notices WHERE record_key = '{n}'",
    },
    Class {
        name: "commands to terminals",
        kept: DAYS_400,
        row: "INSERT INTO terminal_commands (id, terminal_id, number, kind, parameters, status, \
              created_at, created_by, expires_at, attempts) \
              VALUES ({id}, {id}, 1, 'restart', '{}', 'done', {at}, 'x', {at}, 0)",
        left: "SELECT COUNT(*) AS n FROM terminal_commands WHERE id = {id}",
    },
    Class {
        name: "fitness tests",
        kept: TEN_YEARS,
        row: "INSERT INTO fitness_tests (id, member_id, division, standard_id, tested_at, \
              tested_on, result_ct, by_actor, created_at) \
              VALUES ({id}, {id}, '33', {id}, {at}, '2026-01-01', '', 'x', {at})",
        left: "SELECT COUNT(*) AS n FROM fitness_tests WHERE id = {id}",
    },
    Class {
        name: "plans after fitness tests",
        kept: TEN_YEARS,
        row: "INSERT INTO fitness_plans (id, member_id, test_id, plan_ct, starts_on, ends_on, \
              by_actor, created_at) \
              VALUES ({id}, {id}, {id}, '', '2026-01-01', '2026-01-01', 'x', {at})",
        left: "SELECT COUNT(*) AS n FROM fitness_plans WHERE id = {id}",
    },
    Class {
        name: "words of reports that are done",
        kept: DAYS_400,
        row: "INSERT INTO tickets (id, venue_id, community, kind, member_id, text_ct, state, since, \
              told, reported_at, ended_at) VALUES ({id}, {id}, '33', 'safety', {id}, 'sealed', \
              'confirmed', {at}, 0, {at}, {at})",
        left: "SELECT COUNT(*) AS n FROM tickets WHERE id = {id} AND member_id IS NOT NULL \
               AND text_ct <> ''",
    },
    Class {
        name: "notes of what was done about reports",
        kept: DAYS_400,
        row: "INSERT INTO ticket_steps (id, ticket_id, act, state, note_ct, by_actor, at) \
              VALUES ({id}, {id}, 'fix', 'fixed', 'sealed', 'x', {at})",
        left: "SELECT COUNT(*) AS n FROM ticket_steps WHERE id = {id} AND note_ct IS NOT NULL",
    },
    Class {
        name: "terminals that nobody claimed",
        kept: DAYS_400,
        row: "INSERT INTO unclaimed_terminals (family, serial, first_seen_at, last_seen_at, \
              records) VALUES ('fcard', '{n}', {at}, {at}, 1)",
        left: "SELECT COUNT(*) AS n FROM unclaimed_terminals WHERE serial = '{n}'",
    },
];

/// The statement about row `n`, which is of `age` when the work runs.
fn filled(store: &Store, sql: &str, n: usize, age: TimeDelta) -> String {
    let id = Uuid::from_u128(0x00ff_0000_0000 + n as u128);
    let at = (at(THEN) - age).format("%Y-%m-%dT%H:%M:%S+00:00");
    let sql = sql.replace("{id}", &store.uuid(id)).replace("{at}", &format!("'{at}'"));
    sql.replace("{n}", &format!("row-{n}"))
}

#[tokio::test]
async fn every_class_of_data_is_kept_for_its_time_and_no_longer() {
    let town = TestTown::open().await;
    let second = TimeDelta::seconds(1);
    let ages = |class: &Class| [class.kept - second, class.kept + second];
    for (n, class) in CLASSES.iter().enumerate() {
        for (k, age) in ages(class).into_iter().enumerate() {
            town.store.sql(&filled(&town.store, class.row, 2 * n + k, age)).await;
        }
    }
    // Who did what is kept for 180 days by law, and here for good: later hashes rest on it.
    let audited = "SELECT COUNT(*) AS n FROM audit WHERE at < '2027-01-01T00:00:00+00:00'";
    let before = town.store.count(audited).await;
    assert!(before > 0);
    town.is_now(THEN);
    let town = town.restarted().await;
    for (n, class) in CLASSES.iter().enumerate() {
        let [young, old] = ages(class);
        let old = filled(&town.store, class.left, 2 * n + 1, old);
        let gone = async || (town.store.count(&old).await == 0).then_some(());
        eventually(class.name, gone).await;
        let young = filled(&town.store, class.left, 2 * n, young);
        assert_eq!(town.store.count(&young).await, 1, "{} is kept too short", class.name);
    }
    assert_eq!(town.store.count(audited).await, before, "nothing of the audit chain is cleared");
    town.store.fitgate(&["ledger", "verify"]).await;
}
