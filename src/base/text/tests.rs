//! Names and phone numbers that must be taken, and that must not.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Result<String, Code> {
    PersonName::try_from(text).map(|name| name.name)
}

#[test]
fn rare_characters_are_taken_and_masked_as_one() {
    for text in ["𠮷田", "㐂", "\u{20bb7}", "\u{30edd}\u{30ede}", "\u{31350}王", "〇一"] {
        assert_eq!(name(text).as_deref(), Ok(text));
    }
    assert_eq!(PersonName::try_from("𠮷田").unwrap().masked(), "𠮷*");
}

#[test]
fn every_middle_dot_becomes_the_standard_one() {
    for dot in ['·', '•', '・', '.', '．', '･', '‧'] {
        let text = format!("阿卜杜拉{dot}买买提");
        let taken = PersonName::try_from(text.as_str()).unwrap();
        assert_eq!(taken.as_str(), "阿卜杜拉·买买提");
        assert_eq!(taken.written(), (dot != '·').then_some(text.as_str()), "the original is kept");
    }
}

#[test]
fn latin_names_keep_their_dots_and_accents() {
    for text in ["Jean-Luc O'Neil", "J. R. R. Tolkien", "Nguyễn Văn A", "Łukasz", "Ana M."] {
        assert_eq!(name(text).as_deref(), Ok(text));
    }
    let neil = PersonName::try_from("O\u{2019}Neil").unwrap();
    assert_eq!((neil.as_str(), neil.written()), ("O'Neil", Some("O\u{2019}Neil")));
}

#[test]
fn composed_and_decomposed_forms_are_the_same_name() {
    assert_eq!(name("Zoe\u{308}"), name("Zo\u{eb}"));
    assert_eq!(name("\u{2f81a}"), name("冬"), "compatibility characters are unified");
}

#[test]
fn length_is_bounded_in_characters_and_in_bytes() {
    assert!(name(&"好".repeat(50)).is_ok());
    assert!(name("好").is_ok());
    assert_eq!(name(&"好".repeat(51)), Err(Code::NameLength));
    assert_eq!(name(""), Err(Code::NameLength));
    assert_eq!(name("  　"), Err(Code::NameLength));
    let marks = format!("a{}", "\u{301}".repeat(10_000));
    assert_eq!(name(&marks), Err(Code::NameLength));
    let marks = format!("a{}", "\u{323}".repeat(20));
    assert_eq!(name(&marks), Err(Code::NameCharacters));
}

#[test]
fn what_is_no_name_is_refused() {
    let texts = [
        "王😀",
        "😀",
        "王2",
        "123",
        "王John",
        "John王",
        "מרים",
        "محمد",
        "王\u{200d}芳",
        "王\u{202e}芳",
        "王\0",
        "王\n芳",
        "王\u{2028}",
        "\u{200b}王",
        "<script>",
        "{{7*7}}",
        "·王",
        "王·",
        "王··芳",
        "王 芳",
        "-Ann",
        "Ann--Lee",
        "\u{301}a",
        "王\u{e0100}",
        "さくら",
        "Ａｎｎ",
    ];
    for text in texts {
        assert_eq!(name(text), Err(Code::NameCharacters), "{text:?}");
    }
}

#[test]
fn a_mask_never_shows_a_whole_name() {
    assert_eq!(PersonName::try_from("张三丰").unwrap().masked(), "张*");
    assert_eq!(PersonName::try_from("张").unwrap().masked(), "*");
    assert_eq!(PersonName::try_from("Zoë Kay").unwrap().masked(), "Z*");
}

#[test]
fn phone_numbers_are_normalised() {
    let texts = [
        "13900000000",
        "+8613900000000",
        "0086 139-0000-0000",
        "86139 0000 0000",
        "１３９００００００００",
    ];
    for text in texts {
        assert_eq!(Phone::try_from(text).unwrap().as_str(), "+8613900000000");
    }
    assert_eq!(Phone::try_from("13912345678").unwrap().masked(), "139****5678");
}

#[test]
fn what_is_no_mobile_number_is_refused() {
    let texts =
        ["", "1390000000", "139000000000", "12900000000", "+8513900000000", "139o0000000", "+"];
    for text in texts {
        assert_eq!(Phone::try_from(text), Err(Code::PhoneFormat), "{text}");
    }
}

#[test]
fn debug_shows_nothing() {
    let name = PersonName::try_from("张三").unwrap();
    let phone = Phone::try_from("13900000000").unwrap();
    assert_eq!(format!("{name:?} {phone:?}"), "PersonName(***) Phone(***)");
}

#[test]
fn reading_from_json_validates() {
    assert!(serde_json::from_str::<PersonName>(r#""张三""#).is_ok());
    let error = serde_json::from_str::<Phone>(r#""12""#).unwrap_err().to_string();
    assert!(error.starts_with("phone_format"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_taken_or_refused(text: String) {
        let _ = PersonName::try_from(text.as_str());
        let _ = Phone::try_from(text.as_str());
    }

    #[test]
    fn a_taken_name_is_taken_again_unchanged(text in "[A-Za-zé.' -]{1,9}|[一-龥𠀀-𠀄·•.]{1,9}") {
        if let Ok(once) = name(&text) {
            prop_assert_eq!(name(&once), Ok(once));
        }
    }

    #[test]
    fn masks_show_at_most_the_first_character(text in "[一-龥]{2,9}") {
        let name = PersonName::try_from(text.as_str()).unwrap();
        prop_assert_eq!(name.masked().graphemes(true).count(), 2);
    }

    #[test]
    fn any_phone_like_text_is_taken_or_refused(text in "[+0-9０-９ -]{0,20}") {
        if let Ok(phone) = Phone::try_from(text.as_str()) {
            prop_assert_eq!(phone.masked().len(), 11);
        }
    }
}
