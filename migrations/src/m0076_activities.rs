//! Step 76: activities with their sign-ups and teams.

use sea_orm_migration::prelude::*;

use crate::columns::{
    create_all, day, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![activities(), teams(), sign_ups()]).await?;
        index_all(
            manager,
            vec![
                index("activities", "activities_division", &["division", "id"]),
                index("activities", "activities_end", &["ends_at"]),
                index("activity_teams", "activity_teams_activity", &["activity_id", "n"])
                    .unique()
                    .take(),
                index("activity_sign_ups", "activity_sign_ups_member", &["member_id"]),
                index(
                    "activity_sign_ups",
                    "activity_sign_ups_queue",
                    &["activity_id", "state", "n"],
                ),
            ],
        )
        .await?;
        for sql in [
            // A person has one place at a time.
            "CREATE UNIQUE INDEX activity_sign_ups_once ON activity_sign_ups \
             (activity_id, member_id) WHERE state <> 'withdrawn'",
            "CREATE UNIQUE INDEX activity_sign_ups_certificate ON activity_sign_ups \
             (certificate_hash) WHERE certificate_hash IS NOT NULL",
            "CREATE INDEX activities_held ON activities (division) WHERE held_at IS NOT NULL",
        ] {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn activities() -> TableCreateStatement {
    let mut activities = table(
        "activities",
        vec![
            uuid("id"),
            text("division"),
            or_null(uuid("venue_id")),
            text("kind"),
            text("title"),
            text("about"),
            or_null(text("place")),
            instant("starts_at"),
            instant("ends_at"),
            // The business days in which a stay that reaches into it can have begun.
            day("first_day"),
            day("last_day"),
            instant("sign_up_until"),
            int("capacity"),
            int("taken"),
            int("waiting"),
            // Ever signed up: the order of the waiting list, and of teams.
            int("signed"),
            or_null(int("age_min")),
            or_null(int("age_max")),
            or_null(int("team_max")),
            text("created_by"),
            instant("created_at"),
            or_null(instant("cancelled_at")),
            or_null(text("cancelled_reason")),
            or_null(instant("held_at")),
        ],
        &["id"],
    );
    // Whatever a program does wrong, nobody gets a place that is not there.
    activities.check(Expr::cust("taken >= 0 AND taken <= capacity AND waiting >= 0")).take()
}

fn teams() -> TableCreateStatement {
    table(
        "activity_teams",
        vec![uuid("id"), uuid("activity_id"), int("n"), text("code_hash"), int("size")],
        &["id"],
    )
}

fn sign_ups() -> TableCreateStatement {
    table(
        "activity_sign_ups",
        vec![
            uuid("id"),
            uuid("activity_id"),
            uuid("member_id"),
            or_null(uuid("team_id")),
            text("role"),
            text("state"),
            int("n"),
            instant("signed_at"),
            or_null(instant("attended_at")),
            or_null(text("attended_by")),
            or_null(int("place")),
            or_null(text("result")),
            or_null(text("certificate_hash")),
            or_null(instant("certificate_until")),
        ],
        &["id"],
    )
}
