//! The tables of bookings. Quarters that are taken have no entity: they are written and counted as
//! sets, in `seats`.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod courts {
    //! Zones that can be booked, whole or by parts.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, VenueId, ZoneId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "courts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub zone_id: ZoneId,
        pub venue_id: VenueId,
        pub community: DivisionCode,
        pub sport: String,
        pub parts: i16,
        pub created_at: DateTimeUtc,
        pub created_by: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod slots {
    //! Hours of a coach or a court. The row is the lock of its seats and of who waits.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, SlotId, VenueId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "slots")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SlotId,
        pub kind: String,
        /// An instructor's or a zone's.
        pub resource_id: Uuid,
        /// 0 is the whole, 1 … the part of a court.
        pub part: i16,
        /// Parts that there are.
        pub parts: i16,
        pub venue_id: VenueId,
        pub community: DivisionCode,
        pub sport: Option<String>,
        pub starts_at: DateTimeUtc,
        pub ends_at: DateTimeUtc,
        pub first_quarter: i64,
        /// The first quarter that is not taken any more.
        pub end_quarter: i64,
        pub capacity: i32,
        /// Shown; nothing here moves money.
        pub price_cents: Option<i32>,
        pub series_id: Option<Uuid>,
        pub status: String,
        pub reason: Option<String>,
        /// When what doors saw of it is looked at next.
        pub settle_at: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
        pub created_by: String,
        pub version: i64,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod bookings {
    //! Who has which seat of a slot; a seat that was given back has no number.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{BookingId, MemberId, SlotId, VenueId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "bookings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: BookingId,
        pub slot_id: SlotId,
        pub member_id: MemberId,
        pub resource_id: Uuid,
        pub venue_id: VenueId,
        pub kind: String,
        /// Unique with the slot.
        pub seat: Option<i32>,
        pub state: String,
        pub starts_at: DateTimeUtc,
        pub ends_at: DateTimeUtc,
        pub held_until: Option<DateTimeUtc>,
        pub made_at: DateTimeUtc,
        pub made_by: String,
        pub ended_at: Option<DateTimeUtc>,
        /// 1 to 5 stars.
        pub rating: Option<i16>,
        pub rated_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod waiters {
    //! Who waits for a seat, in the order of their ids.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{BookingId, MemberId, SlotId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "slot_waiters")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub slot_id: SlotId,
        pub member_id: MemberId,
        /// `waiting`, `offered`, `taken`, `expired`, `left`, `closed`.
        pub state: String,
        pub joined_at: DateTimeUtc,
        /// The held booking that was offered.
        pub booking_id: Option<BookingId>,
        pub offered_at: Option<DateTimeUtc>,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
