//! The tables of places and devices as an ordinary program maps them.

pub mod venue {
    //! A place with doors.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "venues")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub community: String,
        pub status: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue_rules {
    //! What holds there.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_rules")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub valid_from: Date,
        pub usual_stay_min: i32,
        pub longest_stay_min: i32,
        pub guardian_under: Option<i32>,
        pub capacity: Option<i32>,
        pub time_zone: String,
        pub day_starts_at: i32,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue_gate {
    //! Locked while somebody counts who is inside.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_gates")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: Uuid,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal {
    //! A device and how far its records have come.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub serial: String,
        pub status: String,
        pub epoch: i64,
        pub acked_seq: i64,
        pub highest_seq: i64,
        pub last_seen_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal_place {
    //! Where a device stands.
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal_places")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub terminal_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub valid_from: DateTimeUtc,
        pub venue_id: Uuid,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
