//! Every reader of what vendors' devices send, by name, for those who throw bytes at them: the
//! mutations in the tests here, and the fuzz targets in `tests/fuzz`. A reader must come back,
//! soon, whatever it is given; what it makes of it is of no interest here.

use super::{
    dahua, digest, fcard, hikvision, hq,
    stream::Splitter,
    text::Pairs,
    uniubi,
    zkteco::{acc, att, orders, results},
};
use crate::terminals::commands::Order;

/// One reader.
pub struct Parser {
    pub name: &'static str,
    /// The folder of samples that it begins with.
    pub samples: &'static str,
    pub read: fn(&[u8]),
}

/// All of them; a target of `tests/fuzz` bears each name.
pub const ALL: [Parser; 14] = [
    Parser { name: "zkteco_acc", samples: "zkteco-acc", read: zkteco_acc },
    Parser { name: "zkteco_att", samples: "zkteco-att", read: zkteco_att },
    Parser { name: "zkteco_results", samples: "zkteco-att", read: zkteco_results },
    Parser { name: "hikvision", samples: "hikvision", read: hikvision },
    Parser { name: "hikvision_answers", samples: "hikvision", read: hikvision_answers },
    Parser { name: "streams", samples: "hikvision", read: streams },
    Parser { name: "digest", samples: "hikvision", read: digest },
    Parser { name: "fcard", samples: "fcard", read: fcard },
    Parser { name: "dahua", samples: "dahua", read: dahua },
    Parser { name: "dahua_answers", samples: "dahua", read: dahua_answers },
    Parser { name: "uniubi", samples: "uniubi", read: uniubi },
    Parser { name: "uniubi_answers", samples: "uniubi", read: uniubi_answers },
    Parser { name: "hq", samples: "hq-face", read: hq },
    Parser { name: "hq_answers", samples: "hq-face", read: hq_answers },
];

/// Reads bytes with the parser of a name; whoever names another one has made a mistake.
///
/// # Panics
/// When there is no such parser.
pub fn read(name: &str, bytes: &[u8]) {
    let parser = ALL.iter().find(|parser| parser.name == name);
    (parser.expect("the name of a parser").read)(bytes);
}

fn zkteco_acc(bytes: &[u8]) {
    acc::events(bytes);
    for name in ["transaction", "errorlog", "user"] {
        acc::table(name, bytes);
    }
    acc::clock(bytes);
    acc::pins(bytes);
    acc::errors_of_commands(bytes);
    acc::firmware(bytes);
    acc::is_access(bytes);
    acc::question(bytes).map(|(_, record)| acc::door_of(&record));
}

fn zkteco_att(bytes: &[u8]) {
    for name in ["ATTLOG", "OPERLOG", "ERRORLOG", "BIODATA", "x"] {
        for fact in att::table(name, bytes).0 {
            serde_json::to_string(&fact).expect("texts and numbers are always JSON");
        }
    }
    att::has_pictures(bytes);
    att::info(&String::from_utf8_lossy(bytes));
}

fn zkteco_results(bytes: &[u8]) {
    let query = Pairs::of_query(&String::from_utf8_lossy(bytes));
    for result in results::results(&query, bytes) {
        orders::number_of(&result.id);
    }
}

fn hikvision(bytes: &[u8]) {
    hikvision::routes::events("multipart/form-data; boundary=MIME_boundary", bytes);
    hikvision::event::listed(bytes);
}

fn hikvision_answers(bytes: &[u8]) {
    hikvision::people::listed(bytes);
    hikvision::people::removed(bytes);
    hikvision::people::refusal(bytes);
}

/// In pieces, as a network brings them, of either boundary.
fn streams(bytes: &[u8]) {
    for boundary in ["MIME_boundary", "myboundary"] {
        let mut splitter = Splitter::new("", boundary);
        for piece in bytes.chunks(1_000) {
            for body in splitter.push(piece).unwrap_or_default() {
                hikvision::event::read(&body);
                dahua::event::streamed(&body);
            }
        }
    }
}

fn digest(bytes: &[u8]) {
    let login = digest::Login { user: "a", password: "b" };
    if let Some(challenge) = digest::Challenge::read(&String::from_utf8_lossy(bytes)) {
        challenge.answer(login, "GET", "/", "c");
    }
}

fn fcard(bytes: &[u8]) {
    fcard::record::read("multipart/form-data; boundary=b", bytes);
    fcard::record::read("", bytes);
    fcard::record::serial(bytes);
    fcard::record::limit(bytes);
    fcard::record::system(bytes);
    fcard::people::stored(bytes);
    fcard::people::deleted(bytes);
    fcard::people::pushed("multipart/form-data; boundary=b", bytes);
}

fn dahua(bytes: &[u8]) {
    dahua::event::read("", bytes);
    dahua::event::streamed(bytes);
}

fn dahua_answers(bytes: &[u8]) {
    dahua::event::listed(bytes);
    dahua::people::found(bytes, "7");
    dahua::people::listed(bytes);
    dahua::people::refusal(true, bytes);
}

fn uniubi(bytes: &[u8]) {
    uniubi::tasks::reported(bytes);
    uniubi::callback::read(&Pairs::of_query(&String::from_utf8_lossy(bytes)), bytes);
}

fn uniubi_answers(bytes: &[u8]) {
    uniubi::calls::listed(bytes);
    uniubi::calls::refusal(bytes, &Order::HoldPerson { handle: "a".to_owned() });
    uniubi::calls::is_shut(bytes);
    uniubi::calls::is_there(bytes);
    uniubi::calls::wants_other_method(bytes);
    uniubi::callback::listed(bytes);
}

fn hq(bytes: &[u8]) {
    hq::push::read(bytes);
}

fn hq_answers(bytes: &[u8]) {
    hq::calls::listed(bytes);
    hq::calls::refusal(bytes);
    hq::calls::not_removed(bytes);
}
