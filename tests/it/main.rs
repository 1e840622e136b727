//! The one integration binary: what a client can do, told as stories, and the house's own rules.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod activities;
mod authorisation;
mod bad_inputs;
mod bad_lines;
mod bookings;
mod browsers;
mod canary;
mod circle;
mod client;
mod clocks;
mod companions;
mod contract;
mod desk;
mod doors;
mod exports;
mod faces;
mod fitness;
mod forgetting;
mod groups;
mod honours;
mod impact;
mod keys;
mod ladder;
mod laws;
mod lists;
mod manifests;
mod notices;
mod offices;
mod open_data;
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
mod tickets;
mod tidy;
mod transfer;
mod vendors;
mod viewers;
mod webhooks;
mod wechat;
mod work;
mod work_doors;
