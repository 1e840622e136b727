//! JSON bodies, read strictly and refused in our own words: what serde says about a text may
//! repeat the text, so its messages are sorted into codes and never shown.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    body,
    problem::Problem,
    scan::{self, Bounds, Ends, Refusal},
};
use crate::base::{
    clock,
    error::{Code, Error},
};

/// A request's body, or an answer's. Types of requests deny unknown fields.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let content_type = content_type(request.headers());
        if let Err(problem @ Problem { code: Code::CharsetUnsupported, .. }) = content_type {
            return Err(problem);
        }
        let is_typed = request.headers().contains_key(header::CONTENT_TYPE);
        if is_typed {
            content_type.clone()?;
        }
        let text = body::read(request.into_body()).await?;
        if text.is_empty() {
            return Err(Error::Malformed(Code::BodyRequired).into());
        }
        content_type?;
        Ok(Self(parse_object(&text)?))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => ([(header::CONTENT_TYPE, JSON)], bytes).into_response(),
            Err(error) => Error::internal(error).into_response(),
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `application/json`, in UTF-8 if it names a character set.
fn content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |code| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code);
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parts = text.unwrap_or_default().split(';').map(str::trim);
    if !parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err(refuse(Code::UnsupportedMediaType));
    }
    let charset = parts
        .filter_map(|part| part.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .map_or("utf-8", |(_, value)| value.trim_matches('"'));
    let is_utf8 = ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name));
    if is_utf8 { Ok(()) } else { Err(refuse(Code::CharsetUnsupported)) }
}

/// Every body of the API is an object. serde would also take an array of a struct's fields in
/// their order, which no document of ours allows.
fn parse_object<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    let is_array = text.trim_ascii_start().starts_with(b"[");
    match parse(text, &Bounds::default()) {
        Ok(_) if is_array => Err(Error::invalid("", Code::Type)),
        outcome => outcome,
    }
}

/// A value from a JSON text within `bounds`. Syntax is refused as malformed (400); fields, as a
/// list of faults with their pointers (422).
pub fn parse<T: DeserializeOwned>(text: &[u8], bounds: &Bounds) -> Result<T, Error> {
    let faults = scan::scan(text, bounds).map_err(|refusal| match refusal {
        Refusal::Utf8 => Error::Malformed(Code::InvalidUtf8),
        Refusal::Syntax => Error::Malformed(Code::JsonSyntax),
        Refusal::Depth => Error::Malformed(Code::TooDeep),
        Refusal::Items => Error::invalid("", Code::TooManyItems),
    })?;
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    serde_json::from_slice(text).map_err(|error| sort(&error, text))
}

/// Our own words for what serde found.
fn sort(error: &serde_json::Error, text: &[u8]) -> Error {
    if !error.is_data() {
        return Error::Malformed(Code::JsonSyntax);
    }
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(said, _)| said);
    let pointer = |ends| scan::pointer_before(text, offset(error, text), ends);
    match message.split_once('`') {
        // The name is from our own type, not from the text.
        Some(("missing field ", rest)) => {
            let name = rest.trim_end_matches('`');
            Error::invalid(format!("{}/{name}", pointer(Ends::Count)), Code::Required)
        }
        // A type's own refusal of the last field is noticed behind the end of the object.
        _ => Error::invalid(pointer(Ends::Ignore), sort_message(message)),
    }
}

/// The beginnings of serde's messages, which are part of its documented behaviour as far as
/// they are tested below; an unknown one is an unacceptable value.
fn sort_message(message: &str) -> Code {
    const BEGINNINGS: [(&str, Code); 5] = [
        ("unknown field ", Code::UnknownField),
        ("duplicate field ", Code::DuplicateField),
        ("invalid type: ", Code::Type),
        ("invalid value: integer ", Code::OutOfRange),
        ("invalid value: floating point ", Code::Type),
    ];
    if clock::is_said_of_a_date(message) {
        return Code::BadTime;
    }
    if message.starts_with("invalid length ") && message.contains(", expected struct ") {
        return Code::Type;
    }
    let of_serde = BEGINNINGS.iter().find(|(beginning, _)| message.starts_with(beginning));
    of_serde
        .map(|(_, code)| *code)
        .or_else(|| Code::from_wire(message))
        .unwrap_or(Code::InvalidValue)
}

