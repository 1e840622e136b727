//! Vendors' terminals: claimed by staff, heard in their own protocols, answered in their own forms.

mod becomes;
mod called;
mod claiming;
mod commands;
mod fakes;
mod faults;
mod fetchers;
mod hikvision;
mod holders;
mod others;
mod packed;
mod pulling;
mod returning;
mod simulated;
mod withheld;
mod zkteco_acc;
mod zkteco_att;

use crate::support::{
    TestTown,
    device::{requests, sample},
};

/// The answers that samples name: request, answer.
pub type Pairs = &'static [(&'static str, &'static str)];

/// Every request of a family that has an answer gets it, but for what is variable.
pub async fn answers_as_sampled(town: &TestTown, family: &str, pairs: Pairs) {
    use crate::support::device::{Bytes, fixed};
    for (request, answer) in pairs {
        let (Some(request_bytes), Some(expected)) =
            (sample(family, request), sample(family, answer))
        else {
            return;
        };
        let got = Bytes::read(&request_bytes).answered(town.address()).await;
        let expected = String::from_utf8(expected).unwrap();
        assert_eq!(fixed(&got), fixed(&expected), "{request}");
    }
}

/// No request of a family, cut anywhere, gives an answer of ours that says we failed.
pub async fn survives_cuts(town: &TestTown, family: &str, path: impl Fn(String) -> String) {
    /// Coprime to everything, so that cuts fall into every part of a request.
    const STEP: usize = 61;
    let mut sent = 0;
    for (name, mut request) in requests(family) {
        request.head = path(request.head);
        for cut in (0..request.body.len()).step_by(STEP) {
            let mut cut_off = request.clone();
            cut_off.body.truncate(cut);
            let reply = cut_off.sent(town.address()).await;
            assert!(reply.status < 500, "{name} cut at {cut}: {}", reply.status);
            sent += 1;
        }
    }
    println!("{family}: {sent} cut requests answered");
}
