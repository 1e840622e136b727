//! Tickets, what was done about each, and who was told. `_ct` is sealed to table, column and id.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod tickets {
    //! One thing that is wrong at a venue.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, VenueId, ZoneId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tickets")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub venue_id: VenueId,
        pub zone_id: Option<ZoneId>,
        pub community: DivisionCode,
        pub kind: String,
        /// Who reported it; null once they are forgotten.
        pub member_id: Option<Uuid>,
        /// Empty while it waits for its check, or where it was bad.
        pub text_ct: String,
        pub held_ct: Option<String>,
        pub check_at: Option<DateTimeUtc>,
        pub state: String,
        /// Since when it is in this state, and by when it should not be.
        pub since: DateTimeUtc,
        pub due_at: Option<DateTimeUtc>,
        /// When somebody is told next.
        pub next_at: Option<DateTimeUtc>,
        /// How many notices about this state have gone out.
        pub told: i32,
        /// Who has it to do: a person, a firm.
        pub assignee_ct: Option<String>,
        pub reported_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod steps {
    //! What was done about a ticket; only added.
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket_steps")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub ticket_id: Uuid,
        pub act: String,
        /// The state after it.
        pub state: String,
        /// By when the state before should have ended.
        pub due_at: Option<DateTimeUtc>,
        pub note_ct: Option<String>,
        pub by_actor: String,
        pub at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod notices {
    //! Who was told what about a ticket.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::DivisionCode;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket_notices")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub ticket_id: Uuid,
        pub kind: String,
        /// Whom it is for: staff of this division.
        pub division: DivisionCode,
        /// How the ticket stood.
        pub state: String,
        pub at: DateTimeUtc,
        pub seen_at: Option<DateTimeUtc>,
        pub seen_by: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
