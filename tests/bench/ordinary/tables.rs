//! The tables of the product as an ordinary program maps them: an entity each, with the columns
//! that it reads or writes.

pub mod event_key {
    //! The key of every record.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "event_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub record_id: String,
        pub event_id: Option<Uuid>,
        pub occurred_at: Option<DateTimeUtc>,
        pub body_hash: String,
        pub decision: String,
        pub received_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod entry_event {
    //! What a terminal saw.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "entry_events")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub occurred_at: DateTimeUtc,
        pub venue_id: Uuid,
        pub terminal_id: Uuid,
        pub member_id: Option<Uuid>,
        pub serial: String,
        pub epoch: i64,
        pub seq: i64,
        pub direction: String,
        pub method: String,
        pub credential: Option<String>,
        pub score: Option<f64>,
        pub device_time: DateTimeUtc,
        pub received_at: DateTimeUtc,
        pub offset_s: i32,
        pub clock_flag: Option<String>,
        pub mode: String,
        pub decision: String,
        pub reason: Option<String>,
        pub effect: String,
        pub credited: bool,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod timeline {
    //! Where a member stands; locked while somebody decides about them.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "timelines")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: Uuid,
        pub version: i64,
        pub state: String,
        pub last_at: Option<DateTimeUtc>,
        pub open_session: Option<Uuid>,
        pub open_venue: Option<Uuid>,
        pub presence_expires_at: Option<DateTimeUtc>,
        pub limit_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod session {
    //! A stay.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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

pub mod minute_entry {
    //! A row of the ledger.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
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

pub mod venue_day {
    //! Sums of a venue's day, and the digest of its ledger rows.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_days")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub business_day: Date,
        pub visits: i64,
        pub people: i64,
        pub minutes_measured: i64,
        pub minutes_self_declared: i64,
        pub minutes_estimated: i64,
        pub minutes_corrected: i64,
        pub digest_0: i64,
        pub digest_1: i64,
        pub digest_2: i64,
        pub digest_3: i64,
        pub digest_4: i64,
        pub digest_5: i64,
        pub digest_6: i64,
        pub digest_7: i64,
        pub state: String,
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue_day_hour {
    //! Sums of an hour of a venue's day.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_day_hours")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub business_day: Date,
        #[sea_orm(primary_key, auto_increment = false)]
        pub hour: i16,
        pub visits: i64,
        pub minutes: i64,
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod member_day {
    //! Sums of a member's day.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_days")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub business_day: Date,
        pub visits: i64,
        pub minutes_measured: i64,
        pub minutes_self_declared: i64,
        pub minutes_estimated: i64,
        pub minutes_corrected: i64,
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod member_venue_month {
    //! A member's visits to a venue in a month.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_venue_months")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub month: Date,
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: Uuid,
        pub visits: i64,
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod credential {
    //! What a member is known by at doors.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "credentials")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub handle: String,
        pub member_id: Uuid,
        pub status: String,
        pub valid_from: DateTimeUtc,
        pub valid_to: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod member {
    //! What a decision needs of a member.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "members")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub status: String,
        pub verification: String,
        pub birth_year: Option<i32>,
        pub guardian_id: Option<Uuid>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod consent {
    //! What a member agreed to.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "consents")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub purpose: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub at: DateTimeUtc,
        pub granted: bool,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
