//! The house's rules that a compiler does not know: who may use whom, how long things may be, what
//! every file says about itself. A new arrow between domains is a line in `MAY_USE` and a sentence
//! in its commit.

mod secrets;
mod source;

use source::{Source, blank, crate_paths, functions, names, root, sources};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// What the big pictures may show: everything below them.
const BELOW_THE_VIEWS: &str = "staff members venues terminals minutes entries instructors \
    bookings activities groups fitness tickets honours notices wechat webhooks";

/// What stands on members' minutes.
const ON_MINUTES: &str = "staff members venues minutes";

/// Each domain and the domains it may call, always through the other's `mod.rs`. `base` is free
/// for everybody and uses nobody.
const MAY_USE: &[(&str, &str)] = &[
    ("base", ""),
    ("staff", ""),
    ("members", "staff"),
    ("venues", "staff"),
    // Below whoever has something to tell: a message is written in the transaction of the change.
    ("webhooks", "staff"),
    ("terminals", "staff members venues webhooks"),
    ("minutes", "staff members venues terminals webhooks"),
    ("instructors", ON_MINUTES),
    // A coach is an instructor, and doors prove an instructor's service by the slots of theirs.
    ("bookings", "staff members venues minutes instructors"),
    ("activities", ON_MINUTES),
    // A closure is told to whoever was at the venue lately, which the roll-ups of minutes know.
    ("notices", ON_MINUTES),
    ("groups", ON_MINUTES),
    // Testing devices sign as native terminals do.
    ("fitness", "staff members venues minutes terminals"),
    ("tickets", ON_MINUTES),
    // Who serves well is told by the tickets that were fixed in time, by what groups did together and
    // by the service of instructors that doors proved.
    ("honours", "staff members venues minutes tickets groups instructors"),
    ("wechat", ON_MINUTES),
    ("entries", "staff members venues minutes terminals bookings"),
    ("gateways", "entries terminals"),
    ("screen", BELOW_THE_VIEWS),
    ("reports", BELOW_THE_VIEWS),
    ("safety", BELOW_THE_VIEWS),
    ("worklist", BELOW_THE_VIEWS),
    ("open_data", BELOW_THE_VIEWS),
    (
        "privacy",
        "staff members venues terminals minutes entries instructors bookings activities groups \
         fitness tickets honours notices wechat webhooks gateways screen reports worklist open_data",
    ),
    // The demo drives the HTTP API of an app it starts; these are the functions behind the
    // commands `staff add`, `terminals add`, `screens add`, and the issue of member tokens. What a
    // community has beside its doors is long past in the demo: routes take only what is now, so it
    // goes through the functions behind them.
    (
        "demo",
        "app staff members venues terminals screen instructors bookings groups activities fitness \
         tickets notices",
    ),
];

/// The frame may reach every domain; nobody but the demo may reach the frame.
const FRAME: [&str; 6] = ["app", "bench", "commands", "jobs", "lib", "main"];

#[test]
fn every_domain_uses_only_whom_it_may() {
    let wrong: Vec<String> = sources("src")
        .iter()
        .filter(|source| source.is_rust() && !FRAME.contains(&domain(source)))
        .flat_map(|source| wrong_arrows(domain(source), &source.path, &source.code()))
        .collect();
    assert_none(&wrong);
}

/// The folder or file directly under `src` that a source belongs to.
fn domain(source: &Source) -> &str {
    let inside = source.path.trim_start_matches("src/");
    inside.split('/').next().map_or("", |first| first.trim_end_matches(".rs"))
}

fn wrong_arrows(from: &str, path: &str, code: &str) -> Vec<String> {
    let Some((_, may_use)) = MAY_USE.iter().find(|(domain, _)| *domain == from) else {
        return vec![format!("{path}: {from} has no line in MAY_USE")];
    };
    let mut wrong = Vec::new();
    for names in crate_paths(code) {
        let Some(to) = names.first().map(String::as_str) else { continue };
        if to == from || to == "base" {
            continue;
        }
        if !may_use.split(' ').any(|allowed| allowed == to) {
            wrong.push(format!("{path}: {from} may not use {to}"));
        } else if names.get(1).is_some_and(|room| is_room(room)) {
            wrong.push(format!("{path}: {to} is used only through its mod.rs, not {}", names[1]));
        }
    }
    wrong
}

/// The rooms that every domain keeps to itself; a story of its own, such as `staff::audit`, is
/// what `mod.rs` makes public.
fn is_room(name: &str) -> bool {
    ["rules", "tables", "routes", "caller"].contains(&name)
}

#[test]
fn every_room_keeps_to_its_kind_of_work() {
    let mut wrong = Vec::new();
    for source in sources("src").iter().filter(|source| source.is_rust()) {
        let foreign: &[&str] = match source.path.rsplit('/').next() {
            _ if ["base", "commands", "demo"].contains(&domain(source)) => &[],
            Some("rules.rs") => &["async fn", ".await", "sea_orm", "axum", "Clock"],
            Some("mod.rs" | "tables.rs") => &["axum"],
            Some("routes.rs") => &["EntityTrait", "QueryFilter", "ActiveModel"],
            _ => &[],
        };
        let code = source.code();
        for word in foreign.iter().filter(|word| names(&code, word)) {
            wrong.push(format!("{}: {word} belongs in another room", source.path));
        }
    }
    assert_none(&wrong);
}

