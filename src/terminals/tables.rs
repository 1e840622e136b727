//! The tables of terminals.

pub mod gateways;

pub mod terminal {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::TerminalId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TerminalId,
        pub serial: String,
        pub family: String,
        pub time_zone: String,
        pub status: String,
        pub clock_offset_ms: i64,
        pub clock_offset_seen_ms: Option<i64>,
        pub last_seen_at: Option<DateTimeUtc>,
        pub epoch: i64,
        pub acked_seq: i64,
        pub highest_seq: i64,
        /// See `Progress::gaps_text`.
        pub gaps: String,
        pub watermark_at: Option<DateTimeUtc>,
        pub lost_at: Option<DateTimeUtc>,
        pub queue_length: Option<i32>,
        pub faces: Option<i32>,
        pub firmware: Option<String>,
        pub created_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_place {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{TerminalId, VenueId, ZoneId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_places")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub valid_from: DateTimeUtc,
        pub venue_id: VenueId,
        pub zone_id: Option<ZoneId>,
        pub direction: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_key {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{TerminalId, TerminalKeyId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: TerminalKeyId,
        pub terminal_id: TerminalId,
        pub secret_ct: String,
        pub created_at: DateTimeUtc,
        /// When it was first used.
        pub activated_at: Option<DateTimeUtc>,
        pub expires_at: Option<DateTimeUtc>,
        pub revoked_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_nonce {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::TerminalId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_nonces")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub nonce: String,
        pub expires_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