/// Where serde stopped, in bytes from the beginning.
fn offset(error: &serde_json::Error, text: &[u8]) -> usize {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    before + error.column()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Form {
        name: String,
        minutes: Option<u8>,
        items: Option<Vec<Item>>,
        code: Option<Coded>,
        day: Option<chrono::NaiveDate>,
        free: Option<serde_json::Value>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Item {
        seq: i64,
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        In,
    }

    #[derive(Debug)]
    struct Coded;

    impl<'de> Deserialize<'de> for Coded {
        fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
            String::deserialize(input)?;
            Err(serde::de::Error::custom(Code::BadTime.as_str()))
        }
    }

    /// `pointer code` of the first fault, or the code of a malformed text.
    fn verdict(text: &str) -> String {
        match parse::<Form>(text.as_bytes(), &Bounds::default()) {
            Ok(_) => "ok".to_owned(),
            Err(Error::Invalid(faults)) => {
                format!("{} {}", faults[0].pointer, faults[0].code.as_str())
            }
            Err(Error::Malformed(code)) => code.as_str().to_owned(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn faults_are_told_by_pointer_and_code() {
        for (text, expected) in [
            (r#"{"name": "x", "minutes": 3, "items": [{"seq": 1, "kind": "in"}]}"#, "ok"),
            (r#" { "name" : "张" } "#, "ok"),
            (r"{}", "/name required"),
            (r#"{"name": null}"#, "/name type"),
            (r#"{"name": {"a": 1}}"#, "/name type"),
            (r#"{"name": "x", "minutes": "30"}"#, "/minutes type"),
            (r#"{"name": "x", "minutes": 1.0}"#, "/minutes type"),
            (r#"{"name": "x", "minutes": -0}"#, "/minutes type"),
            (r#"{"name": "x", "minutes": -1}"#, "/minutes out_of_range"),
            (r#"{"name": "x", "minutes": 256}"#, "/minutes out_of_range"),
            (r#"{"name": "x", "minutes": 9007199254740992}"#, "/minutes out_of_range"),
            (r#"{"name": "x", "role": "admin"}"#, "/role unknown_field"),
            (r#"{"name": "x", "13800138000": 1}"#, " unknown_field"),
            (r#"{"name": "x", "name": "y"}"#, "/name duplicate_field"),
            (
                r#"{"name": "x", "free": {"a": [{}, {"b": 1, "\u0062": 2}]}}"#,
                "/free/a/1/b duplicate_field",
            ),
            (r#"{"name": "x", "items": [{"seq": 1}, {"seq": true}]}"#, "/items/1/seq type"),
            ("{\"name\": \"x\",\n \"items\": [{\"seq\": 1},\n {}]}", "/items/1/seq required"),
            (
                r#"{"name": "x", "items": [{"seq": 1, "kind": "up"}]}"#,
                "/items/0/kind invalid_value",
            ),
            (r#"{"name": "x", "items": {"seq": 1}}"#, "/items type"),
            (r#"{"name": "x", "code": "y"}"#, "/code bad_time"),
            (r#"{"name": "x", "day": "2025-02-30"}"#, "/day bad_time"),
            (r#"{"name": "x", "day": "2025-13-01"}"#, "/day bad_time"),
            (r#"{"name": "x", "day": "2025-02"}"#, "/day bad_time"),
            (r#"{"name": "x", "day": "2025-02-03T00:00:00Z"}"#, "/day bad_time"),
            (r#"{"name": "x", "day": "today"}"#, "/day bad_time"),
            (r#"{"name": "x", "day": ""}"#, "/day bad_time"),
            (r#"{"name": "x", "day": 20250203}"#, "/day type"),
            (r"[]", " type"),
            (r#""name""#, " type"),
        ] {
            assert_eq!(verdict(text), expected, "{text}");
        }
    }

    #[test]
    fn control_characters_are_refused_raw_and_escaped() {
        for character in [
            "\\u0000", "\\n", "\\u202e", "\u{85}", "\u{7f}", "\u{2028}", "\u{2066}", "\u{feff}",
            "\u{61c}",
        ] {
            assert_eq!(
                verdict(&format!("{{\"name\": \"a{character}b\"}}")),
                "/name control_character"
            );
            let keyed = format!("{{\"name\": \"a\", \"free\": {{\"{character}\": 1}}}}");
            assert_eq!(verdict(&keyed), "/free control_character");
        }
        for fine in
            ["𠮷", "阿卜杜拉·买买提", "é\u{301}", "\\ud842\\udfb7", "→", "\\\"\\/\\\\", "。，"]
        {
            assert_eq!(verdict(&format!("{{\"name\": \"{fine}\"}}")), "ok", "{fine}");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in [
            "{",
            "}",
            "{\"name\": \"x\"} x",
            "{\"name\": \"x\",}",
            "{\"name\" \"x\"}",
            "{name: 1}",
            "{\"name\": NaN}",
            "{\"name\": Infinity}",
            "{\"name\": 1e999}",
            "{\"name\": 01}",
            "{\"name\": +1}",
            "{\"name\": .5}",
            "{\"name\": 5.}",
            "{\"name\": 1e}",
            "{\"name\": -}",
            "{\"name\": \"\\ud800\"}",
            "{\"name\": \"\\udc00\"}",
            "{\"name\": \"\\ud800\\u0041\"}",
            "{\"name\": \"\\x41\"}",
            "{\"name\": \"\\u12\"}",
            "{\"name\": \"a\u{1}\"}",
            "{\"name\": \"a",
            "{\"name\": truth}",
            "[1 2]",
            "[1,]",
            "\u{feff}{\"name\": \"x\"}",
            "nul",
            "{\"a\": 1]",
            " ",
        ] {
            assert_eq!(verdict(text), "json_syntax", "{text}");
        }
        let bytes: &[u8] = b"{\"name\": \"\xd5\xc5\"}";
        let refusal = parse::<Form>(bytes, &Bounds::default()).unwrap_err();
        assert!(matches!(refusal, Error::Malformed(Code::InvalidUtf8)));
    }

    #[test]
    fn depth_and_number_of_items_are_bounded() {
        let nested = |depth: usize| {
            format!("{{\"name\":\"x\",\"free\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
        };
        assert_eq!(verdict(&nested(15)), "ok");
        assert_eq!(verdict(&nested(16)), " too_deep");
        assert_eq!(verdict(&nested(126)), " too_deep");
        assert_eq!(verdict(&nested(10_000)), "too_deep");
        let items = |n: usize| format!("{{\"name\":\"x\",\"free\":[{}0]}}", "0,".repeat(n - 1));
        assert_eq!(verdict(&items(10_000)), "ok");
        assert_eq!(verdict(&items(10_001)), " too_many_items");
        let keys: Vec<String> = (0..300).map(|n| format!("\"k{n}\":0,")).collect();
        let keys = keys.concat();
        assert_eq!(verdict(&format!("{{{keys}\"name\":\"x\"}}")), " too_many_items");
    }

    proptest::proptest! {
        /// Whatever serde reads, the scanner lets through, and the other way round.
        #[test]
        fn the_scanner_agrees_with_serde_about_syntax(text in r#"[\[\]{}",:0-9eE+.\-a\\unlrtf ]{0,24}"#) {
            let scanned = scan::scan(text.as_bytes(), &Bounds::default());
            let read = serde_json::from_str::<serde_json::Value>(&text);
            proptest::prop_assert_eq!(scanned.is_ok(), read.is_ok(), "{}", text);
        }
    }
}
