//! The native terminals' request signature: HMAC-SHA-256 over the lines of the request, and the
//! headers that carry it.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{town::Door, wire::Target};

/// A whole signed POST, ready to be sent. `nonce` may be empty for posts of events.
pub fn post(target: &Target, door: &Door, body: &str, unix_seconds: i64, nonce: &str) -> Vec<u8> {
    let digest = hex::encode(Sha256::digest(body));
    let signed = format!(
        "v1\nPOST\n{}\n{digest}\n{}\n{}\n{unix_seconds}\n{nonce}",
        target.path, door.terminal, door.key_id
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&door.key).expect("HMAC takes keys of any length");
    mac.update(signed.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let mut request = String::with_capacity(512 + body.len());
    write!(
        request,
        "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Fitgate-Terminal: {}\r\nFitgate-Key: {}\r\nFitgate-Timestamp: {unix_seconds}\r\n\
         Fitgate-Nonce: {nonce}\r\nFitgate-Signature: v1={signature}\r\n\r\n{body}",
        target.path,
        target.host,
        body.len(),
        door.terminal,
        door.key_id,
    )
    .expect("a string can be written to");
    request.into_bytes()
}
