//! A report as a table, its head, and the digest over what it says. The digest is of the figures
//! and their scope alone; the seal, which only this deployment can make, is of the head as well.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::kinds::{By, Kind};
use crate::base::{ids::DivisionCode, keys::Keys};

/// What a column is called by programs and by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub zh: &'static str,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = ReportCell)]
pub enum Cell {
    Whole(i64),
    Text(String),
    /// Not known, or hidden because too few people stand behind it.
    Nothing,
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::Nothing, Self::Whole)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<NaiveDate> for Cell {
    fn from(day: NaiveDate) -> Self {
        Self::Text(day.to_string())
    }
}

pub type Row = Vec<Cell>;

/// Whether what a report rests on can still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ReportState)]
pub enum State {
    /// Some day is not final yet.
    Provisional,
    Final,
    /// Every day is final, and some were changed after they first were.
    Restated,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
            Self::Restated => "restated",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Provisional, Self::Final, Self::Restated]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub kind: Kind,
    pub division: DivisionCode,
    /// Business days, both included.
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub by: By,
}

/// What stands above the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub ask: Ask,
    /// The version of the kind's definition.
    pub definition: u32,
    pub as_of: DateTime<Utc>,
    pub state: State,
    /// Everything that terminals recorded up to here is in the figures; none while some terminal
    /// has never said anything.
    pub watermark: Option<DateTime<Utc>>,
    /// Serials of terminals that are marked lost, whose records are not waited for.
    pub lost: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub head: Head,
    pub rows: Vec<Row>,
    /// SHA-256 in hex; see [`digest`].
    pub digest: String,
    /// A keyed MAC in hex over head and digest.
    pub seal: String,
}

impl Report {
    pub fn new(head: Head, rows: Vec<Row>, keys: &Keys) -> Self {
        let digest = digest(&head, &rows);
        let seal = seal(keys, &head, &digest);
        Self { head, rows, digest, seal }
    }
}

/// SHA-256 over `fitgate-report|definition|kind|division|from|to|by`, the columns' names and each
/// row, cells joined by `|`, each line ending in `\n`. In texts `\`, `|` and line breaks are
/// written `\\`, `\p`, `\n` and `\r`; a value that is not known or hidden is empty.
pub fn digest(head: &Head, rows: &[Row]) -> String {
    let Ask { kind, division, from, to, by } = &head.ask;
    let mut hash = Sha256::new();
    let (name, by) = (kind.as_str(), by.as_str());
    hash.update(format!("fitgate-report|{}|{name}|{division}|{from}|{to}|{by}\n", head.definition));
    let columns: Vec<&str> = kind.columns().iter().map(|column| column.name).collect();
    hash.update(columns.join("|"));
    hash.update("\n");
    let mut line = String::new();
    for row in rows {
        line.clear();
        for (n, cell) in row.iter().enumerate() {
            if n > 0 {
                line.push('|');
            }
            write_cell(&mut line, cell);
        }
        line.push('\n');
        hash.update(&line);
    }
    hex::encode(hash.finalize())
}

fn write_cell(line: &mut String, cell: &Cell) {
    match cell {
        Cell::Nothing => {}
        Cell::Whole(number) => write!(line, "{number}").expect("a text takes every number"),
        Cell::Text(text) => {
            for letter in text.chars() {
                match letter {
                    '\\' => line.push_str("\\\\"),
                    '|' => line.push_str("\\p"),
                    '\n' => line.push_str("\\n"),
                    '\r' => line.push_str("\\r"),
                    other => line.push(other),
                }
            }
        }
    }
}

/// Who lacks the keys cannot change a head, either.
pub fn seal(keys: &Keys, head: &Head, digest: &str) -> String {
    let fields = head.fields();
    let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text = format!("report\n{}\n{digest}", lines.join("\n"));
    hex::encode(keys.ledger_mac(text.as_bytes()))
}

/// How instants are written in heads.
pub fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Head {
    /// The head as names and texts, as files carry it.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let Ask { kind, division, from, to, by } = &self.ask;
        vec![
            ("report", kind.as_str().to_owned()),
            ("definition", self.definition.to_string()),
            ("division", division.to_string()),
            ("from", from.to_string()),
            ("to", to.to_string()),
            ("by", by.as_str().to_owned()),
            ("as_of", instant(self.as_of)),
            ("state", self.state.as_str().to_owned()),
            ("watermark", self.watermark.map(instant).unwrap_or_default()),
            ("lost_terminals", self.lost.join(" ")),
        ]
    }

    /// The head that [`Head::fields`] tells.
    pub fn of_fields<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let kind = Kind::parse(field("report")?)?;
        let watermark = field("watermark").unwrap_or_default();
        let lost = field("lost_terminals").unwrap_or_default();
        Some(Self {
            ask: Ask {
                kind,
                division: field("division")?.parse().ok()?,
                from: field("from")?.parse().ok()?,
                to: field("to")?.parse().ok()?,
                by: By::parse(field("by")?)?,
            },
            definition: field("definition")?.parse().ok()?,
            as_of: field("as_of")?.parse().ok()?,
            state: State::parse(field("state")?)?,
            watermark: match watermark {
                "" => None,
                text => Some(text.parse().ok()?),
            },
            lost: lost.split_whitespace().map(str::to_owned).collect(),
        })
    }
}
