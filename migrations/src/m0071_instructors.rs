//! Step 71: sports instructors with their certificates and specialities, and the service of theirs
//! that doors have proven.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, boolean, create_all, day, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![instructors(), certificates(), specialities(), services()])
            .await?;
        let indexes = vec![
            index("instructors", "instructors_member", &["member_id"]).unique().take(),
            // One account is one instructor's; those without an account are no rivals.
            index("instructors", "instructors_staff", &["staff_id"]).unique().take(),
            index("instructors", "instructors_home", &["home_community", "id"]),
            index("instructor_certificates", "certificates_instructor", &["instructor_id"]),
            index("instructor_certificates", "certificates_member", &["member_id"]),
            index("instructor_services", "services_instructor", &["instructor_id", "business_day"]),
            index("instructor_services", "services_member", &["member_id"]),
            index("instructor_services", "services_place", &["community", "business_day"]),
        ];
        index_all(manager, indexes).await?;
        // A screen counts those who are certified today, by this index alone.
        run(manager, "CREATE INDEX instructors_away ON instructors (id) WHERE status <> 'active'")
            .await?;
        run(
            manager,
            "CREATE INDEX instructors_active ON instructors (home_community, certified_until) \
             WHERE status = 'active'",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn instructors() -> TableCreateStatement {
    table(
        "instructors",
        vec![
            uuid("id"),
            uuid("member_id"),
            or_null(uuid("staff_id")),
            text("home_community"),
            text("status"),
            boolean("coach"),
            or_null(day("certified_until")),
            instant("created_at"),
            text("created_by"),
        ],
        &["id"],
    )
}

fn certificates() -> TableCreateStatement {
    table(
        "instructor_certificates",
        vec![
            uuid("id"),
            uuid("instructor_id"),
            uuid("member_id"),
            text("level"),
            text("issuer"),
            text("number_ct"),
            day("issued_on"),
            or_null(day("expires_on")),
            or_null(instant("revoked_at")),
            text("by_actor"),
        ],
        &["id"],
    )
}

fn specialities() -> TableCreateStatement {
    table(
        "instructor_specialities",
        vec![uuid("instructor_id"), text("sport")],
        &["instructor_id", "sport"],
    )
}

fn services() -> TableCreateStatement {
    table(
        "instructor_services",
        vec![
            uuid("slot_id"),
            uuid("instructor_id"),
            uuid("member_id"),
            uuid("venue_id"),
            text("community"),
            day("business_day"),
            int("minutes"),
            int("learners"),
            instant("settled_at"),
            big("version"),
        ],
        &["slot_id"],
    )
}
