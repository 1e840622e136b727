//! The one integration binary: what a client can do, told as stories, and the house's own rules.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod authorisation;
mod bad_inputs;
mod bad_lines;
mod canary;
mod circle;
mod client;
mod clocks;
mod companions;
mod contract;
mod desk;
mod doors;
mod faces;
mod forgetting;
mod keys;
mod ladder;
mod laws;
mod manifests;
mod offices;
mod own_minutes;
mod plans;
mod proofs;
mod records;
mod refusals;
mod reports;
mod resident_refusals;
mod residents;
mod retention;
mod safety;
mod screens;
mod signatures;
mod special_days;
#[cfg(test)]
mod support;
mod takeover;
mod tidy;
mod transfer;
mod vendors;
mod viewers;
mod wechat;
mod work;
