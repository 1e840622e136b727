//! Staff, their sessions, and the audit chain.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod staff {
    //! Who works here.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, StaffId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "staff")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: StaffId,
        pub name: String,
        pub password_hash: PasswordHash,
        pub totp_ct: String,
        pub role: String,
        pub division: DivisionCode,
        pub status: String,
        /// The newest step of a one-time code that was used; none is taken twice.
        pub totp_last_step: i64,
        /// Failed sign-ins of the window that ends at `locked_until`.
        pub failures: i32,
        pub locked_until: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}

    /// A PHC string, which `Debug` does not show: a row may stray into a log one day.
    #[derive(Clone, PartialEq, Eq, DeriveValueType)]
    pub struct PasswordHash(pub String);

    impl std::fmt::Debug for PasswordHash {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("PasswordHash(***)")
        }
    }
}

pub mod staff_sessions {
    //! Who is signed in.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::StaffId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "staff_sessions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: String,
        pub staff_id: StaffId,
        pub created_at: DateTimeUtc,
        pub last_used_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub revoked_at: Option<DateTimeUtc>,
        /// When both factors were given again within the session.
        pub confirmed_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod staff_enrolments {
    //! One-time codes for accounts whose password and second factor are still to be set.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::StaffId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "staff_enrolments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub staff_id: StaffId,
        pub code_hash: String,
        pub expires_at: DateTimeUtc,
        pub by_actor: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod staff_requests {
    //! What one of the staff asked for and another has to decide.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, MemberId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "staff_requests")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub kind: String,
        pub object: String,
        pub member_id: Option<MemberId>,
        pub division: DivisionCode,
        /// JSON of whoever asks; holds nothing that a log may not.
        pub payload: String,
        pub reason: String,
        pub asked_by: String,
        pub asked_at: DateTimeUtc,
        pub decided_by: Option<String>,
        pub decided_at: Option<DateTimeUtc>,
        pub decision: Option<String>,
        pub valid_until: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod audit {
    //! Who did what.
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub chain: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub n: i64,
        pub at: DateTimeUtc,
        pub actor: String,
        pub act: String,
        pub object: String,
        pub before_digest: Option<String>,
        pub after_digest: Option<String>,
        pub reason: Option<String>,
        pub hash: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
