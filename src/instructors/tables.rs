//! The tables of instructors.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod instructors {
    //! Certified people. Who is active and certified today is counted by an index alone.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, InstructorId, MemberId, StaffId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "instructors")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: InstructorId,
        /// Unique: the resident whom doors know.
        pub member_id: MemberId,
        /// Unique: the account with which they publish slots, if they do so themselves.
        pub staff_id: Option<StaffId>,
        pub home_community: DivisionCode,
        pub status: String,
        pub coach: bool,
        /// The last day on which a certificate is good.
        pub certified_until: Option<Date>,
        pub created_at: DateTimeUtc,
        pub created_by: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod certificates {
    //! What somebody was certified; the number is sealed.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{InstructorId, MemberId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "instructor_certificates")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub instructor_id: InstructorId,
        pub member_id: MemberId,
        pub level: String,
        pub issuer: String,
        pub number_ct: String,
        pub issued_on: Date,
        pub expires_on: Option<Date>,
        pub revoked_at: Option<DateTimeUtc>,
        pub by_actor: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod specialities {
    //! What somebody teaches.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::InstructorId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "instructor_specialities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub instructor_id: InstructorId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub sport: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod services {
    //! What doors proved of each slot: absolute figures, written anew while late events may come.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, InstructorId, MemberId, SlotId, VenueId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "instructor_services")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub slot_id: SlotId,
        pub instructor_id: InstructorId,
        pub member_id: MemberId,
        pub venue_id: VenueId,
        pub community: DivisionCode,
        pub business_day: Date,
        pub minutes: i32,
        pub learners: i32,
        pub settled_at: DateTimeUtc,
        pub version: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
