//! A report's file read again, in whichever of its forms, for verifying. Values come back as
//! texts: what a digest covers is what is written.

use std::{collections::HashMap, io::Cursor};

use calamine::{Data, Reader as _, Xlsx};
use serde::Deserialize;

use super::{
    csv::{MARK, unsafe_again},
    table::{Cell, Head, Report, Row},
    xlsx,
};

/// The file is no report in any form that this program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file is no report in JSON, CSV or XLSX as fitgate writes them")]
pub struct Unreadable;

/// The report in a file, with the digest and seal that the file claims.
pub fn read(bytes: &[u8]) -> Result<Report, Unreadable> {
    if bytes.starts_with(b"PK") {
        return spreadsheet(bytes);
    }
    if let Some(rest) = bytes.strip_prefix(MARK) {
        return lines(rest);
    }
    if bytes.trim_ascii_start().starts_with(b"{") { json(bytes) } else { lines(bytes) }
}

/// Puts a report together from the head's texts and the rows.
fn whole(head: &HashMap<String, String>, rows: Vec<Row>) -> Result<Report, Unreadable> {
    let text = |name: &str| head.get(name).map(String::as_str);
    let parsed = Head::of_fields(text).ok_or(Unreadable)?;
    let columns = parsed.ask.kind.columns().len();
    if rows.iter().any(|row| row.len() != columns) {
        return Err(Unreadable);
    }
    let of = |name| text(name).map(str::to_owned).ok_or(Unreadable);
    Ok(Report { head: parsed, rows, digest: of("digest")?, seal: of("seal")? })
}

/// Lines of a CSV file that are head.
const HEAD_LINES: usize = 12;

fn lines(bytes: &[u8]) -> Result<Report, Unreadable> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let (mut head, mut rows) = (HashMap::new(), Vec::new());
    for (n, record) in reader.records().enumerate() {
        let record = record.map_err(|_| Unreadable)?;
        match n {
            0..HEAD_LINES => {
                let (name, value) = (record.get(0).ok_or(Unreadable)?, record.get(1));
                let value = unsafe_again(value.ok_or(Unreadable)?);
                head.insert(name.to_owned(), value.to_owned());
            }
            // The columns' titles.
            HEAD_LINES => {}
            _ => rows.push(record.iter().map(|field| Cell::from(unsafe_again(field))).collect()),
        }
    }
    whole(&head, rows)
}

fn spreadsheet(bytes: &[u8]) -> Result<Report, Unreadable> {
    let mut book: Xlsx<_> =
        calamine::open_workbook_from_rs(Cursor::new(bytes)).map_err(|_| Unreadable)?;
    let names = book.sheet_names();
    let figures = names.first().cloned().ok_or(Unreadable)?;
    let mut head = HashMap::new();
    for row in book.worksheet_range(xlsx::HEAD).map_err(|_| Unreadable)?.rows() {
        let [name, rest @ ..] = row else { continue };
        head.insert(text(name), rest.first().map(text).unwrap_or_default());
    }
    let columns = Head::of_fields(|name| head.get(name).map(String::as_str));
    let columns = columns.ok_or(Unreadable)?.ask.kind.columns().len();
    let range = book.worksheet_range(&figures).map_err(|_| Unreadable)?;
    let mut rows = Vec::new();
    for row in range.rows().skip(1) {
        let mut cells: Row = row.iter().map(|cell| Cell::Text(text(cell))).collect();
        cells.resize(columns.max(cells.len()), Cell::Nothing);
        rows.push(cells);
    }
    whole(&head, rows)
}

fn text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A report as the API gives it.
#[derive(Deserialize)]
struct Document {
    #[serde(flatten)]
    head: HashMap<String, serde_json::Value>,
    rows: Vec<Vec<serde_json::Value>>,
}

fn json(bytes: &[u8]) -> Result<Report, Unreadable> {
    use serde_json::Value;
    let document: Document = serde_json::from_slice(bytes).map_err(|_| Unreadable)?;
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(all) => {
            let texts: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            texts.join(" ")
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => String::new(),
    };
    let head = document.head.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    let row = |row: &Vec<Value>| row.iter().map(|cell| Cell::Text(plain(cell))).collect();
    whole(&head, document.rows.iter().map(row).collect())
}
