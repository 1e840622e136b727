//! The rows of an imported file, from CSV or NDJSON, valid by their types. A row tells of a person
//! (with a name), of past minutes, or of both.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Asia::Shanghai;
use serde::{
    Deserialize,
    de::{DeserializeOwned, Error as _, IntoDeserializer as _, value::Error as ValueError},
};

use super::{Faults, Format, ROWS_MAX, doors::Doors};
use crate::{
    base::{
        clock::{Given, is_said_of_a_date},
        documents::{Document, DocumentKind, Sex},
        error::{Code, Error},
        ids::{DivisionCode, VenueId},
        text::{PersonName, Phone},
    },
    members::{CredentialKind, NewApproval, NewConsent, NewCredential, Purpose},
};

/// One row.
pub struct Row {
    /// From 1, without the heading and blank lines.
    pub number: usize,
    pub document: Document,
    pub person: Option<Person>,
    pub past: Vec<Past>,
}

/// Somebody to be registered.
pub struct Person {
    pub name: PersonName,
    pub birth_date: Option<NaiveDate>,
    pub sex: Option<Sex>,
    pub phone: Option<Phone>,
    pub home_community: DivisionCode,
    pub registered_at: DateTime<Utc>,
    /// Somebody registered already, or by an earlier row.
    pub guardian: Option<Document>,
    pub consents: Vec<(NewConsent, DateTime<Utc>)>,
    /// Only NDJSON can tell them.
    pub doors: Doors,
}

/// Minutes of one venue and day.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    pub venue: VenueId,
    pub day: NaiveDate,
    pub minutes: i32,
}

/// Reads every row; what cannot be read becomes a fault. A file that is none fails as a whole.
pub fn read(text: &str, format: Format, faults: &mut Faults) -> Result<Vec<Row>, Error> {
    match format {
        Format::Csv => read_csv(text, faults),
        Format::Ndjson => read_ndjson(text, faults),
    }
}

/// Why a row cannot be read: its field, if known, and the code.
type RowFault = (String, Code);

fn collect(
    rows: impl Iterator<Item = Result<Row, RowFault>>,
    faults: &mut Faults,
) -> Result<Vec<Row>, Error> {
    let mut taken = Vec::new();
    for (n, row) in rows.enumerate() {
        if n == ROWS_MAX {
            return Err(Error::invalid("", Code::ImportTooLong));
        }
        match row {
            Ok(row) => taken.push(Row { number: n + 1, ..row }),
            Err((field, code)) => faults.add(n + 1, &field, code),
        }
    }
    Ok(taken)
}

/// The columns of a CSV file; any may be left out, and a blank cell is an absent value. A column
/// named after a purpose holds the day or instant on which the member consented to it.
const COLUMNS: [&str; 21] = [
    "document_type",
    "document_number",
    "document_issued_by",
    "name",
    "birth_date",
    "sex",
    "phone",
    "home_community",
    "registered_at",
    "guardian_document_type",
    "guardian_document_number",
    "guardian_document_issued_by",
    "door_face",
    "off_device_face_transfer",
    "minutes_statistics",
    "bureau_sharing",
    "realname_check",
    // The version of the consents' texts; the current ones if absent.
    "consent_text_version",
    "venue",
    "day",
    "minutes",
];

fn read_csv(text: &str, faults: &mut Faults) -> Result<Vec<Row>, Error> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let columns = reader.headers().map_err(|_| Error::Malformed(Code::ImportFormat))?.clone();
    let known = columns.iter().all(|name| COLUMNS.contains(&name));
    if !known || columns.iter().collect::<HashSet<_>>().len() < columns.len() {
        return Err(Error::invalid("", Code::ImportFormat));
    }
    let rows = reader.records().map(|record| match record {
        Ok(record) => Cells { columns: &columns, record: &record }.row(),
        Err(_) => Err((String::new(), Code::ImportFormat)),
    });
    collect(rows, faults)
}

