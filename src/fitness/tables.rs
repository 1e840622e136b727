//! Standards, tests and plans. `_ct` is sealed to table, column and id: what somebody's body can do
//! is health data.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod standards {
    //! A standard's two files as they were loaded; never changed, but marked as compared.
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fitness_standards")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
        pub version: i32,
        /// CSV.
        pub bands: String,
        pub weights: String,
        /// SHA-256 over both, in hex.
        pub digest: String,
        pub loaded_at: DateTimeUtc,
        pub loaded_by: String,
        /// When somebody had compared every band with the official text, and with which one.
        pub compared_at: Option<DateTimeUtc>,
        pub compared_by: Option<String>,
        pub compared_with: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod tests {
    //! One test of one person.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, MemberId, TerminalId, VenueId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fitness_tests")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub member_id: MemberId,
        /// The community where it was made.
        pub division: DivisionCode,
        pub venue_id: Option<VenueId>,
        pub standard_id: Uuid,
        pub tested_at: DateTimeUtc,
        pub tested_on: Date,
        /// A sealed `rules::Outcome` in JSON.
        pub result_ct: String,
        /// Of a device that sent it: which, and under which name of its own.
        pub terminal_id: Option<TerminalId>,
        pub record_key: Option<String>,
        pub by_actor: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod plans {
    //! What an instructor advised after a test.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "fitness_plans")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub member_id: MemberId,
        pub test_id: Uuid,
        /// Sealed JSON: the text, and minutes a week.
        pub plan_ct: String,
        pub starts_on: Date,
        pub ends_on: Date,
        pub by_actor: String,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
