//! That no sampled answer is forgotten: each is compared by a story of vendors' terminals, which
//! names it, or is listed here with where it is compared instead.

use std::path::{Path, PathBuf};

/// Families of which we say the answers that are among their samples.
const FAMILIES: [&str; 5] = ["zkteco-acc", "zkteco-att", "fcard", "uniubi", "hq-face"];

/// Compared beside the code that writes them, as lines and fields among which others may stand.
const BESIDE_THE_CODE: [&str; 5] = [
    "zkteco-att/11-getrequest.delete.resp.body",
    "zkteco-att/11-getrequest.provision.resp.body",
    "zkteco-att/11-getrequest.unlock.resp.body",
    "fcard/03-downloadpeople.resp.body",
    "uniubi/06-get-task.person-create.resp.body",
];

/// Nothing that we say: an order that we do not give, a face by the address of a picture that the
/// world could see, and the form of another manual.
const NOT_OURS: [&str; 3] = [
    "zkteco-acc/16-getrequest.set-options.resp.body",
    "uniubi/06-get-task.face-createByUrl.resp.body",
    "hq-face/03-verifypush.alt.resp.body",
];

/// The stories of vendors' terminals, but for this file.
fn stories() -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/vendors");
    let mut paths: Vec<PathBuf> = vec![here];
    let mut text = String::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if !path.ends_with("becomes/answers.rs") {
            text.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    text
}

#[test]
fn every_sampled_answer_is_compared_somewhere() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/protocols/fixtures");
    if !folder.is_dir() {
        println!("skipped: the vendors' samples are not here");
        return;
    }
    let stories = stories();
    let (mut named, mut listed, mut forgotten) = (0, 0, Vec::new());
    for family in FAMILIES {
        for entry in std::fs::read_dir(folder.join(family)).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let place = format!("{family}/{file}");
            if !file.ends_with(".resp.body") {
                continue;
            }
            let is_listed = BESIDE_THE_CODE.contains(&&*place) || NOT_OURS.contains(&&*place);
            let is_named = stories.contains(&format!("\"{file}\""));
            match (is_named, is_listed) {
                (true, false) => named += 1,
                (false, true) => listed += 1,
                (true, true) => forgotten.push(format!("{place} is listed and named")),
                (false, false) => forgotten.push(format!("{place} is compared nowhere")),
            }
        }
    }
    assert!(forgotten.is_empty(), "{forgotten:#?}");
    assert_eq!(listed, BESIDE_THE_CODE.len() + NOT_OURS.len());
    println!("{named} sampled answers are compared by stories, {listed} elsewhere or not ours");
}
