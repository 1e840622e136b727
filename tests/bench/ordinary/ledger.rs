//! The ledger's rows with their MACs, and what each adds to its venue-day's digest.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, IntoActiveModel};
use sha2::Sha256;
use uuid::Uuid;

use crate::tables::{minute_entry, session};

/// Keys of nobody: what they protect here is thrown away.
const ROW_KEY: [u8; 32] = [1; 32];
const DIGEST_KEY: [u8; 32] = [2; 32];

/// Writes the row of a stay that ended; gives its summands of the digest.
pub async fn enter<C: ConnectionTrait>(
    tx: &C,
    stay: &session::Model,
    now: DateTime<Utc>,
) -> Result<[i64; 8], DbErr> {
    let mut row = minute_entry::Model {
        id: Uuid::now_v7(),
        recorded_at: now,
        session_id: Some(stay.id),
        member_id: stay.member_id,
        venue_id: stay.venue_id,
        community: stay.community.clone(),
        business_day: stay.business_day,
        minutes: stay.minutes,
        provenance: stay.provenance.clone().unwrap_or_default(),
        cause: "fold".to_owned(),
        rule_version: stay.rule_version,
        mac: String::new(),
    };
    let fields = format!(
        "{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
        row.id,
        row.recorded_at.timestamp_millis(),
        stay.id,
        row.member_id,
        row.venue_id,
        row.community,
        row.business_day,
        row.minutes,
        row.provenance,
        row.cause,
        row.rule_version,
    );
    let mac = keyed(&ROW_KEY, fields.as_bytes());
    row.mac = hex::encode(mac);
    row.into_active_model().insert(tx).await?;
    let mut limbs = [0; 8];
    for (limb, part) in limbs.iter_mut().zip(keyed(&DIGEST_KEY, &mac).as_chunks::<4>().0) {
        *limb = i64::from(u32::from_le_bytes(*part));
    }
    Ok(limbs)
}

fn keyed(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