#[test]
fn files_and_functions_are_short() {
    let mut wrong = Vec::new();
    for source in rust() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path));
        }
        for (name, lines) in functions(&source.code()) {
            if lines > FUNCTION_LINES_MAX {
                wrong.push(format!("{}: fn {name} has {lines} lines", source.path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let silent = rust().into_iter().filter(|source| {
        let first = source.text.lines().next().unwrap_or_default();
        !first.starts_with("//! ") || first.len() < "//! ".len() + 20
    });
    assert_none(&silent.map(|source| source.path).collect::<Vec<_>>());
}

#[test]
fn what_runs_in_browsers_is_short_too_and_says_what_it_is() {
    let endings = [".ts", ".tsx", ".mjs", ".css"];
    let mut wrong = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")) {
        if !endings.iter().any(|ending| source.path.ends_with(ending)) {
            continue;
        }
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", source.path));
        }
        if !["// ", "/* "].iter().any(|opening| source.text.starts_with(opening)) {
            wrong.push(format!("{}: does not say what it is", source.path));
        }
    }
    assert_none(&wrong);
}

#[test]
fn no_test_sleeps_or_is_ignored() {
    let mut wrong = Vec::new();
    for source in rust() {
        let code = source.code();
        let tests = match code.find("mod tests {") {
            _ if source.path.contains("tests/") || source.path.ends_with("tests.rs") => {
                code.as_str()
            }
            Some(at) => &code[at..],
            None => continue,
        };
        // The load generator and its like are no tests; they wait for servers.
        if source.path.starts_with("tests/") && !source.path.starts_with("tests/it/") {
            continue;
        }
        for word in ["sleep(", "sleep_until(", "#[ignore"] {
            if tests.contains(word) {
                wrong.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn lints_are_excused_by_expect_with_a_reason_and_nothing_is_left_to_do() {
    let mut wrong = Vec::new();
    for source in rust() {
        let code = source.code();
        for word in ["#[allow(", "#![allow("].into_iter().filter(|word| code.contains(*word)) {
            wrong.push(format!("{}: {word}", source.path));
        }
        for word in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")] {
            if source.text.contains(word) {
                wrong.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn nothing_names_the_place_where_it_was_written() {
    let places = [concat!("/wo", "rk/"), concat!(".lib", "rary/"), concat!("/tmp/", "plan")];
    let mut wrong = Vec::new();
    for source in sources("") {
        for place in places.iter().filter(|place| source.text.contains(**place)) {
            wrong.push(format!("{}: {place}", source.path));
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_readme_maps_every_folder() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README");
    let folders = std::fs::read_dir(root().join("src")).expect("there is a src");
    let missing: Vec<String> = folders
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| format!("{}/", entry.file_name().to_string_lossy()))
        .filter(|folder| !readme.contains(folder.as_str()))
        .collect();
    assert_none(&missing);
}

#[test]
fn every_file_of_rust_is_part_of_the_tree() {
    let all = rust();
    let orphans = all.iter().filter(|source| {
        let parts: Vec<&str> = source.path.trim_end_matches(".rs").split('/').collect();
        let name = match parts.as_slice() {
            [.., folder, "mod"] => folder,
            [.., name] => name,
            [] => return true,
        };
        let roots = ["lib", "main", "load", "hello", "tuned", "decision", "build", "target"];
        let declared = [format!("mod {name};"), format!("mod {name} {{")];
        !roots.contains(name)
            && !all.iter().any(|other| declared.iter().any(|line| other.text.contains(line)))
    });
    assert_none(&orphans.map(|source| source.path.clone()).collect::<Vec<_>>());
}

/// Every Rust file of the repository.
fn rust() -> Vec<Source> {
    let mut all = sources("src");
    all.extend(sources("migrations"));
    all.extend(sources("tests"));
    all.retain(Source::is_rust);
    assert!(all.len() > 10, "the checks must see the repository");
    all
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_scanner_spells_out_imports() {
    let code = "use crate::{a::{b, c as d}, e};\n fn f() { crate::g::h::<u8>(); mycrate::no(); }";
    let paths: Vec<String> = crate_paths(code).iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["a::b", "a::c", "e", "g::h"]);
}

#[test]
fn the_scanner_measures_functions_and_skips_literals() {
    let code = blank(
        "fn a<'x>(s: &'x str) -> char {\n let t = \"{ fn no() {\";\n // fn no() {\n '{'\n}\n\
         trait T { fn none(&self); }\n fn b() { r#\"} \"{\"#; }",
    );
    assert_eq!(functions(&code), [("a".to_owned(), 5), ("b".to_owned(), 1)]);
}

#[test]
fn a_wrong_arrow_is_seen() {
    let wrong = wrong_arrows("base", "src/base/x.rs", "use crate::entries::record;");
    assert_eq!(wrong, ["src/base/x.rs: base may not use entries"]);
    let room = wrong_arrows("entries", "src/entries/x.rs", "use crate::venues::rules::Rules;");
    assert_eq!(room, ["src/entries/x.rs: venues is used only through its mod.rs, not rules"]);
    let fine =
        wrong_arrows("entries", "src/entries/x.rs", "use crate::{base::ids, venues::Venue};");
    assert!(fine.is_empty());
}
