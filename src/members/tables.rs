//! Members, what they show at doors, what they agreed to, and what they were permitted.

#![expect(
    clippy::disallowed_methods,
    reason = "the entity macro writes a begin() of its own, which nothing here calls"
)]

pub mod members {
    //! Registered people. `_ct` is sealed to table, column and id; `_ix` is a blind index.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, MemberId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "members")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: MemberId,
        pub status: String,
        pub home_community: DivisionCode,
        pub name_ct: String,
        pub name_masked: String,
        /// As it was written, where the name is kept with other dots.
        pub written_ct: Option<String>,
        pub document_type: String,
        pub document_ct: String,
        /// Unique: one person registers once.
        pub document_ix: String,
        pub phone_ct: Option<String>,
        pub phone_ix: Option<String>,
        pub sex: Option<String>,
        /// `YYYY-MM-DD`.
        pub birth_ct: Option<String>,
        pub birth_year: Option<i32>,
        pub verification: String,
        pub guardian_id: Option<MemberId>,
        pub registered_at: DateTimeUtc,
        pub erased_at: Option<DateTimeUtc>,
        /// Grows with every change of the member, consents and approvals included.
        pub version: i64,
    }

    /// All columns of a row of `members m`, by name: what a star means is told to a driver when it
    /// prepares, and is another thing once a step of the ladder has added a column.
    pub const COLUMNS: &str = "m.id, m.status, m.home_community, m.name_ct, m.name_masked, \
         m.written_ct, m.document_type, m.document_ct, m.document_ix, m.phone_ct, m.phone_ix, \
         m.sex, m.birth_ct, m.birth_year, m.verification, m.guardian_id, m.registered_at, \
         m.erased_at, m.version";

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod credentials {
    //! What a terminal or a desk recognises somebody by.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "credentials")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub handle: String,
        pub member_id: MemberId,
        pub status: String,
        pub valid_from: DateTimeUtc,
        pub valid_to: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod faces {
    //! Enrolment photos by their handles; sealed with a key that opens nothing else.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "faces")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub handle: String,
        pub member_id: MemberId,
        pub photo_ct: String,
        pub width: i32,
        pub height: i32,
        pub taken_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod consents {
    //! Grants and withdrawals; append-only, the newest of a purpose holds.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "consents")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: MemberId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub purpose: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub at: DateTimeUtc,
        pub text_version: String,
        pub text_hash: String,
        pub granted: bool,
        pub channel: String,
        pub by_actor: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod member_approvals {
    //! Permits that venues ask for: the school ground's, an induction.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_approvals")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: MemberId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub valid_from: DateTimeUtc,
        pub valid_to: Option<DateTimeUtc>,
        pub by_actor: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod member_tokens {
    //! Bearer tokens of residents, by their hashes.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: String,
        pub member_id: MemberId,
        pub created_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub revoked_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod wechat_accounts {
    //! Who somebody is for the mini-program, and which member that is once registered.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{AccountId, MemberId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "wechat_accounts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: AccountId,
        pub openid_ct: String,
        /// Unique, as is the member.
        pub openid_ix: String,
        pub member_id: Option<MemberId>,
        pub created_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod account_tokens {
    //! Bearer tokens of people who signed in through WeChat, by their hashes.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::AccountId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "account_tokens")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token_hash: String,
        pub account_id: AccountId,
        pub created_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub revoked_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod verifications {
    //! Checks of who somebody is: of a member, or of whoever wants back to being one.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{AccountId, MemberId, VerificationId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "verifications")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: VerificationId,
        /// Whose it is; none while somebody recovers an account.
        pub member_id: Option<MemberId>,
        /// Who asks through which account.
        pub account_id: Option<AccountId>,
        pub method: String,
        /// What was to be proved, as an index.
        pub document_ix: String,
        /// WeChat's name of it.
        pub verify_id: Option<String>,
        pub outcome: String,
        pub created_at: DateTimeUtc,
        pub expires_at: DateTimeUtc,
        pub ended_at: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod recovery_codes {
    //! One-time codes of the desk for people who lost their account; one a member.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "recovery_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: MemberId,
        pub code_hash: String,
        pub expires_at: DateTimeUtc,
        pub by_actor: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod companions {
    //! Who may bring a child beside its guardian, as long as who named them is its guardian.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "companions")]
    pub struct Model {
        /// The child.
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: MemberId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub companion_id: MemberId,
        pub named_by: MemberId,
        pub since: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod companion_codes {
    //! One-time codes of guardians for whoever is to bring a child; one a child.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "companion_codes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: MemberId,
        pub code_hash: String,
        pub named_by: MemberId,
        pub expires_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod member_settings {
    //! What a member chose, beside consents.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_settings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub member_id: MemberId,
        /// Whether others see them, masked, in rankings.
        pub in_ranks: bool,
        pub updated_at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod member_views {
    //! Which of the staff looked at whom; append-only, for the person to read.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, MemberId};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "member_views")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub member_id: MemberId,
        pub viewer: String,
        pub role: String,
        pub division: DivisionCode,
        pub act: String,
        pub at: DateTimeUtc,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod view_requests {
    //! Requests of staff to see a child, and who else gave leave.
    use sea_orm::entity::prelude::*;

    use crate::base::ids::MemberId;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "view_requests")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub member_id: MemberId,
        pub asked_by: String,
        pub reason: String,
        pub asked_at: DateTimeUtc,
        pub approved_by: Option<String>,
        pub approved_at: Option<DateTimeUtc>,
        pub valid_until: Option<DateTimeUtc>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

#[cfg(test)]
mod tests {
    use sea_orm::{IdenStatic as _, Iterable as _};

    use super::members;

    #[test]
    fn every_column_of_a_member_is_named() {
        let all: Vec<_> =
            members::Column::iter().map(|one| format!("m.{}", one.as_str())).collect();
        assert_eq!(members::COLUMNS, all.join(", "));
    }
}
