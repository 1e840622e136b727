//! Files taken over whole, and files refused whole with every bad row named.

use std::sync::Mutex;

use sea_orm::{DatabaseConnection, PaginatorTrait as _};

use super::*;
use crate::{
    base::{clock::from_millis, db, documents::number_for_tests},
    members::{Purpose, facts_for},
};

const VENUE: &str = "018f0000-0000-7000-8000-000000000001";
const NOBODY: &str = "018f0000-0000-7000-8000-00000000dead";

/// 2026-11-23T08:00:00Z.
fn now() -> DateTime<Utc> {
    from_millis(1_795_420_800_000)
}

fn id(birth: &str) -> String {
    number_for_tests(birth.parse().unwrap(), 11)
}

/// A ledger that keeps what it is given and knows one venue.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Vec<PastMinutes>>>);

impl Ledger {
    fn hook(&self) -> CarryOver {
        let ledger = self.clone();
        Arc::new(move |_, rows| {
            let ledger = ledger.clone();
            Box::pin(async move {
                ledger.0.lock().unwrap().extend_from_slice(rows);
                let unknown = rows.iter().filter(|past| past.venue.to_string() != VENUE);
                Ok(unknown.map(|past| (past.row, Code::NotFound)).collect())
            })
        })
    }
}

struct Office {
    db: DatabaseConnection,
    keys: Keys,
    ledger: Ledger,
    _folder: tempfile::TempDir,
}

impl Office {
    async fn open() -> Self {
        let (folder, db) = db::fresh_for_tests().await;
        Self { db, keys: Keys::generate(), ledger: Ledger::default(), _folder: folder }
    }

    async fn import(&self, format: Format, text: &str) -> Result<Report, Error> {
        let within = "3304".parse().unwrap();
        let (bytes, charset) = (text.as_bytes(), Charset::Utf8);
        let upload = Upload { bytes, format, charset, within: &within, actor: "staff:1" };
        let tx = db::begin(&self.db).await?;
        let report = import(&tx, &self.keys, &upload, &self.ledger.hook(), now()).await?;
        tx.commit().await?;
        Ok(report)
    }

    async fn faults(&self, format: Format, text: &str) -> Vec<(String, Code)> {
        let refused = self.import(format, text).await.unwrap_err();
        let Error::Invalid(faults) = refused else { panic!("{refused:?}") };
        let members = members::Entity::find().count(&self.db).await.unwrap();
        assert_eq!(members, 0, "a refused file left something");
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }
}

const HEADING: &str = "document_type,document_number,name,phone,home_community,registered_at,\
                       guardian_document_type,guardian_document_number,minutes_statistics,venue,\
                       day,minutes\n";

#[tokio::test]
async fn a_csv_file_brings_people_consents_and_minutes() {
    let office = Office::open().await;
    let (mother, child) = (id("1990-05-01"), id("2016-05-01"));
    let text = format!(
        "\u{feff}{HEADING}\
         resident_id,{mother},张三,１３９００００００００,330499001001,2024-03-01,,,2024-03-02,{VENUE},2024-03-05,60\n\
         resident_id,{mother},,,,,,,,{VENUE},2024-03-06,45\n\
         resident_id,{child},张小,,330499001001,2024-03-01T09:00:00+08:00,resident_id,{mother},,,,\n"
    );
    let report = office.import(Format::Csv, &text).await.unwrap();
    let expected = Report { rows: 3, members: 2, consents: 1, past_days: 2, past_minutes: 105 };
    assert_eq!(report, expected);
    let past = office.ledger.0.lock().unwrap().clone();
    assert_eq!((past[0].member, past[0].minutes, past[1].row), (past[1].member, 60, 2));
    let facts = &facts_for(&office.db, &office.keys, &[past[0].member]).await.unwrap();
    let facts = &facts[&past[0].member];
    let signed: DateTime<Utc> = "2024-03-01T16:00:00Z".parse().unwrap();
    assert!(facts.is_verified() && facts.consents_to(Purpose::MinutesStatistics, signed));
    let later = format!("{HEADING}resident_id,{mother},,,,,,,,{VENUE},2024-03-07,10\r");
    assert_eq!(office.import(Format::Csv, &later).await.unwrap().past_minutes, 10);
}

#[tokio::test]
async fn an_ndjson_file_brings_withdrawals_too() {
    let office = Office::open().await;
    let number = id("1990-05-01");
    let text = format!(
        r#"{{"document":{{"type":"resident_id","number":"{number}"}},"name":"阿依·买买提","home_community":"330499001001","registered_at":"2024-03-01T01:00:00Z","consents":[{{"purpose":"door_face","granted":true,"at":"2024-03-01","text_version":"old"}},{{"purpose":"door_face","granted":false,"at":"2024-04-01"}}],"minutes":[{{"venue":"{VENUE}","day":"2024-03-05","minutes":1440}}]}}

"#
    );
    let report = office.import(Format::Ndjson, &text).await.unwrap();
    let expected = Report { rows: 1, members: 1, consents: 2, past_days: 1, past_minutes: 1440 };
    assert_eq!(report, expected);
}

