//! Step 5: timelines, sessions, the ledger (by month on `PostgreSQL`), roll-ups, dirty counters.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, boolean, create_all, create_partitioned, day, index, index_all, instant, int, or_null,
    run, small, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![timelines(), session_facts(), sessions()]).await?;
        create_partitioned(manager, minute_entries(), "recorded_at").await?;
        create_all(manager, rollups()).await?;
        index_all(
            manager,
            vec![
                index("sessions", "sessions_member_day", &["member_id", "business_day"]),
                index("sessions", "sessions_venue_day", &["venue_id", "business_day"]),
                index("venue_days", "venue_days_day", &["business_day"]),
                index("session_facts", "session_facts_member", &["member_id"]),
            ],
        )
        .await?;
        run(
            manager,
            "CREATE UNIQUE INDEX sessions_open ON sessions (member_id) WHERE left_at IS NULL AND NOT void",
        )
        .await?;
        run(
            manager,
            "CREATE INDEX sessions_inside ON sessions (venue_id) WHERE left_at IS NULL AND NOT void",
        )
        .await?;
        run(
            manager,
            "CREATE INDEX timelines_limit ON timelines (limit_at) WHERE limit_at IS NOT NULL",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn timelines() -> TableCreateStatement {
    table(
        "timelines",
        vec![
            uuid("member_id"),
            big("version"),
            text("state"),
            or_null(instant("last_at")),
            or_null(uuid("open_session")),
            or_null(uuid("open_venue")),
            or_null(instant("presence_expires_at")),
            or_null(instant("limit_at")),
        ],
        &["member_id"],
    )
}

fn session_facts() -> TableCreateStatement {
    table(
        "session_facts",
        vec![
            uuid("session_id"),
            int("n"),
            uuid("member_id"),
            text("kind"),
            or_null(instant("entered_at")),
            instant("left_at"),
            text("reason"),
            text("by_actor"),
            or_null(text("approved_by")),
            instant("at"),
        ],
        &["session_id", "n"],
    )
}

fn sessions() -> TableCreateStatement {
    table(
        "sessions",
        vec![
            uuid("id"),
            uuid("member_id"),
            uuid("venue_id"),
            text("community"),
            day("business_day"),
            instant("entered_at"),
            or_null(instant("left_at")),
            int("minutes"),
            or_null(text("provenance")),
            or_null(text("ended_by")),
            boolean("void"),
            boolean("credited"),
            int("rule_version"),
            instant("presence_expires_at"),
            big("version"),
        ],
        &["id"],
    )
}

fn minute_entries() -> TableCreateStatement {
    table(
        "minute_entries",
        vec![
            uuid("id"),
            instant("recorded_at"),
            or_null(uuid("session_id")),
            uuid("member_id"),
            uuid("venue_id"),
            text("community"),
            day("business_day"),
            int("minutes"),
            text("provenance"),
            text("cause"),
            int("rule_version"),
            text("mac"),
        ],
        &["id", "recorded_at"],
    )
}

/// Minutes of each provenance, as every roll-up keeps them.
fn minutes() -> Vec<ColumnDef> {
    vec![
        big("minutes_measured"),
        big("minutes_self_declared"),
        big("minutes_estimated"),
        big("minutes_corrected"),
    ]
}

fn with_minutes(mut head: Vec<ColumnDef>, tail: Vec<ColumnDef>) -> Vec<ColumnDef> {
    head.extend(minutes());
    head.extend(tail);
    head
}

fn rollups() -> Vec<TableCreateStatement> {
    let limbs = [
        "digest_0", "digest_1", "digest_2", "digest_3", "digest_4", "digest_5", "digest_6",
        "digest_7",
    ];
    let mut venue_day_tail: Vec<ColumnDef> = limbs.into_iter().map(big).collect();
    venue_day_tail.extend([
        text("state"),
        or_null(int("peak_inside")),
        or_null(instant("final_at")),
        big("version"),
    ]);
    vec![
        table(
            "venue_days",
            with_minutes(
                vec![uuid("venue_id"), day("business_day"), big("visits"), big("people")],
                venue_day_tail,
            ),
            &["venue_id", "business_day"],
        ),
        table(
            "venue_day_hours",
            vec![
                uuid("venue_id"),
                day("business_day"),
                small("hour"),
                big("visits"),
                big("minutes"),
                or_null(int("peak_inside")),
                big("version"),
            ],
            &["venue_id", "business_day", "hour"],
        ),
        table(
            "division_days",
            with_minutes(
                vec![text("division"), day("business_day"), big("visits"), big("people")],
                vec![text("state"), big("version")],
            ),
            &["division", "business_day"],
        ),
        table(
            "member_venue_months",
            vec![uuid("venue_id"), day("month"), uuid("member_id"), big("visits"), big("version")],
            &["venue_id", "month", "member_id"],
        ),
        table(
            "member_days",
            with_minutes(
                vec![uuid("member_id"), day("business_day"), big("visits")],
                vec![big("version")],
            ),
            &["member_id", "business_day"],
        ),
        table(
            "dirty_counters",
            vec![text("kind"), text("key"), day("business_day"), big("version")],
            &["kind", "key", "business_day"],
        ),
    ]
}
