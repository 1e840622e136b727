//! The national standard's own examples, every refusal, and the fixture of identity numbers.

use proptest::prelude::*;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn number(kind: DocumentKind, text: &str) -> Result<String, Code> {
    Document::new(kind, text, None).map(|document| document.number())
}

fn resident(text: &str) -> Result<String, Code> {
    number(DocumentKind::ResidentId, text)
}

#[test]
fn a_resident_number_tells_birth_and_sex() {
    let id = IdNumber::try_from(number_for_tests(day("1990-02-28"), 12).as_str()).unwrap();
    assert_eq!(id.birth_date(), day("1990-02-28"));
    assert_eq!(id.sex(), Sex::Female);
    let document = Document::new(DocumentKind::ResidentId, "11010519491231002x", None).unwrap();
    assert_eq!(document.number(), "11010519491231002X");
    assert_eq!(document.birth_date(), Some(day("1949-12-31")));
    assert_eq!(document.sex(), Some(Sex::Female));
    assert_eq!(document.masked(), "1101**********002X");
    assert_eq!(document.identity(), "resident_id:11010519491231002X");
}

#[test]
fn wide_digits_and_blanks_around_are_taken() {
    assert_eq!(
        resident(" １１０１０５１９４９１２３１００２ｘ　").as_deref(),
        Ok("11010519491231002X")
    );
}

#[test]
fn each_fault_has_its_own_code() {
    assert_eq!(resident("110105194912310021"), Err(Code::IdChecksum));
    assert_eq!(resident("110105491231002"), Err(Code::IdOldFormat));
    assert_eq!(resident("110101190002290011"), Err(Code::IdBirthDate));
    assert_eq!(resident("110101200002290018").map(|_| ()), Ok(()));
    assert_eq!(resident("810000199408230021"), Err(Code::IdRegion));
    for text in ["", "1", "1101051949123100", "abc", "11010519491231002Y", "X", "１"] {
        assert_eq!(resident(text), Err(Code::IdFormat), "{text}");
    }
    assert_eq!(resident(&"1".repeat(10_000)), Err(Code::IdFormat));
    assert_eq!(resident("一二三四五六"), Err(Code::IdFormat));
}

#[test]
fn other_papers_are_taken_as_their_kind() {
    let permit = DocumentKind::ResidencePermit;
    assert!(number(permit, "810000199001010019").is_ok());
    assert!(number(permit, "830000198506150024").is_ok());
    assert_eq!(number(permit, "11010519491231002X"), Err(Code::IdRegion));
    let foreigner = DocumentKind::ForeignPermanentResident;
    assert!(number(foreigner, "932682198501010017").is_ok());
    assert!(number(foreigner, "kaz110090123105").is_ok());
    assert_eq!(number(foreigner, "KAZ110090133105"), Err(Code::IdBirthDate));
    assert_eq!(number(foreigner, "KA"), Err(Code::IdFormat));
    let pass = DocumentKind::HkMoPass;
    assert_eq!(number(pass, "H1234567800"), number(pass, "h12345678"), "one person, two issues");
    assert_eq!(number(pass, "A12345678"), Err(Code::IdFormat));
    assert!(number(DocumentKind::TaiwanPass, "12345678").is_ok());
    assert_eq!(number(DocumentKind::TaiwanPass, "1234567890(B)"), Err(Code::IdFormat));
}

#[test]
fn a_passport_is_one_of_its_state() {
    let passport = |state| Document::new(DocumentKind::Passport, "e12345678", state);
    assert_eq!(passport(Some("chn")).unwrap().number(), "CHN:E12345678");
    assert_ne!(
        passport(Some("CHN")).unwrap().identity(),
        passport(Some("KAZ")).unwrap().identity()
    );
    assert_eq!(passport(Some("CHN")).unwrap().masked(), "E*******8");
    let kept = passport(Some("CHN")).unwrap();
    assert_eq!(Document::from_kept(kept.kind(), &kept.number()), Ok(kept));
    for state in [None, Some(""), Some("CH"), Some("CH1"), Some("中国国")] {
        assert_eq!(passport(state).unwrap_err(), Code::IdFormat);
    }
}