/// One record under its columns.
struct Cells<'a> {
    columns: &'a csv::StringRecord,
    record: &'a csv::StringRecord,
}

impl Cells<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        let n = self.columns.iter().position(|name| name == column)?;
        self.record.get(n).filter(|cell| !cell.is_empty())
    }

    /// The cell as the type that JSON would read it as.
    fn read<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, RowFault> {
        let Some(text) = self.text(column) else { return Ok(None) };
        let read = T::deserialize(text.into_deserializer());
        read.map(Some).map_err(|error: ValueError| (column.to_owned(), code_of(&error.to_string())))
    }

    fn need<T: DeserializeOwned>(&self, column: &str) -> Result<T, RowFault> {
        self.read(column)?.ok_or_else(|| missing(column))
    }

    fn row(&self) -> Result<Row, RowFault> {
        let document = self.document("")?.ok_or_else(|| missing("document_number"))?;
        let past = self.past()?;
        let person = match self.read("name")? {
            Some(name) => Some(self.person(name)?),
            None if past.is_none() => return Err(missing("name")),
            None => None,
        };
        Ok(Row { number: 0, document, person, past: past.into_iter().collect() })
    }

    /// The document in the columns that begin with `prefix`.
    fn document(&self, prefix: &str) -> Result<Option<Document>, RowFault> {
        let column = format!("{prefix}document_number");
        let Some(number) = self.text(&column) else { return Ok(None) };
        let kind: DocumentKind = self.need(&format!("{prefix}document_type"))?;
        let issued_by = self.text(&format!("{prefix}document_issued_by"));
        Document::new(kind, number, issued_by).map(Some).map_err(|code| (column, code))
    }

    fn person(&self, name: PersonName) -> Result<Person, RowFault> {
        Ok(Person {
            name,
            birth_date: self.read("birth_date")?,
            sex: self.read("sex")?,
            phone: self.read("phone")?,
            home_community: self.need("home_community")?,
            registered_at: self.need::<Moment>("registered_at")?.0,
            guardian: self.document("guardian_")?,
            consents: self.consents()?,
            doors: Doors::default(),
        })
    }

    fn past(&self) -> Result<Option<Past>, RowFault> {
        let columns = ["venue", "day", "minutes"];
        if columns.into_iter().all(|column| self.text(column).is_none()) {
            return Ok(None);
        }
        let minutes = self.text("minutes").ok_or_else(|| missing("minutes"))?;
        let minutes = minutes.parse().map_err(|_| ("minutes".to_owned(), Code::Type))?;
        Ok(Some(Past { venue: self.need("venue")?, day: self.need("day")?, minutes }))
    }

    fn consents(&self) -> Result<Vec<(NewConsent, DateTime<Utc>)>, RowFault> {
        let mut consents = Vec::new();
        for purpose in Purpose::ALL {
            if let Some(Moment(at)) = self.read(purpose.as_str())? {
                let text_version = self.text("consent_text_version").map(str::to_owned);
                let consent = NewConsent { purpose, granted: true, text_version, at: Some(at) };
                consents.push((consent, at));
            }
        }
        Ok(consents)
    }
}

fn missing(field: &str) -> RowFault {
    (field.to_owned(), Code::Required)
}

/// A line of NDJSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    document: Document,
    name: Option<PersonName>,
    birth_date: Option<NaiveDate>,
    sex: Option<Sex>,
    phone: Option<Phone>,
    home_community: Option<DivisionCode>,
    registered_at: Option<Moment>,
    guardian: Option<Document>,
    #[serde(default)]
    consents: Vec<LineConsent>,
    #[serde(default)]
    credentials: Vec<LineCredential>,
    #[serde(default)]
    approvals: Vec<LineApproval>,
    #[serde(default)]
    minutes: Vec<Past>,
}

