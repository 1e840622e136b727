//! The ladder of schema versions. A shipped step is never edited; breaking changes go in three
//! steps: expand, migrate, contract. A step that takes away what the version before it reads has a
//! name that ends in `_contract`: older binaries then refuse the database, and run on any other that
//! is ahead of them. Nothing of the application is imported here, so a step means
//! tomorrow what it means today.

use sea_orm_migration::prelude::*;

mod columns;
mod m0001_places;
mod m0002_people;
mod m0003_terminals;
mod m0004_entries;
mod m0005_minutes;
mod m0006_ground;
mod m0010_gateways;
mod m0011_terminal_ledgers;
mod m0012_sealed_raw;
mod m0020_wechat;
mod m0021_verifications;
mod m0022_disputes;
mod m0023_ways_in;
mod m0024_faces;
mod m0025_views;
mod m0026_receipts;
mod m0030_screen_maps;
mod m0040_versions;
mod m0050_staff;
mod m0051_search;
mod m0052_work;
mod m0053_audit;
mod m0055_days;
mod m0056_safety;
mod m0057_calendar;
mod m0060_held_texts;
mod m0061_export_links;
mod m0062_companions;
mod m0063_webhooks;
mod m0064_impact;
mod m0065_lists;
mod m0070_outbox;
mod m0071_instructors;
mod m0072_bookings;
mod m0074_notices;
mod m0075_groups;
mod m0076_activities;
mod m0077_open_data;
mod m0080_fitness;
mod m0081_closures;
mod m0082_tickets;
mod m0083_honours;
mod m0090_terminal_pins;
mod m0095_retention_marks;
mod m0100_group_minutes;
mod m0101_activity_offers;
mod m0115_member_months;
mod m0120_head_counts;
mod m0121_rule_trials;
mod m0122_written_names;
mod m0123_touched;
pub mod partitions;

/// All steps, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_places::Migration),
            Box::new(m0002_people::Migration),
            Box::new(m0003_terminals::Migration),
            Box::new(m0004_entries::Migration),
            Box::new(m0005_minutes::Migration),
            Box::new(m0006_ground::Migration),
            Box::new(m0010_gateways::Migration),
            Box::new(m0011_terminal_ledgers::Migration),
            Box::new(m0012_sealed_raw::Migration),
            Box::new(m0020_wechat::Migration),
            Box::new(m0021_verifications::Migration),
            Box::new(m0022_disputes::Migration),
            Box::new(m0023_ways_in::Migration),
            Box::new(m0024_faces::Migration),
            Box::new(m0025_views::Migration),
            Box::new(m0026_receipts::Migration),
            Box::new(m0030_screen_maps::Migration),
            Box::new(m0040_versions::Migration),
            Box::new(m0050_staff::Migration),
            Box::new(m0051_search::Migration),
            Box::new(m0052_work::Migration),
            Box::new(m0053_audit::Migration),
            Box::new(m0055_days::Migration),
            Box::new(m0056_safety::Migration),
            Box::new(m0057_calendar::Migration),
            Box::new(m0060_held_texts::Migration),
            Box::new(m0061_export_links::Migration),
            Box::new(m0062_companions::Migration),
            Box::new(m0063_webhooks::Migration),
            Box::new(m0064_impact::Migration),
            Box::new(m0065_lists::Migration),
            Box::new(m0070_outbox::Migration),
            Box::new(m0071_instructors::Migration),
            Box::new(m0072_bookings::Migration),
            Box::new(m0074_notices::Migration),
            Box::new(m0075_groups::Migration),
            Box::new(m0076_activities::Migration),
            Box::new(m0077_open_data::Migration),
            Box::new(m0080_fitness::Migration),
            Box::new(m0081_closures::Migration),
            Box::new(m0082_tickets::Migration),
            Box::new(m0083_honours::Migration),
            Box::new(m0090_terminal_pins::Migration),
            Box::new(m0095_retention_marks::Migration),
            Box::new(m0100_group_minutes::Migration),
            Box::new(m0101_activity_offers::Migration),
            Box::new(m0115_member_months::Migration),
            Box::new(m0120_head_counts::Migration),
            Box::new(m0121_rule_trials::Migration),
            Box::new(m0122_written_names::Migration),
            Box::new(m0123_touched::Migration),
        ]
    }
}
