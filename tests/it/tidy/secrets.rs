//! Nothing in the tree opens anything or names anybody: no key of a vendor, no private key, no
//! document number but invented and published ones, no telephone but invented ones.

use super::source::{Source, sources};

/// How keys of vendors begin, and how many letters and digits follow at least.
const KEYS: [(&str, usize); 6] = [
    (concat!("AK", "IA"), 16),
    (concat!("AK", "ID"), 13),
    (concat!("LT", "AI"), 12),
    (concat!("gh", "p_"), 36),
    (concat!("gh", "o_"), 36),
    (concat!("ey", "J"), 60),
];

/// What stands in a file that holds a private key.
const PRIVATE_KEY: &str = concat!("PRIVATE ", "KEY-----");

/// The county that is none: numbers of it are invented.
const NOWHERE: &str = "330499";

/// Numbers that standards and vendors print as examples, or that no person can have.
const PUBLISHED: [&str; 8] = [
    "110101190002290011",
    "110101200002290018",
    "110101209912310015",
    "11010519491231002X",
    "810000199001010019",
    "810000199408230021",
    "830000198506150024",
    "932682198501010017",
];

/// Telephones that stand for none.
const TELEPHONES: [&str; 4] = ["13800138000", "13912345678", "1390000", "1380000"];

#[test]
fn the_tree_holds_no_secret_and_nobody() {
    let found: Vec<String> = sources("").iter().flat_map(wrong).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Where something stands that should not; what it is, is not said.
fn wrong(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (n, line) in (1..).zip(source.text.lines()) {
        let kinds = [
            (line.contains(PRIVATE_KEY), "a private key"),
            (words(line).any(is_key), "a vendor's key"),
            (words(line).any(names_somebody), "a document number"),
            (words(line).any(is_telephone), "a telephone"),
        ];
        let there = kinds.into_iter().filter(|(there, _)| *there);
        found.extend(there.map(|(_, what)| format!("{}:{n}: {what}", source.path)));
    }
    found
}

/// Runs of letters, digits, `_`, `-` and `.`: a part of a longer number is none.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    line.split(move |c: char| !is_part(c))
}

fn is_key(word: &str) -> bool {
    KEYS.iter().any(|(begins, follow)| {
        word.strip_prefix(begins)
            .is_some_and(|rest| rest.len() >= *follow && rest.bytes().any(|b| b.is_ascii_digit()))
    })
}

/// Eighteen digits with the right check character, of a county that is one.
fn names_somebody(word: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let upper = word.to_uppercase();
    if upper.len() != 18 || !upper.bytes().take(17).all(|b| b.is_ascii_digit()) {
        return false;
    }
    let sum: u32 = upper.bytes().zip(WEIGHTS).map(|(b, w)| u32::from(b - b'0') * w).sum();
    let right =
        usize::try_from(sum % 11).is_ok_and(|at| b"10X98765432"[at] == upper.as_bytes()[17]);
    let born = ["19", "20"].contains(&&upper[6..8])
        && ("01".."13").contains(&&upper[10..12])
        && ("01".."32").contains(&&upper[12..14]);
    right && born && !upper.starts_with(NOWHERE) && !PUBLISHED.contains(&upper.as_str())
}

fn is_telephone(word: &str) -> bool {
    let digits = word.len() == 11 && word.bytes().all(|b| b.is_ascii_digit());
    let mobile = ("13".."20").contains(&word.get(..2).unwrap_or_default());
    digits && mobile && !TELEPHONES.iter().any(|known| word.starts_with(known))
}

#[test]
fn what_should_not_stand_there_is_seen() {
    let seen =
        |text: &str| !wrong(&Source { path: "x".to_owned(), text: text.to_owned() }).is_empty();
    // Of eleven check characters one is right.
    let number = |check: char| format!("{}{check}", ["110101199003", "07005"].concat());
    assert_eq!("0123456789X".chars().filter(|check| seen(&number(*check))).count(), 1);
    assert!(seen(&["1391", "2345679"].concat()));
    assert!(seen(&format!("key = {}{}", KEYS[0].0, "0123456789ABCDEF")));
    assert!(seen(&format!("-----BEGIN {PRIVATE_KEY}")));
    for fine in ["330499199001010012", "13800138000", "0.13912345679", "1391234567890"] {
        assert!(!seen(fine), "{fine}");
    }
}