#[test]
fn the_short_date_of_a_2017_card_must_agree() {
    let card =
        Document::new(DocumentKind::ForeignPermanentResident, "KAZ110090123105", None).unwrap();
    assert_eq!(card.birth_date(), None);
    assert!(card.agrees_with_birth(day("1990-12-31")));
    assert!(!card.agrees_with_birth(day("1990-12-30")));
}

#[test]
fn a_leap_child_has_its_birthday_on_28_february() {
    let birth = day("2012-02-29");
    assert_eq!(age_on(birth, day("2026-02-27")), 13);
    assert_eq!(age_on(birth, day("2026-02-28")), 14);
    assert_eq!(age_on(birth, day("2024-02-28")), 11);
    assert_eq!(age_on(birth, day("2024-02-29")), 12);
    assert_eq!(age_on(birth, day("2011-02-28")), -1);
}

#[test]
fn debug_shows_nothing() {
    let document = Document::new(DocumentKind::ResidentId, "11010519491231002X", None).unwrap();
    assert_eq!(format!("{document:?}"), "Document(resident_id, ***)");
}

#[test]
fn words_of_kinds_are_those_of_json() {
    for kind in DocumentKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        assert_eq!(DocumentKind::from_text(kind.as_str()), Some(kind));
    }
}

/// The kinds that the fixture tells apart and we do not.
fn kind_of_fixture(word: &str) -> Option<DocumentKind> {
    Some(match word {
        "resident-id" | "resident-id-15" => DocumentKind::ResidentId,
        "hk-residence-permit" | "mo-residence-permit" | "tw-residence-permit" => {
            DocumentKind::ResidencePermit
        }
        "foreign-pr-2017" | "foreign-pr-2023" => DocumentKind::ForeignPermanentResident,
        "hk-mo-pass" => DocumentKind::HkMoPass,
        "tw-pass" | "tw-pass-old" => DocumentKind::TaiwanPass,
        "cn-passport" => DocumentKind::Passport,
        _ => return None,
    })
}

#[test]
fn every_number_of_the_fixture_is_judged_as_it_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/protocols/fixtures/idcard/ids.tsv");
    let Ok(rows) = std::fs::read_to_string(path) else {
        println!("left out: there is no {path}");
        return;
    };
    for row in rows.lines().skip(1) {
        let [number, word, valid, why] = row.split('\t').collect::<Vec<_>>()[..4] else {
            panic!("a row of the fixture has other columns: {row}");
        };
        let kind = kind_of_fixture(word).unwrap_or_else(|| panic!("a new kind: {word}"));
        let state = (kind == DocumentKind::Passport).then_some("CHN");
        let taken = Document::new(kind, number, state);
        assert_eq!(taken.is_ok(), valid == "1", "{word}: {why}");
    }
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text: String, state: Option<String>) {
        for kind in DocumentKind::ALL {
            let _ = Document::new(kind, &text, state.as_deref());
        }
    }

    #[test]
    fn any_text_near_a_number_is_taken_or_refused(text in "[HMKAZ9318]{0,3}[0-9０-９xXé]{0,18}") {
        for kind in DocumentKind::ALL {
            if let Ok(document) = Document::new(kind, &text, Some("KAZ")) {
                prop_assert!(document.masked().contains('*'));
            }
        }
    }

    #[test]
    fn one_wrong_digit_is_always_noticed(
        (days, sequence, at, digit) in (0_i64..40_000, 0_u32..1000, 0_usize..17, b'0'..=b'9'),
    ) {
        let birth = day("1910-01-01") + chrono::TimeDelta::days(days);
        let right = number_for_tests(birth, sequence);
        prop_assert!(resident(&right).is_ok());
        let mut wrong = right.clone().into_bytes();
        wrong[at] = digit;
        let wrong = String::from_utf8(wrong).unwrap();
        prop_assert_eq!(resident(&wrong).is_ok(), wrong == right);
    }
}
