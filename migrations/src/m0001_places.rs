//! Step 1: divisions, venues with their versioned rules and hours, zones.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, create_all, day, float, index, index_all, instant, int, or_null, small, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, places()).await?;
        create_all(manager, times()).await?;
        index_all(
            manager,
            vec![
                index("venues", "venues_community", &["community"]),
                index("zones", "zones_venue", &["venue_id"]),
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn places() -> Vec<TableCreateStatement> {
    vec![
        table(
            "divisions",
            vec![text("code"), text("name"), text("level"), or_null(big("resident_population"))],
            &["code"],
        ),
        table(
            "venues",
            vec![
                uuid("id"),
                text("community"),
                text("name"),
                text("kind"),
                or_null(int("area_m2")),
                or_null(float("lat")),
                or_null(float("lng")),
                text("coordinates"),
                text("status"),
                instant("created_at"),
            ],
            &["id"],
        ),
        table(
            "venue_rules",
            vec![
                uuid("venue_id"),
                int("version"),
                day("valid_from"),
                text("pairing"),
                int("repeat_window_s"),
                int("usual_stay_min"),
                int("longest_stay_min"),
                text("passback"),
                or_null(int("guardian_under")),
                text("prerequisites"),
                or_null(int("capacity_soft")),
                or_null(int("capacity")),
                text("time_zone"),
                int("day_starts_at"),
                text("adopted_by"),
                instant("adopted_at"),
            ],
            &["venue_id", "version"],
        ),
        table("venue_gates", vec![uuid("venue_id")], &["venue_id"]),
        table(
            "zones",
            vec![uuid("id"), uuid("venue_id"), text("kind"), text("name"), or_null(int("area_m2"))],
            &["id"],
        ),
    ]
}

fn times() -> Vec<TableCreateStatement> {
    vec![
        table(
            "venue_hours",
            vec![
                uuid("venue_id"),
                small("weekday"),
                int("version"),
                day("valid_from"),
                or_null(int("opens")),
                or_null(int("closes")),
                or_null(text("reason")),
            ],
            &["venue_id", "weekday", "version"],
        ),
        table(
            "venue_exceptions",
            vec![
                uuid("venue_id"),
                day("day"),
                int("version"),
                day("valid_from"),
                or_null(int("opens")),
                or_null(int("closes")),
                text("reason"),
            ],
            &["venue_id", "day", "version"],
        ),
    ]
}