/// What doors know the member by; from the registration on, if it does not say since when.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineCredential {
    kind: CredentialKind,
    handle: String,
    valid_from: Option<Moment>,
    valid_to: Option<Moment>,
}

/// Something that venues ask for and the member is permitted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineApproval {
    kind: String,
    valid_from: Moment,
    valid_to: Option<Moment>,
}

impl From<LineCredential> for NewCredential {
    fn from(line: LineCredential) -> Self {
        let LineCredential { kind, handle, valid_from, valid_to } = line;
        Self { kind, handle, valid_from: valid_from.map(|m| m.0), valid_to: valid_to.map(|m| m.0) }
    }
}

impl From<LineApproval> for NewApproval {
    fn from(line: LineApproval) -> Self {
        let LineApproval { kind, valid_from, valid_to } = line;
        Self { kind, valid_from: valid_from.0, valid_to: valid_to.map(|m| m.0) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineConsent {
    purpose: Purpose,
    granted: bool,
    at: Moment,
    text_version: Option<String>,
}

fn read_ndjson(text: &str, faults: &mut Faults) -> Result<Vec<Row>, Error> {
    // No JSON text holds either of them raw; old programs end lines with the second alone.
    let lines = text.split(['\n', '\r']).filter(|line| !line.trim().is_empty());
    let rows = lines.map(|line| {
        let line: Line = serde_json::from_str(line).map_err(|error| json_fault(&error))?;
        line.into_row()
    });
    collect(rows, faults)
}

fn json_fault(error: &serde_json::Error) -> RowFault {
    let code = match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            code_of(text.split(" at line ").next().unwrap_or_default())
        }
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => Code::JsonSyntax,
    };
    (String::new(), code)
}

/// The code that a type of ours named, or what kind of fault a reader found.
fn code_of(message: &str) -> Code {
    if is_said_of_a_date(message) {
        return Code::BadTime;
    }
    let kinds = [
        ("unknown field", Code::UnknownField),
        ("missing field", Code::Required),
        ("duplicate field", Code::DuplicateField),
        ("invalid type", Code::Type),
    ];
    let of_kind = || kinds.into_iter().find(|(start, _)| message.starts_with(start));
    Code::from_wire(message)
        .or_else(|| of_kind().map(|(_, code)| code))
        .unwrap_or(Code::InvalidValue)
}

impl Line {
    fn into_row(self) -> Result<Row, RowFault> {
        let consents = self.consents.into_iter().map(|line| {
            let LineConsent { purpose, granted, at: Moment(at), text_version } = line;
            (NewConsent { purpose, granted, text_version, at: Some(at) }, at)
        });
        let person = match self.name {
            Some(name) => Some(Person {
                name,
                birth_date: self.birth_date,
                sex: self.sex,
                phone: self.phone,
                home_community: self.home_community.ok_or_else(|| missing("home_community"))?,
                registered_at: self.registered_at.ok_or_else(|| missing("registered_at"))?.0,
                guardian: self.guardian,
                consents: consents.collect(),
                doors: Doors {
                    credentials: self.credentials.into_iter().map(Into::into).collect(),
                    approvals: self.approvals.into_iter().map(Into::into).collect(),
                },
            }),
            None if self.minutes.is_empty() => return Err(missing("name")),
            None => None,
        };
        Ok(Row { number: 0, document: self.document, person, past: self.minutes })
    }
}

/// A day (its first instant in China) or an instant of RFC 3339, cut to milliseconds.
#[derive(Clone, Copy)]
struct Moment(DateTime<Utc>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        moment_of(&text).map(Self).ok_or_else(|| D::Error::custom(Code::BadTime))
    }
}

fn moment_of(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(day) = text.parse::<NaiveDate>() {
        let start = day.and_time(NaiveTime::MIN).and_local_timezone(Shanghai).earliest()?;
        return Some(start.to_utc());
    }
    Given::parse(text).map(|at| at.0)
}
