//! A batch of records: split, then read one by one, so that a bad record spoils no other. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::{self, Mode, Origin, Reading};
use crate::base::error::{Code, Error};

/// Records of one request.
const ITEMS_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Reads a batch, items in its order.
///
/// # Errors
/// `Malformed` if it is no JSON; `Invalid` for another form, none or too many items.
pub fn read(body: &[u8], origin: &Origin) -> Result<Vec<Reading>, Error> {
    with_text(body, |text| {
        let items = split(text)?;
        Ok(items.into_iter().map(|item| record::read(item.get(), Mode::Told, origin)).collect())
    })
}

/// Reads the one record of a live decision.
///
/// # Errors
/// `Malformed` if it is no JSON.
pub fn read_one(body: &[u8], origin: &Origin) -> Result<Reading, Error> {
    with_text(body, |text| {
        let item: &RawValue = serde_json::from_str(text).map_err(|e| refusal(&e, ""))?;
        Ok(record::read(item.get(), Mode::Live, origin))
    })
}

/// Reads a body as it is; if its syntax is broken, once more with its bare words made texts.
fn with_text<T>(body: &[u8], read: impl Fn(&str) -> Result<T, Error>) -> Result<T, Error> {
    let text = str::from_utf8(body).map_err(|_| Error::Malformed(Code::InvalidUtf8))?;
    match read(text) {
        Err(Error::Malformed(code)) => match quote_bare_words(text) {
            Some(tamed) => read(&tamed),
            None => Err(Error::Malformed(code)),
        },
        other => other,
    }
}

fn split(text: &str) -> Result<Vec<&RawValue>, Error> {
    let batch: Batch = serde_json::from_str(text).map_err(|e| refusal(&e, "/events"))?;
    match batch.events.len() {
        0 => Err(Error::invalid("/events", Code::NoItems)),
        1..=ITEMS_MAX => Ok(batch.events),
        _ => Err(Error::invalid("/events", Code::TooManyItems)),
    }
}

fn refusal(error: &serde_json::Error, pointer: &str) -> Error {
    if error.is_data() {
        Error::invalid(pointer, Code::BadTerminalBody)
    } else {
        Error::Malformed(Code::JsonSyntax)
    }
}

/// Many JSON writers print a number that is none as a bare `NaN` or `Infinity`, which is no JSON:
/// one such score would make a whole batch unreadable for ever. As a text it only spoils its own
/// record. `None` if there is no such word.
fn quote_bare_words(text: &str) -> Option<String> {
    const WORDS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    let mut tamed = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        tamed.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = if rest.starts_with('"') {
            string_length(rest)?
        } else if let Some(word) = WORDS.into_iter().find(|word| rest.starts_with(word)) {
            found = true;
            tamed.push('"');
            tamed.push_str(word);
            tamed.push('"');
            rest = &rest[word.len()..];
            continue;
        } else {
            1
        };
        tamed.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    tamed.push_str(rest);
    found.then_some(tamed)
}

/// Bytes of the JSON string that `text` begins with, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let closing = text.bytes().enumerate().skip(1).find(|(_, byte)| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    closing.map(|(at, _)| at + 1)
}
