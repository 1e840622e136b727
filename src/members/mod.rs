//! Residents: registering, what they consented to, what doors know them by.

mod accounts;
mod agreements;
mod caller;
mod codes;
mod companions;
mod contacts;
mod desk;
mod erasure;
mod faces;
mod facts;
mod import;
mod join;
mod own;
mod photo;
mod profile;
mod recovery;
mod registration;
mod registry;
pub mod roster;
mod routes;
mod rules;
mod search;
mod tables;
mod unmask;
mod verification;
mod views;
mod wards;
mod words;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _, IntoActiveModel as _,
};

pub use accounts::{
    SignedIn, forget_account, member_of, member_with_token, openid_of, sign_in, sign_out,
    sweep_tokens,
};
pub use agreements::{Agreement, Standing as AgreementStanding, agree, agreements, texts};
pub use caller::{Resident, Visitor};
pub use codes::{CODE_LIFE, DoorCode, door_code, read_code};
pub use companions::{
    Beside, accompanied, accompany, companions, invite_companion, part, showing_for,
};
pub use contacts::{Contact, contacts};
pub use desk::{
    DeskCode, NewApproval, NewCredential, add_credential, approve, lend_code, record_consent,
    reinstate, set_guardian, suspend, verify_at_desk,
};
pub use erasure::{erase, forget_phone, sweep_credentials};
pub use faces::{
    Face, FaceAt, FaceDoor, FaceDoors, FaceHandle, face, face_handles, face_photo, faces_alarm,
    forget_face, keep_face, persons_with_faces, photo_for_door,
};
pub use facts::facts_for;
pub use import::{CarryOver, Charset, Format, PastMinutes, Report, Upload, import};
pub use join::join;
pub use own::{Change, Own, change, own, register_self};
pub use photo::{Photo, read as read_photo};
pub use profile::{ConsentState, Profile};
pub use recovery::{
    Claim, ask_recovery, begin_recovery, issue_recovery_code, record_recovered, record_recovery,
    recover_with_code, recovering,
};
pub use registration::{Channel, NewConsent, NewMember, note_duplicate, register};
pub use registry::{ask_about_photo, ask_registry, record_registry, require_face_check};
pub use roster::masked_name_of_face;
pub use routes::{resident_routes, routes};
pub use rules::{Approval, ConsentRecord, Facts, local_day};
pub use search::{Found, Wanted, search};
pub use unmask::{Unmasked, What, ask_unmasking, reveal};
pub use verification::{
    Check, Method as ProofMethod, Outcome as CheckOutcome, ask_wechat, begin_face, record_begun,
    record_outcome, running, subject,
};
pub use views::{
    View, ViewRequest, ask_leave, give_leave, look_after, look_at, note_shown, open_requests,
    views_of,
};
pub use wards::{acting_for, home_of, refusal_for_guardian, register_ward, wards};
pub use words::{CredentialKind, Purpose, Status, Verification};

use self::tables::{member_tokens, members};
use crate::{
    base::{
        documents::Document,
        error::Error,
        ids::MemberId,
        keys::{Keys, new_token, token_hash},
    },
    staff::audit,
};

/// The audit chain of everything that is done to members.
const CHAIN: &str = "members";
/// How long a resident's token lives unless it is revoked.
pub const TOKEN_LIFE: TimeDelta = TimeDelta::days(30);

/// Makes a bearer token for a resident and answers it; only its hash is stored.
pub async fn issue_token(
    conn: &impl ConnectionTrait,
    member_id: MemberId,
    now: DateTime<Utc>,
) -> Result<String, DbErr> {
    let token = new_token();
    let row = member_tokens::Model {
        token_hash: token_hash(&token),
        member_id,
        created_at: now,
        expires_at: now + TOKEN_LIFE,
        revoked_at: None,
    };
    member_tokens::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(token)
}

/// Enters into the audit chain what was done to a member, and why.
async fn note_because(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    id: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let object = format!("member:{id}");
    let reason = Some(reason);
    let deed = audit::Deed { actor, act, object: &object, before: None, after: None, reason };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    id: MemberId,
    after: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let object = format!("member:{id}");
    let deed = audit::Deed { actor, act, object: &object, before: None, after, reason: None };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}

fn document_index(keys: &Keys, document: &Document) -> String {
    keys.blind_index("members.document", &document.identity())
}

fn status_of(row: &members::Model) -> Result<Status, Error> {
    let status = Status::from_text(&row.status);
    Ok(status.ok_or_else(|| anyhow::anyhow!("member {} has an unknown status", row.id))?)
}

fn birth_of(keys: &Keys, row: &members::Model) -> Result<Option<NaiveDate>, Error> {
    let Some(sealed) = &row.birth_ct else { return Ok(None) };
    let text = open_text(keys, row.id, "birth_ct", sealed)?;
    text.parse().map(Some).map_err(Error::internal)
}

fn open_text(keys: &Keys, id: MemberId, column: &str, sealed: &str) -> Result<String, Error> {
    open_named(keys, "members", &id.to_string(), column, sealed)
}

fn open_named(
    keys: &Keys,
    table: &str,
    id: &str,
    column: &str,
    sealed: &str,
) -> Result<String, Error> {
    let bytes = keys.open(table, column, id, sealed)?;
    // The cause would quote the bytes.
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{column} of {id} is no text").into())
}

#[cfg(test)]
mod tests;
