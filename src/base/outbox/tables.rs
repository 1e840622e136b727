//! Messages that wait, were sent, or will never be.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod messages {
    //! A row a message.
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
        pub kind: String,
        /// Of messages written before kinds had templates; else empty.
        pub template_id: String,
        pub page: String,
        /// The template's fields as JSON.
        pub fields_ct: String,
        pub state: String,
        pub attempts: i32,
        pub due_at: DateTimeUtc,
        pub valid_until: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
        /// Why it will never be sent, in WeChat's terms.
        pub refusal: Option<String>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
