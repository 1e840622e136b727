//! What doors know an imported member by, and what the member is permitted there: the other
//! platform's cards, faces and permits, dated as it had them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, SqlErr};

use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
    },
    members::{
        NewApproval, NewCredential, rules,
        tables::{credentials, member_approvals},
        words::Status,
    },
};

/// Rows of one statement, within SQLite's and PostgreSQL's bounds on parameters.
const ROWS_AT_ONCE: usize = 1000;

/// Of one member.
#[derive(Default)]
pub struct Doors {
    pub credentials: Vec<NewCredential>,
    pub approvals: Vec<NewApproval>,
}

/// Of all members of a file.
#[derive(Default)]
pub struct Rows {
    credentials: Vec<credentials::Model>,
    /// Kinds and handles of `credentials`.
    handles: HashSet<(&'static str, String)>,
    approvals: Vec<member_approvals::Model>,
}

impl Rows {
    /// Takes what belongs to `member`; what bears no date of its own holds from `since`.
    pub fn take(
        &mut self,
        member: MemberId,
        doors: &Doors,
        since: DateTime<Utc>,
        actor: &str,
    ) -> Result<(), rules::FieldFault> {
        for new in &doors.credentials {
            let valid_from = new.valid_from.unwrap_or(since);
            let fits = rules::is_handle(&new.handle) && is_span(valid_from, new.valid_to);
            fits.then_some(()).ok_or(("credentials", Code::CredentialFormat))?;
            let is_free = self.handles.insert((new.kind.as_str(), new.handle.clone()));
            is_free.then_some(()).ok_or(("credentials", Code::CredentialTaken))?;
            self.credentials.push(credentials::Model {
                kind: new.kind.as_str().to_owned(),
                handle: new.handle.clone(),
                member_id: member,
                status: Status::Active.as_str().to_owned(),
                valid_from,
                valid_to: new.valid_to,
            });
        }
        for new in &doors.approvals {
            let fits = rules::is_approval_kind(&new.kind) && is_span(new.valid_from, new.valid_to);
            fits.then_some(()).ok_or(("approvals", Code::InvalidValue))?;
            self.approvals.push(member_approvals::Model {
                member_id: member,
                kind: new.kind.clone(),
                valid_from: new.valid_from,
                valid_to: new.valid_to,
                by_actor: actor.to_owned(),
            });
        }
        Ok(())
    }

    /// Writes all; refuses (409) a handle that somebody has already.
    pub async fn insert(self, tx: &DatabaseTransaction) -> Result<(), Error> {
        for part in self.credentials.chunks(ROWS_AT_ONCE) {
            let rows = part.iter().cloned().map(credentials::Model::into_active_model);
            credentials::Entity::insert_many(rows).exec_without_returning(tx).await.map_err(
                |error| match error.sql_err() {
                    Some(SqlErr::UniqueConstraintViolation(_)) => {
                        Error::Conflict(Code::CredentialTaken)
                    }
                    _ => error.into(),
                },
            )?;
        }
        for part in self.approvals.chunks(ROWS_AT_ONCE) {
            let rows = part.iter().cloned().map(member_approvals::Model::into_active_model);
            member_approvals::Entity::insert_many(rows).exec_without_returning(tx).await?;
        }
        Ok(())
    }
}

fn is_span(from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> bool {
    to.is_none_or(|to| from < to)
}
