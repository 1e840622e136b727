//! Step 83: honours of a year, and exercise points.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, create_all, day, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut tables = honours();
        tables.extend(points());
        create_all(manager, tables).await?;
        let indexes = vec![
            index("honours", "honours_member", &["member_id"]),
            index("point_entries", "point_entries_member", &["member_id", "id"]),
        ];
        index_all(manager, indexes).await?;
        for sql in [
            "CREATE UNIQUE INDEX honour_years_once ON honour_years (division, year, rules)",
            "CREATE UNIQUE INDEX point_partners_now ON point_partners (venue_id) \
             WHERE until IS NULL",
            // What was spent is given back once.
            "CREATE UNIQUE INDEX point_entries_back ON point_entries (reference) \
             WHERE reference IS NOT NULL",
        ] {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn honours() -> Vec<TableCreateStatement> {
    vec![
        table(
            "honour_years",
            vec![
                uuid("id"),
                text("division"),
                int("year"),
                int("rules"),
                instant("as_of"),
                text("digest"),
                text("by_actor"),
            ],
            &["id"],
        ),
        table(
            "honours",
            vec![
                uuid("year_id"),
                text("kind"),
                int("place"),
                text("subject"),
                or_null(uuid("member_id")),
                big("figure"),
                big("beside"),
            ],
            &["year_id", "kind", "place"],
        ),
    ]
}

fn points() -> Vec<TableCreateStatement> {
    vec![
        table(
            "point_accounts",
            vec![uuid("member_id"), big("balance"), big("version")],
            &["member_id"],
        ),
        table(
            "point_entries",
            vec![
                uuid("id"),
                uuid("member_id"),
                int("points"),
                text("cause"),
                or_null(day("business_day")),
                or_null(uuid("venue_id")),
                or_null(uuid("reference")),
                int("rules"),
                text("by_actor"),
                instant("at"),
            ],
            &["id"],
        ),
        table(
            "point_partners",
            vec![
                uuid("id"),
                uuid("venue_id"),
                instant("since"),
                or_null(instant("until")),
                text("by_actor"),
            ],
            &["id"],
        ),
    ]
}