#[tokio::test]
async fn every_bad_row_is_named_and_none_is_taken() {
    let office = Office::open().await;
    let (adult, child) = (id("1990-05-01"), id("2016-05-01"));
    let row = |rest: &str| format!("resident_id,{rest}\n");
    let text = [
        HEADING.to_owned(),
        row(&format!("{adult},张三,,330499001001,2024-03-01,,,,,,")),
        row("110105194912310021,张三,,330499001001,2024-03-01,,,,,,"),
        row(&format!("{adult},=HYPERLINK(1),,330499001001,2024-03-01,,,,,,")),
        row(&format!("{adult},张三,12,330499001001,2024-03-01,,,,,,")),
        row(&format!("{adult},张三,,330499001001,2024-02-30,,,,,,")),
        row(&format!("{adult},张三,,,2024-03-01,,,,,,")),
        row(&format!("{adult},,,,,,,,{VENUE},2024-03-05,x")),
        row(&format!("{adult},张三")),
        "visa,1,张三,,330499001001,2024-03-01,,,,,,\n".to_owned(),
        row(&format!("{child},,,,,,,,,,")),
    ];
    let expected = [
        ("/2/document_number", Code::IdChecksum),
        ("/3/name", Code::NameCharacters),
        ("/4/phone", Code::PhoneFormat),
        ("/5/registered_at", Code::BadTime),
        ("/6/home_community", Code::Required),
        ("/7/minutes", Code::Type),
        ("/8", Code::ImportFormat),
        ("/9/document_type", Code::InvalidValue),
        ("/10/name", Code::Required),
    ];
    let faults = office.faults(Format::Csv, &text.concat()).await;
    assert_eq!(faults, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[tokio::test]
async fn rules_name_their_rows_as_well() {
    let office = Office::open().await;
    let (adult, child) = (id("1990-05-01"), id("2016-05-01"));
    let row = |rest: &str| format!("resident_id,{rest}\n");
    let text = [
        HEADING.to_owned(),
        row(&format!("{adult},张三,,330499001001,2024-03-01,,,,,,")),
        row(&format!("{adult},张三,,330499001001,2024-03-01,,,,,,")),
        row(&format!("{child},张三,,330499001001,2024-03-01,,,,,,")),
        row(&format!("{},张三,,110101001001,2024-03-01,,,,,,", id("1991-05-01"))),
        row(&format!("{},张三,,330499001001,2030-03-01,,,,,,", id("1992-05-01"))),
        row(&format!("{adult},,,,,,,,{VENUE},2026-11-23,10")),
        row(&format!("{adult},,,,,,,,{VENUE},2026-11-22,0")),
        row(&format!("{},,,,,,,,{VENUE},2026-11-22,10", id("1993-05-01"))),
    ];
    let expected = [
        ("/2/document", Code::IdAlreadyRegistered),
        ("/3/guardian", Code::GuardianRequired),
        ("/4/home_community", Code::Forbidden),
        ("/5/registered_at", Code::BadTime),
        ("/6/minutes", Code::ImportMinutes),
        ("/7/minutes", Code::ImportMinutes),
        ("/8/document", Code::ImportUnknownMember),
    ];
    let faults = office.faults(Format::Csv, &text.concat()).await;
    assert_eq!(faults, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[tokio::test]
async fn what_the_ledger_cannot_take_undoes_the_file() {
    let office = Office::open().await;
    let text = format!(
        "{HEADING}resident_id,{},张三,,330499001001,2024-03-01,,,,{NOBODY},2024-03-05,60\n",
        id("1990-05-01")
    );
    let faults = office.faults(Format::Csv, &text).await;
    assert_eq!(faults, [("/1/minutes".to_owned(), Code::NotFound)]);
}

#[tokio::test]
async fn lines_that_are_no_json_or_no_rows_are_named() {
    let office = Office::open().await;
    let number = id("1990-05-01");
    let document = format!(r#""document":{{"type":"resident_id","number":"{number}"}}"#);
    let lines = [
        "{".to_owned(),
        format!(r#"{{{document},"role":"admin"}}"#),
        format!(r#"{{{document},"name":"<script>"}}"#),
        r#"{"name":"张三"}"#.to_owned(),
        format!(r#"{{{document},"name":"张三","name":"李四"}}"#),
        format!(r#"{{{document},"name":7}}"#),
        format!("{{{document}}}"),
    ];
    let codes = [
        Code::JsonSyntax,
        Code::UnknownField,
        Code::NameCharacters,
        Code::Required,
        Code::DuplicateField,
        Code::Type,
        Code::Required,
    ];
    let faults = office.faults(Format::Ndjson, &lines.join("\n")).await;
    assert_eq!(faults.into_iter().map(|(_, code)| code).collect::<Vec<_>>(), codes);
}

#[tokio::test]
async fn what_is_no_file_of_ours_is_refused() {
    let office = Office::open().await;
    let faults = office.faults(Format::Csv, "name,role\n张三,admin\n").await;
    assert_eq!(faults, [(String::new(), Code::ImportFormat)]);
    assert_eq!(office.import(Format::Csv, HEADING).await.unwrap(), Report::default());
    let within = "3304".parse().unwrap();
    let (bytes, format, charset) = (b"\xc4\xe3\xba\xc3", Format::Csv, Charset::Utf8);
    let upload = Upload { bytes, format, charset, within: &within, actor: "x" };
    let tx = db::begin(&office.db).await.unwrap();
    let refused = import(&tx, &office.keys, &upload, &office.ledger.hook(), now()).await;
    assert!(matches!(refused, Err(Error::Malformed(Code::InvalidUtf8))));
}

#[tokio::test]
async fn rows_may_end_with_a_carriage_return_alone() {
    let office = Office::open().await;
    let (one, other) = (id("1990-05-01"), id("1991-05-01"));
    let csv = format!(
        "{}\rresident_id,{one},张三,,330499001001,2024-03-01,,,,,,\r\
         resident_id,{one},张三,,330499001001,2024-03-01,,,,,,\r",
        HEADING.trim_end()
    );
    let faults = office.faults(Format::Csv, &csv).await;
    assert_eq!(faults, [("/2/document".to_owned(), Code::IdAlreadyRegistered)]);
    let line = |number: &str, face: &str| {
        format!(
            r#"{{"document":{{"type":"resident_id","number":"{number}"}},"name":"张三","home_community":"330499001001","registered_at":"2024-03-01","credentials":[{{"kind":"face","handle":"{face}"}}]}}"#
        )
    };
    let taken = [line(&one, "a"), line(&other, "a")].join("\r");
    let faults = office.faults(Format::Ndjson, &taken).await;
    assert_eq!(faults, [("/2/credentials".to_owned(), Code::CredentialTaken)]);
    let fine = [line(&one, "a"), line(&other, "b")].join("\r");
    assert_eq!(office.import(Format::Ndjson, &fine).await.unwrap().members, 2);
}

/// A cell that a spreadsheet would run is no value of any column that is kept.
#[tokio::test]
async fn formulas_are_refused_in_every_column_by_row_and_field() {
    let office = Office::open().await;
    let heading = "document_type,document_number,document_issued_by,name,birth_date,sex,phone,\
                   home_community,registered_at,guardian_document_type,guardian_document_number,\
                   guardian_document_issued_by,door_face,minutes_statistics,venue,day,minutes";
    let number = id("1990-05-01");
    let fine = [
        "passport",
        "E12345678",
        "CHN",
        "张三",
        "1990-05-01",
        "male",
        "13900000000",
        "330499001001",
        "2024-03-01",
        "passport",
        "E12345679",
        "CHN",
        "2024-03-02",
        "2024-03-02",
        VENUE,
        "2024-03-05",
        "60",
    ];
    let formulas = ["=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(A1)", "\"\t=1\"", "＝1", "=1\0", "'=1"];
    let columns: Vec<&str> = heading.split(',').collect();
    assert_eq!(columns.len(), fine.len());
    let mut rows = String::new();
    let mut expected = Vec::new();
    for n in 0..columns.len() {
        for formula in formulas {
            let mut cells = fine;
            cells[n] = formula;
            rows.push_str(&cells.join(","));
            rows.push('\n');
            // Who issued a document is a part of its number.
            let field = columns[n].replace("issued_by", "number");
            expected.push(format!("/{}/{field}", expected.len() + 1));
        }
    }
    let faults = office.faults(Format::Csv, &format!("{heading}\n{rows}")).await;
    let pointers: Vec<String> = faults.iter().map(|(pointer, _)| pointer.clone()).collect();
    assert_eq!(pointers, expected, "{faults:?}");
    // Nor in a version of a text, nor in the heading.
    let heading = "document_type,document_number,name,home_community,registered_at,door_face,\
                   consent_text_version";
    let start = format!("resident_id,{number},张三,330499001001,2024-03-01,2024-03-01");
    let faults = office.faults(Format::Csv, &format!("{heading}\n{start},=1\n")).await;
    assert_eq!(faults, [("/1/consents".to_owned(), Code::InvalidValue)]);
    for bad in ["name,=1+1", "name,name"] {
        let faults = office.faults(Format::Csv, &format!("{bad}\n张三,x\n")).await;
        assert_eq!(faults, [(String::new(), Code::ImportFormat)]);
    }
}
