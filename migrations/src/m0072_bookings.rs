//! Step 72: what can be booked, when, by whom; who waits; and the quarters of an hour that are taken,
//! each once.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, create_all, index, index_all, instant, int, or_null, run, small, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// What no plain index can say.
const PARTIAL: [&str; 7] = [
    // The same hours of the same thing are offered once.
    "CREATE UNIQUE INDEX slots_once ON slots (resource_id, part, starts_at) \
     WHERE status = 'open'",
    "CREATE INDEX slots_unsettled ON slots (settle_at) WHERE settle_at IS NOT NULL",
    // A seat is one person's, and a person has one seat.
    "CREATE UNIQUE INDEX bookings_once ON bookings (slot_id, member_id) WHERE seat IS NOT NULL",
    "CREATE INDEX bookings_held ON bookings (held_until) WHERE state = 'held'",
    "CREATE UNIQUE INDEX waiters_once ON slot_waiters (slot_id, member_id) \
     WHERE state IN ('waiting', 'offered')",
    "CREATE INDEX waiters_waiting ON slot_waiters (slot_id, id) WHERE state = 'waiting'",
    "CREATE INDEX slots_open ON slots (starts_at, id) WHERE status = 'open'",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![courts(), slots(), claims(), bookings(), waiters(), members()])
            .await?;
        let indexes = vec![
            index("courts", "courts_venue", &["venue_id"]),
            index("slots", "slots_resource", &["resource_id", "starts_at"]),
            index("slots", "slots_venue", &["venue_id", "starts_at"]),
            index("slots", "slots_series", &["series_id", "starts_at"]),
            index("slot_claims", "slot_claims_slot", &["slot_id"]),
            // A seat that was given back has no number, and numberless rows are no rivals.
            index("bookings", "bookings_seat", &["slot_id", "seat"]).unique().take(),
            index("bookings", "bookings_member", &["member_id", "starts_at"]),
            index("bookings", "bookings_rated", &["resource_id", "rated_at"]),
            index("slot_waiters", "waiters_slot", &["slot_id", "id"]),
            index("slot_waiters", "waiters_member", &["member_id", "state"]),
        ];
        index_all(manager, indexes).await?;
        for sql in PARTIAL {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn courts() -> TableCreateStatement {
    table(
        "courts",
        vec![
            uuid("zone_id"),
            uuid("venue_id"),
            text("community"),
            text("sport"),
            small("parts"),
            instant("created_at"),
            text("created_by"),
        ],
        &["zone_id"],
    )
}

fn slots() -> TableCreateStatement {
    table(
        "slots",
        vec![
            uuid("id"),
            text("kind"),
            uuid("resource_id"),
            small("part"),
            small("parts"),
            uuid("venue_id"),
            text("community"),
            or_null(text("sport")),
            instant("starts_at"),
            instant("ends_at"),
            big("first_quarter"),
            big("end_quarter"),
            int("capacity"),
            or_null(int("price_cents")),
            or_null(uuid("series_id")),
            text("status"),
            or_null(text("reason")),
            or_null(instant("settle_at")),
            instant("created_at"),
            text("created_by"),
            big("version"),
        ],
        &["id"],
    )
}

/// A quarter of an hour of one part of a thing, counted from 1970: nobody has it twice.
fn claims() -> TableCreateStatement {
    table(
        "slot_claims",
        vec![uuid("unit_id"), big("quarter"), small("part"), uuid("slot_id")],
        &["unit_id", "quarter", "part"],
    )
}

fn bookings() -> TableCreateStatement {
    table(
        "bookings",
        vec![
            uuid("id"),
            uuid("slot_id"),
            uuid("member_id"),
            uuid("resource_id"),
            uuid("venue_id"),
            text("kind"),
            or_null(int("seat")),
            text("state"),
            instant("starts_at"),
            instant("ends_at"),
            or_null(instant("held_until")),
            instant("made_at"),
            text("made_by"),
            or_null(instant("ended_at")),
            or_null(small("rating")),
            or_null(instant("rated_at")),
        ],
        &["id"],
    )
}

fn waiters() -> TableCreateStatement {
    table(
        "slot_waiters",
        vec![
            uuid("id"),
            uuid("slot_id"),
            uuid("member_id"),
            text("state"),
            instant("joined_at"),
            or_null(uuid("booking_id")),
            or_null(instant("offered_at")),
            or_null(instant("ended_at")),
        ],
        &["id"],
    )
}

/// The lock row of somebody who books, and since when their absences are forgiven.
fn members() -> TableCreateStatement {
    table(
        "booking_members",
        vec![uuid("member_id"), big("version"), or_null(instant("pardoned_at"))],
        &["member_id"],
    )
}
