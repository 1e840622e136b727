//! Addresses that are told, and what waits to be told them.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod webhooks {
    //! Subscriptions.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::DivisionCode;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhooks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub division: DivisionCode,
        pub url: String,
        /// Each with a blank before and after it, so that one is found by `LIKE`.
        pub kinds: String,
        pub status: String,
        pub secret_ct: String,
        pub old_secret_ct: Option<String>,
        pub old_secret_until: Option<DateTimeUtc>,
        pub by_actor: String,
        pub created_at: DateTimeUtc,
        pub failing_since: Option<DateTimeUtc>,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod deliveries {
    //! Messages, one an address.
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "webhook_deliveries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub webhook_id: Uuid,
        /// The same at every address: the `webhook-id` of the message.
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: Uuid,
        pub kind: String,
        pub body: String,
        pub state: String,
        pub attempts: i32,
        pub due_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
        pub outcome: Option<String>,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
