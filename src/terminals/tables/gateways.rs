//! The tables of vendors' terminals: unclaimed ones, links, notices, commands, rosters, receipts;
//! and of every terminal's completeness.

pub mod unclaimed_terminal {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "unclaimed_terminals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub family: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub serial: String,
        pub first_seen_at: DateTimeUtc,
        pub last_seen_at: DateTimeUtc,
        pub records: i32,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_link {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::TerminalId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_links")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        /// Whether it is told who may enter.
        pub keeps_roster: bool,
        /// The roster that it holds whole.
        pub roster_version: Option<String>,
        /// From where it was last heard.
        pub peer_address: Option<String>,
        /// When it last sent what it had kept for a while.
        pub backlog_at: Option<DateTimeUtc>,
        pub path_token_hash: Option<String>,
        pub old_path_token_hash: Option<String>,
        pub old_path_token_until: Option<DateTimeUtc>,
        /// Where it takes commands, and as whom.
        pub address: Option<String>,
        pub user_name: Option<String>,
        pub password_ct: Option<String>,
        /// Until when it is not called, since it refused our login.
        pub locked_until: Option<DateTimeUtc>,
        pub refused_logins: i32,
        /// Whether its events are fetched as a stream.
        pub streams: bool,
        /// Whether masked names go with the numbers, and how they are written: `none`, `utf8`,
        /// `gbk`.
        pub names: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_notice {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::TerminalId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_notices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub terminal_id: TerminalId,
        pub record_key: String,
        pub device_time: Option<DateTimeUtc>,
        pub received_at: DateTimeUtc,
        pub kind: String,
        pub code: String,
        pub detail: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_command {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::TerminalId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_commands")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub terminal_id: TerminalId,
        /// Counts the terminal's commands: what a device that wants a short id is told.
        pub number: i64,
        pub kind: String,
        /// The order as JSON.
        pub parameters: String,
        pub status: String,
        pub created_at: DateTimeUtc,
        pub created_by: String,
        pub expires_at: DateTimeUtc,
        pub sent_at: Option<DateTimeUtc>,
        pub attempts: i32,
        pub finished_at: Option<DateTimeUtc>,
        pub result_code: Option<i64>,
        pub detail: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_roster {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{MemberId, TerminalId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_roster")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub handle: String,
        pub member_id: MemberId,
        /// `sent`, `held`, `renew`, `refused`, `leaving` or `stuck`.
        pub state: String,
        pub result_code: Option<i64>,
        pub changed_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod roster_receipt {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{MemberId, TerminalId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "roster_receipts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: MemberId,
        pub result: String,
        pub at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_ledger {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::TerminalId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_ledgers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        /// How often its counter has begun anew.
        pub epoch: i64,
        /// The number before the first that is followed.
        pub base: i64,
        /// The highest number, counted from `base`.
        pub highest: i64,
        /// See `Progress::gaps_text`.
        pub gaps: String,
        /// The device's time after which all belongs to the newest counter, and of its newest
        /// record.
        pub since: Option<DateTimeUtc>,
        pub newest_at: Option<DateTimeUtc>,
        /// When its newest record happened, by our clock.
        pub last_record_at: Option<DateTimeUtc>,
        pub usual_pause_s: i32,
        /// Whom it lacks and whom it holds beyond the roster, when it last listed them.
        pub roster_missing: Option<i32>,
        pub roster_extra: Option<i32>,
        pub roster_compared_at: Option<DateTimeUtc>,
        /// When a device that fetches its orders was last asked for a list.
        pub roster_asked_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_pin {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{MemberId, TerminalId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_pins")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub pin: i64,
        pub handle: String,
        pub member_id: MemberId,
        pub given_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_listing {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::TerminalId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_listings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: TerminalId,
        /// Of the command that asked.
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub pin: String,
        pub at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
