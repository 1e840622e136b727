//! The whole page of bad inputs: every row of it is sent by some table beside this file, or told as
//! a story of its own whose name stands here and in the sources.

use std::{collections::BTreeSet, fs, path::Path};

use super::{commands, entries, people, process, senders, sent_as_they_are};

/// Rows that only time, several requests, another process or a broken line show, and the stories
/// that show each.
const STORIES: [(u16, &str); 32] = [
    (16, "bad_lines::slow_peers_are_dropped"),
    (17, "bad_lines::slow_peers_are_dropped"),
    (18, "bad_lines::slow_peers_are_dropped"),
    // Ten thousand connections are `tests/chaos/crowd`; here the same code, told two.
    (19, "stories::connections_over_the_limit_are_refused_at_once_and_the_others_served"),
    (20, "bad_lines::a_body_that_ends_early_writes_nothing"),
    (21, "bad_lines::who_goes_away_in_the_middle_and_comes_back_has_one_effect"),
    (24, "bad_lines::many_requests_at_once_are_answered_in_order"),
    (25, "stories::a_forwarded_address_is_believed_only_from_a_trusted_proxy"),
    (68, "own_minutes::minutes_are_shown_by_day_and_month_and_add_up"),
    (71, "tests::formulas_are_refused_in_every_column_by_row_and_field"),
    (89, "residents::who_lost_their_account_comes_back_by_their_face"),
    (90, "residents::of_fifty_who_register_one_number_one_does"),
    (94, "residents::who_asks_to_be_forgotten_is_a_new_person_when_they_come_back"),
    (
        102,
        "laws::law_9_neither_order_nor_batches_nor_repetitions_change_what_comes_of_the_same_records",
    ),
    (105, "claiming::what_an_unknown_terminal_sent_is_recorded_when_it_is_claimed"),
    (107, "claiming::a_terminal_heard_from_another_venues_network_raises_an_alarm"),
    (108, "signatures::a_device_with_a_lost_clock_is_told_the_time"),
    (110, "work::an_unknown_face_is_given_its_person_and_the_minutes_shown_before"),
    (118, "laws::law_23_it_does_not_matter_which_server_took_a_record"),
    (120, "doors::of_eighty_at_the_doors_exactly_fifty_find_room"),
    (120, "doors::whoever_comes_in_without_the_gate_takes_room_all_the_same"),
    (121, "crowd::of_two_hundred_at_once_on_two_servers_nobody_shares_a_seat"),
    (123, "idempotency::many_at_once_have_one_effect"),
    (124, "authorisation::what_belongs_to_another_community_does_not_exist"),
    (124, "authorisation::what_belongs_to_another_resident_does_not_exist"),
    (124, "screens::a_token_opens_its_own_division_and_what_lies_in_it"),
    (125, "offices::a_code_is_taken_once"),
    (125, "offices::the_sixth_wrong_guess_waits_a_quarter_of_an_hour"),
    (127, "desk::nobody_approves_their_own_correction"),
    (129, "webhooks::what_happens_is_told_signed_and_again_until_it_is_taken"),
    (129, "outward::a_name_that_leads_inside_is_not_called"),
    (130, "canary::nothing_personal_is_found_where_it_does_not_belong"),
];

/// The page's rows, also where the page itself is not at hand.
const ROWS: std::ops::RangeInclusive<u16> = 1..=130;

#[test]
fn every_row_is_sent_or_told_as_a_story() {
    let tables: [&[u16]; 6] = [
        &people::SENT,
        &entries::SENT,
        &senders::SENT,
        &commands::SENT,
        &process::SENT,
        &sent_as_they_are(),
    ];
    let sent: BTreeSet<u16> = tables.into_iter().flatten().copied().collect();
    let told: BTreeSet<u16> = STORIES.iter().map(|(row, _)| *row).collect();
    let shown: Vec<u16> = sent.union(&told).copied().collect();
    assert_eq!(shown, ROWS.collect::<Vec<_>>());
}

#[test]
fn every_story_that_is_named_is_there() {
    let mut sources = Vec::new();
    for folder in ["src", "tests/it"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut sources);
    }
    for (row, story) in STORIES {
        let (place, name) = story.split_once("::").unwrap();
        let is_there = |(path, text): &(String, String)| {
            path.split(['/', '.']).any(|part| part == place)
                && text.contains(&format!("fn {name}("))
        };
        assert!(sources.iter().any(is_there), "row {row}: {story}");
    }
}

fn collect(folder: &Path, sources: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            sources.push((path.to_string_lossy().into_owned(), text));
        }
    }
}

/// The numbers in the page's tables.
fn numbers(page: &str) -> Vec<u16> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    cells.filter_map(|(number, _)| number.parse().ok()).collect()
}

#[test]
fn the_page_has_no_row_that_is_not_known_here() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/quality/bad-inputs.md");
    let Ok(page) = fs::read_to_string(&path) else {
        println!("skipped: the page of bad inputs is not at hand");
        return;
    };
    assert_eq!(numbers(&page), ROWS.collect::<Vec<_>>());
}

#[test]
fn rows_of_a_page_are_told_from_its_words() {
    let page = "# A\n| # | Input |\n|---|---|\n| 1 | a | b |\n| 23 | c |\ntext 4 | d |\n";
    assert_eq!(numbers(page), [1, 23]);
}

/// Rows of which the tables of this folder say that they are sent have a line that sends them.
#[test]
fn what_is_said_to_be_sent_is_sent() {
    for (name, sent, text) in [
        ("people", &people::SENT[..], include_str!("people.rs")),
        ("entries", &entries::SENT[..], include_str!("entries.rs")),
        ("senders", &senders::SENT[..], include_str!("senders.rs")),
        ("commands", &commands::SENT[..], include_str!("commands.rs")),
        ("process", &process::SENT[..], include_str!("process.rs")),
    ] {
        let (_, behind) = text.split_once("pub const SENT").unwrap();
        let (_, below) = behind.split_once("];").unwrap();
        for row in sent {
            let is_word = |word: &str| word.parse() == Ok(*row);
            let is_there = below.split(|c: char| !c.is_ascii_alphanumeric()).any(is_word);
            assert!(is_there, "{name}: row {row}");
        }
    }
}
