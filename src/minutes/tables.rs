//! The tables of minutes, and how a group writes them. Roll-ups are written as differences, so no
//! writer has to read the row that another holds; each row's version grows with every change.

use crate::base::db::bulk::{Column, Kind, column, nullable};

pub mod session {
    //! One stay of one member in one venue; named after its opening event.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub member_id: Uuid,
        pub venue_id: Uuid,
        pub community: String,
        pub business_day: Date,
        pub entered_at: DateTimeUtc,
        pub left_at: Option<DateTimeUtc>,
        pub minutes: i32,
        pub provenance: Option<String>,
        pub ended_by: Option<String>,
        pub void: bool,
        pub credited: bool,
        pub rule_version: i32,
        pub presence_expires_at: DateTimeUtc,
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod session_fact {
    //! What a member declared or staff corrected: inputs of the fold, append-only.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session_facts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub session_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub n: i32,
        pub member_id: Uuid,
        pub kind: String,
        pub entered_at: Option<DateTimeUtc>,
        pub left_at: DateTimeUtc,
        pub reason: String,
        pub by_actor: String,
        pub approved_by: Option<String>,
        pub at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod session_dispute {
    //! What members say is not right about a session; one open at a time.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "session_disputes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub session_id: Uuid,
        pub member_id: Uuid,
        /// What others may read; empty while it waits for its check, and where it may not be shown.
        pub text_ct: String,
        pub created_at: DateTimeUtc,
        pub resolved_at: Option<DateTimeUtc>,
        pub resolution: Option<String>,
        pub by_actor: Option<String>,
        /// `accepted` or `rejected`.
        pub outcome: Option<String>,
        /// What waits for its check, and until when at least.
        pub held_ct: Option<String>,
        pub check_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod minute_entry {
    //! The ledger: append-only, a change is a pair of rows.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "minute_entries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub recorded_at: DateTimeUtc,
        pub session_id: Option<Uuid>,
        pub member_id: Uuid,
        pub venue_id: Uuid,
        pub community: String,
        pub business_day: Date,
        pub minutes: i32,
        pub provenance: String,
        pub cause: String,
        pub rule_version: i32,
        pub mac: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub const SESSION_COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("member_id", Kind::Uuid),
    column("venue_id", Kind::Uuid),
    column("community", Kind::Text),
    column("business_day", Kind::Day),
    column("entered_at", Kind::Instant),
    nullable("left_at", Kind::Instant),
    column("minutes", Kind::Int),
    nullable("provenance", Kind::Text),
    nullable("ended_by", Kind::Text),
    column("void", Kind::Bool),
    column("credited", Kind::Bool),
    column("rule_version", Kind::Int),
    column("presence_expires_at", Kind::Instant),
    column("version", Kind::Big),
];

pub const SESSION_UPSERT: &str = "ON CONFLICT (id) DO UPDATE SET \
     community = excluded.community, business_day = excluded.business_day, \
     entered_at = excluded.entered_at, left_at = excluded.left_at, minutes = excluded.minutes, \
     provenance = excluded.provenance, ended_by = excluded.ended_by, void = excluded.void, \
     credited = excluded.credited, rule_version = excluded.rule_version, \
     presence_expires_at = excluded.presence_expires_at, version = sessions.version + 1";

pub const TIMELINE_COLUMNS: &[Column] = &[
    column("member_id", Kind::Uuid),
    column("version", Kind::Big),
    column("state", Kind::Text),
    nullable("last_at", Kind::Instant),
    nullable("open_session", Kind::Uuid),
    nullable("open_venue", Kind::Uuid),
    nullable("presence_expires_at", Kind::Instant),
    nullable("limit_at", Kind::Instant),
];

pub const TIMELINE_UPSERT: &str = "ON CONFLICT (member_id) DO UPDATE SET \
     version = excluded.version, state = excluded.state, \
     last_at = excluded.last_at, open_session = excluded.open_session, \
     open_venue = excluded.open_venue, presence_expires_at = excluded.presence_expires_at, \
     limit_at = excluded.limit_at WHERE timelines.version = excluded.version - 1";

/// A gate's version, which whoever lets somebody in without locking the gate moves on like this.
pub const GATE_COLUMNS: &[Column] = &[column("venue_id", Kind::Uuid)];

pub const GATE_MOVE: &str =
    "ON CONFLICT (venue_id) DO UPDATE SET version = venue_gates.version + 1";

pub const LEDGER_COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("recorded_at", Kind::Instant),
    nullable("session_id", Kind::Uuid),
    column("member_id", Kind::Uuid),
    column("venue_id", Kind::Uuid),
    column("community", Kind::Text),
    column("business_day", Kind::Day),
    column("minutes", Kind::Int),
    column("provenance", Kind::Text),
    column("cause", Kind::Text),
    column("rule_version", Kind::Int),
    column("mac", Kind::Text),
];

pub const VENUE_DAY_COLUMNS: &[Column] = &[
    column("venue_id", Kind::Uuid),
    column("business_day", Kind::Day),
    column("visits", Kind::Big),
    column("people", Kind::Big),
    column("minutes_measured", Kind::Big),
    column("minutes_self_declared", Kind::Big),
    column("minutes_estimated", Kind::Big),
    column("minutes_corrected", Kind::Big),
    column("digest_0", Kind::Big),
    column("digest_1", Kind::Big),
    column("digest_2", Kind::Big),
    column("digest_3", Kind::Big),
    column("digest_4", Kind::Big),
    column("digest_5", Kind::Big),
    column("digest_6", Kind::Big),
    column("digest_7", Kind::Big),
    column("state", Kind::Text),
    column("version", Kind::Big),
];

/// Differences are added; a final day becomes restated. The digest's eight limbs are sums of
/// 32-bit limbs without carry, so that they too can be added by the database: a limb overflows
/// after 2^31 rows of one venue-day.
pub const VENUE_DAY_ADD: &str = "ON CONFLICT (venue_id, business_day) DO UPDATE SET \
     visits = venue_days.visits + excluded.visits, people = venue_days.people + excluded.people, \
     minutes_measured = venue_days.minutes_measured + excluded.minutes_measured, \
     minutes_self_declared = venue_days.minutes_self_declared + excluded.minutes_self_declared, \
     minutes_estimated = venue_days.minutes_estimated + excluded.minutes_estimated, \
     minutes_corrected = venue_days.minutes_corrected + excluded.minutes_corrected, \
     digest_0 = venue_days.digest_0 + excluded.digest_0, digest_1 = venue_days.digest_1 + excluded.digest_1, \
     digest_2 = venue_days.digest_2 + excluded.digest_2, digest_3 = venue_days.digest_3 + excluded.digest_3, \
     digest_4 = venue_days.digest_4 + excluded.digest_4, digest_5 = venue_days.digest_5 + excluded.digest_5, \
     digest_6 = venue_days.digest_6 + excluded.digest_6, digest_7 = venue_days.digest_7 + excluded.digest_7, \
     state = CASE WHEN venue_days.state = 'provisional' THEN 'provisional' ELSE 'restated' END, \
     final_at = NULL, \
     version = venue_days.version + 1";

pub const VENUE_HOUR_COLUMNS: &[Column] = &[
    column("venue_id", Kind::Uuid),
    column("business_day", Kind::Day),
    column("hour", Kind::Small),
    column("visits", Kind::Big),
    column("minutes", Kind::Big),
    column("version", Kind::Big),
];

pub const VENUE_HOUR_ADD: &str = "ON CONFLICT (venue_id, business_day, hour) DO UPDATE SET \
     visits = venue_day_hours.visits + excluded.visits, \
     minutes = venue_day_hours.minutes + excluded.minutes, version = venue_day_hours.version + 1";

pub const MEMBER_DAY_COLUMNS: &[Column] = &[
    column("member_id", Kind::Uuid),
    column("business_day", Kind::Day),
    column("visits", Kind::Big),
    column("minutes_measured", Kind::Big),
    column("minutes_self_declared", Kind::Big),
    column("minutes_estimated", Kind::Big),
    column("minutes_corrected", Kind::Big),
    column("version", Kind::Big),
];

pub const MEMBER_DAY_ADD: &str = "ON CONFLICT (member_id, business_day) DO UPDATE SET \
     visits = member_days.visits + excluded.visits, \
     minutes_measured = member_days.minutes_measured + excluded.minutes_measured, \
     minutes_self_declared = member_days.minutes_self_declared + excluded.minutes_self_declared, \
     minutes_estimated = member_days.minutes_estimated + excluded.minutes_estimated, \
     minutes_corrected = member_days.minutes_corrected + excluded.minutes_corrected, \
     version = member_days.version + 1";

pub const MONTH_COLUMNS: &[Column] = &[
    column("venue_id", Kind::Uuid),
    column("month", Kind::Day),
    column("member_id", Kind::Uuid),
    column("visits", Kind::Big),
    column("version", Kind::Big),
];

pub const MONTH_ADD: &str = "ON CONFLICT (venue_id, month, member_id) DO UPDATE SET \
     visits = member_venue_months.visits + excluded.visits, version = member_venue_months.version + 1";

pub const CHANGE_COLUMNS: &[Column] = &[
    column("stamp", Kind::Big),
    column("n", Kind::Int),
    column("member_id", Kind::Uuid),
    column("venue_id", Kind::Uuid),
    column("business_day", Kind::Day),
    column("stays", Kind::Bool),
    column("minutes", Kind::Bool),
];
