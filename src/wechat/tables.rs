//! Pushes that came, and the outbox.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod pushes {
    //! Names of pushes that were acted on.
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "wechat_pushes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub received_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod messages {
    //! Messages that wait, were sent, or will never be.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{MemberId, MessageId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "wechat_messages")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: MessageId,
        /// Unique: what is said once is not said again.
        pub name: String,
        pub member_id: MemberId,
        /// The stay that it is about.
        pub session_id: Option<Uuid>,
        pub template_id: String,
        pub page: String,
        /// The template's fields as JSON.
        pub fields_ct: String,
        pub state: String,
        pub attempts: i32,
        pub due_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
        /// Why it will never be sent, in WeChat's terms.
        pub refusal: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
