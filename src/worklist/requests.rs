//! Deciding what somebody else of the staff has asked for, and doing what needs doing at once.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use crate::{
    base::{error::Error, keys::Keys},
    minutes,
    staff::{
        StaffCaller,
        requests::{self, Matter},
    },
    webhooks,
};

/// Decides a request. An approved correction is entered in the same transaction, and an
/// approved address told from then on; what was asked to be seen waits for whoever asked to come back for it. Gives what a correction did.
pub async fn decide(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: Uuid,
    approves: bool,
    now: DateTime<Utc>,
) -> Result<Option<minutes::Effect>, Error> {
    let request = requests::decide(tx, by, id, approves, now).await?;
    match request.matter {
        Matter::Correction if approves => {
            Ok(Some(minutes::correct_as_decided(tx, keys, by, &request, now).await?))
        }
        Matter::Webhook => {
            webhooks::decided(tx, by, &request, approves, now).await?;
            Ok(None)
        }
        Matter::Correction | Matter::Unmask | Matter::Export => Ok(None),
    }
}
