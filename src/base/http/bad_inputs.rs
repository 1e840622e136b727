//! What each bad input must get: a table of raw requests with the status and code they are
//! answered with. As data, so that the same rows can be sent to any address that serves a form,
//! a list and a thing. Timing and connections are stories of
//! their own, in `stories.rs`.

use std::net::SocketAddr;

use axum::http::HeaderName;

use super::raw::{Answer, speak};

/// One bad input. Rows of one number are variants of one case.
pub struct Row {
    pub id: u16,
    pub request: Vec<u8>,
    pub status: u16,
    /// The problem's code.
    pub code: &'static str,
}

/// Addresses of what the rows are sent to.
pub struct Target {
    /// Takes a POST of `{"name": string, "minutes"?: small integer, "items"?: [integer],
    /// "free"?: anything}`.
    pub form: &'static str,
    /// A list with `limit`, `cursor` and `name`.
    pub list: &'static str,
    /// Where things with a UUID are, with a slash behind.
    pub things: &'static str,
    pub host: &'static str,
}

impl Target {
    fn get(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host).into_bytes()
    }

    fn with(&self, head: &str) -> Vec<u8> {
        format!("GET {} HTTP/1.1\r\nHost: {}\r\n{head}\r\n\r\n", self.list, self.host).into_bytes()
    }

    fn post(&self, headers: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.form,
            self.host,
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    fn json(&self, body: impl AsRef<[u8]>) -> Vec<u8> {
        self.post("Content-Type: application/json\r\n", body.as_ref())
    }

    fn zipped(&self, encoding: &str, body: &[u8]) -> Vec<u8> {
        let headers = format!("Content-Type: application/json\r\nContent-Encoding: {encoding}\r\n");
        self.post(&headers, body)
    }

    /// Rows 1 to 29 as far as one request on one connection shows them.
    pub fn framing_rows(&self) -> Vec<Row> {
        let (form, list, host) = (self.form, self.list, self.host);
        let post = |headers: &str, rest: &str| {
            let head = "Content-Type: application/json\r\n";
            format!("POST {form} HTTP/1.1\r\nHost: {host}\r\n{head}{headers}\r\n{rest}")
                .into_bytes()
        };
        let raw = |text: String| text.into_bytes();
        let many: Vec<String> = (0..200).map(|n| format!("X-{n}: a\r\n")).collect();
        rows(vec![
            (1, self.get("/no/such/place"), 404, "not_found"),
            (2, self.get(form), 405, "method_not_allowed"),
            (
                3,
                raw(format!("TRACE {list} HTTP/1.1\r\nHost: {host}\r\n\r\n")),
                405,
                "method_not_allowed",
            ),
            (4, raw(format!("GET {list} HTTP/1.1\r\n\r\n")), 400, "bad_host"),
            (4, raw(format!("GET {list} HTTP/1.1\r\nHost:\r\n\r\n")), 421, "bad_host"),
            (4, self.with(&format!("Host: {host}")), 400, "bad_host"),
            (5, raw(format!("GET {list} HTTP/1.1\r\nHost: evil.example\r\n\r\n")), 421, "bad_host"),
            (6, raw(format!("GET {list} HTTP/1.1\nHost: {host}\n\n")), 400, "bad_request"),
            (6, raw(format!("GET {list} HTTP/1.1\r\nHost: {host}\n\r\n")), 400, "bad_request"),
            (7, raw(format!("GET {list} HTTP/1.1\r\nHost : {host}\r\n\r\n")), 400, "bad_request"),
            (
                8,
                post("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
                400,
                "bad_request",
            ),
            (
                8,
                post("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", "2\r\n{}\r\n0\r\n\r\n"),
                400,
                "bad_request",
            ),
            (9, post("Content-Length: 2\r\nContent-Length: 3\r\n", "{} "), 400, "bad_request"),
            (10, post("Transfer-Encoding: xchunked\r\n", ""), 400, "bad_request"),
            (11, post("Content-Length: -1\r\n", ""), 400, "bad_request"),
            (12, self.with(many.concat().trim_end()), 431, "headers_too_large"),
            (13, self.with(&format!("X-Big: {}", "a".repeat(500_000))), 431, "headers_too_large"),
            (14, self.get(&format!("/{}", "a".repeat(70_000))), 414, "uri_too_long"),
            (14, self.get(&format!("/{}", "a".repeat(9_000))), 414, "uri_too_long"),
            (15, self.with("X-Bad: a\0b"), 400, "bad_request"),
            (15, self.with("X-Bad: a\rb"), 400, "bad_request"),
            (
                22,
                post("Content-Length: 3000000\r\nExpect: 100-continue\r\n", ""),
                413,
                "body_too_large",
            ),
            (23, rapid_reset(), 400, "bad_request"),
            (26, [self.with("X-HTTP-Method-Override: POST"), vec![]].concat(), 200, ""),
            (
                27,
                self.with("Authorization: Bearer a\r\nAuthorization: Bearer b"),
                400,
                "duplicate_header",
            ),
            (28, self.with(UPGRADE), 200, ""),
            (29, self.with("Range: bytes=9-1,x\r\nIf-Range: x\r\nIf-None-Match: ,,\""), 200, ""),
        ])
    }

    /// Rows 59 and 60: nothing here takes a file in parts, whatever it is and is called.
    pub fn file_rows(&self) -> Vec<Row> {
        let multipart = "Content-Type: multipart/form-data; boundary=X\r\n";
        let part = |name: &str, kind: &str| {
            format!(
                "--X\r\nContent-Disposition: form-data; name=\"a\"; filename=\"{name}\"\r\n\
                 Content-Type: {kind}\r\n\r\n<svg onload=alert(1)>\r\n"
            )
        };
        let parts = |body: &str| self.post(multipart, body.as_bytes());
        let image = |kind: &str, body: &[u8]| self.post(&format!("Content-Type: {kind}\r\n"), body);
        // A head of a PNG of 20 000 by 20 000 points, and one that is a script as well.
        let huge = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x4e\x20\0\0\x4e\x20\x08\x06\0\0\0";
        let refused = |request| (59, request, 415, "unsupported_media_type");
        let named = |name: &str| {
            (60, parts(&(part(name, "image/png") + "--X--\r\n")), 415, "unsupported_media_type")
        };
        rows(vec![
            refused(parts(&(part("a", "image/png").repeat(1000) + "--X--\r\n"))),
            refused(parts(&part("a", "image/png"))),
            refused(self.post("Content-Type: multipart/form-data\r\n", b"--X")),
            refused(image("image/jpeg", &vec![0xff; 10_000_000])),
            refused(image("image/svg+xml", b"<svg onload=alert(1)>")),
            refused(image("image/png", huge)),
            refused(image("image/gif", b"GIF89a/*<script>*/=alert(1)//")),
            named("../../x"),
            named("C:\\x"),
            named("a\0.png"),
        ])
    }

    /// Rows 30 to 57.
    pub fn body_rows(&self) -> Vec<Row> {
        let named = |rest: &str| self.json(format!("{{\"name\": \"a\", {rest}}}"));
        let name = |text: &str| self.json(format!("{{\"name\": \"{text}\"}}"));
        let deep = |n: usize| named(&format!("\"free\": {}{}", "[".repeat(n), "]".repeat(n)));
        let typed =
            |kind: &str| self.post(&format!("Content-Type: {kind}\r\n"), b"{\"name\":\"a\"}");
        let many = format!("\"items\": [{}1]", "1,".repeat(999_999));
        rows(vec![
            (30, self.json("{\"name\": "), 400, "json_syntax"),
            (31, self.json("{\"name\": \"a\"} {}"), 400, "json_syntax"),
            (32, self.json(""), 400, "body_required"),
            (32, self.post("", b""), 400, "body_required"),
            (33, self.post("", b"{\"name\":\"a\"}"), 415, "unsupported_media_type"),
            (33, typed("text/plain"), 415, "unsupported_media_type"),
            (33, typed("application/jsonp"), 415, "unsupported_media_type"),
            (34, typed("application/json; charset=gbk"), 415, "charset_unsupported"),
            (34, typed("application/json; charset=\"UTF-8\""), 200, ""),
            (35, self.json(b"{\"name\": \"\xd5\xc5\xc8\xfd\"}"), 400, "invalid_utf8"),
            (36, self.json(b"\xff\xfe{\0}\0"), 400, "invalid_utf8"),
            (36, self.json("\u{feff}{\"name\": \"a\"}"), 400, "json_syntax"),
            (37, self.json(b"{\"name\": \"\xff\"}"), 400, "invalid_utf8"),
            (37, self.json(b"{\"name\": \"\xc0\x80\"}"), 400, "invalid_utf8"),
            (39, name("\\ud800"), 400, "json_syntax"),
            (40, name("\\u0000"), 422, "control_character"),
            (42, name("a\\u001fb"), 422, "control_character"),
            (42, name("a\u{85}b"), 422, "control_character"),
            (42, name("a\u{2028}b"), 422, "control_character"),
            (42, name("a\\u202eb"), 422, "control_character"),
            (43, deep(10_000), 400, "too_deep"),
            (44, deep(126), 422, "too_deep"),
            (45, self.json(vec![b' '; 3_000_000]), 413, "body_too_large"),
            (46, named(&many), 422, "too_many_items"),
            (47, self.zipped("gzip", &bomb()), 413, "body_too_large"),
            (48, self.zipped("gzip", &packed()[..packed().len() - 6]), 400, "bad_encoding"),
            (48, self.zipped("gzip", b"{\"name\":\"a\"}"), 400, "bad_encoding"),
            (48, self.zipped("zstd", b"{}"), 415, "encoding_unsupported"),
            (48, self.zipped("gzip", &packed()), 200, ""),
            (49, self.zipped("gzip, gzip", &packed()), 415, "encoding_unsupported"),
            (
                49,
                self.zipped("gzip\r\nContent-Encoding: gzip", &packed()),
                415,
                "encoding_unsupported",
            ),
            (50, named("\"name\": \"b\""), 422, "duplicate_field"),
            (50, named("\"free\": {\"x\": [{\"y\": 1, \"y\": 2}]}"), 422, "duplicate_field"),
            (51, named("\"role\": \"admin\""), 422, "unknown_field"),
            (52, named("\"minutes\": NaN"), 400, "json_syntax"),
            (52, named("\"minutes\": Infinity"), 400, "json_syntax"),
            (53, named("\"minutes\": 1e999"), 400, "json_syntax"),
            (54, named("\"minutes\": 1.0"), 422, "type"),
            (54, named("\"minutes\": \"30\""), 422, "type"),
            (55, named("\"minutes\": 9223372036854775808"), 422, "out_of_range"),
            (55, named("\"minutes\": 9007199254740993"), 422, "out_of_range"),
            (55, named("\"items\": [1, 9007199254740993]"), 422, "out_of_range"),
            (56, named("\"minutes\": -1"), 422, "out_of_range"),
            (56, named("\"minutes\": -0"), 422, "type"),
            (57, self.json("{}"), 422, "required"),
            (57, self.json("{\"name\": null}"), 422, "type"),
            (57, self.json("null"), 422, "type"),
            (57, self.json("[\"a\", 1, null, null]"), 422, "type"),
        ])
    }

    /// Rows 38, 41 and 61 to 70.
    pub fn query_rows(&self) -> Vec<Row> {
        let list = |query: &str| self.get(&format!("{}?{query}", self.list));
        let thing = |id: &str| self.get(&format!("{}{id}", self.things));
        rows(vec![
            (38, list("name=%ff"), 400, "invalid_utf8"),
            (41, list("name=%00"), 400, "invalid_utf8"),
            (41, thing("%00"), 400, "invalid_utf8"),
            (41, thing("%ff"), 400, "invalid_utf8"),
            (61, list("limit=-1"), 400, "bad_parameter"),
            (61, list("limit=abc"), 400, "bad_parameter"),
            (61, list("page=1"), 400, "bad_parameter"),
            (61, list("limit=0"), 422, "out_of_range"),
            (62, list("limit=1000000"), 422, "out_of_range"),
            (63, list("offset=1000000000"), 400, "bad_parameter"),
            (64, list("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), 400, "bad_cursor"),
            (64, list("cursor=%3D"), 400, "bad_cursor"),
            (65, list("sort=name;drop%20table"), 400, "bad_parameter"),
            (66, list("name=%27%20OR%201=1--"), 200, ""),
            (67, list("limit=1&limit=2"), 400, "duplicate_parameter"),
            (70, thing("abc"), 404, "not_found"),
            (70, thing("../.."), 404, "not_found"),
            (70, thing("..%2f.."), 404, "not_found"),
        ])
    }
}

fn rows(rows: Vec<(u16, Vec<u8>, u16, &'static str)>) -> Vec<Row> {
    let row = |(id, request, status, code)| Row { id, request, status, code };
    rows.into_iter().map(row).collect()
}

/// Asks for a WebSocket from a page that is not ours.
const UPGRADE: &str = "Origin: https://evil.example\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

/// HTTP/2's preface and settings, then streams that are opened and reset at once.
fn rapid_reset() -> Vec<u8> {
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(SETTINGS);
    for stream in (1..20_000_u32).step_by(2) {
        // HEADERS with `:method: GET` from the static table, then RST_STREAM.
        bytes.extend([0, 0, 1, 1, 5].into_iter().chain(stream.to_be_bytes()).chain([0x82]));
        bytes.extend([0, 0, 4, 3, 0].into_iter().chain(stream.to_be_bytes()).chain([0, 0, 0, 8]));
    }
    bytes
}

/// `{"name":"a"}` packed with gzip.
fn packed() -> Vec<u8> {
    hex::decode("1f8b0800000000000203ab56ca4bcc4d55b2524a54aa0500962b768d0c000000").unwrap()
}

/// About a megabyte that unpacks to 200 MB: one letter, and then "258 times the same again".
fn bomb() -> Vec<u8> {
    const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    const LAST_BLOCK_WITH_FIXED_CODES: &str = "110";
    const A_SPACE: &str = "01010000";
    const LENGTH_258_DISTANCE_1: &str = "1100010100000";
    let repeats = LENGTH_258_DISTANCE_1.repeat(200_000_000 / 258);
    let bits = [LAST_BLOCK_WITH_FIXED_CODES, A_SPACE, &repeats].concat();
    let byte = |eight: &[u8]| (0..).zip(eight).map(|(at, bit)| (bit - b'0') << at).sum::<u8>();
    GZIP_HEAD.into_iter().chain(bits.as_bytes().chunks(8).map(byte)).collect()
}

/// Sends every row on a connection of its own; gives the rows that were answered otherwise.
pub async fn failures(addr: SocketAddr, rows: Vec<Row>) -> Vec<String> {
    let mut failures = Vec::new();
    for row in rows {
        let answers = speak(addr, &row.request, 1).await;
        let got = answers.first().map(|answer| (answer.status, answer.code()));
        if got != Some((row.status, row.code.to_owned())) {
            failures
                .push(format!("row {}: {} {} expected, got {got:?}", row.id, row.status, row.code));
        }
        if let Some(trouble) = answers.first().and_then(|answer| impropriety(&row, answer)) {
            failures.push(format!("row {}: {trouble}", row.id));
        }
    }
    failures
}

/// What no answer may lack, and what none may hold.
fn impropriety(row: &Row, answer: &Answer) -> Option<String> {
    if answer.status < 400 {
        return None;
    }
    let Ok(problem) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
        return Some("a refusal is no problem document".to_owned());
    };
    if problem["trace_id"].as_str().is_none_or(str::is_empty) {
        return Some("a problem lacks its trace id".to_owned());
    }
    if answer.status == 405 && answer.header("allow").is_empty() {
        return Some("a 405 does not say what is allowed".to_owned());
    }
    let none = Vec::new();
    let faults = problem["errors"].as_array().unwrap_or(&none);
    let said = faults.iter().map(|fault| &fault["detail"]);
    for text in [&problem["title"], &problem["detail"]].into_iter().chain(said) {
        let Some(text) = text.as_str() else {
            return Some("a problem lacks a sentence".to_owned());
        };
        if let Some(word) = echoed(&row.request, text) {
            return Some(format!("the answer repeats {word:?}, or a parser"));
        }
    }
    let strange = |name: &&str| !HEADERS.contains(name);
    if let Some(name) = answer.headers.keys().map(HeaderName::as_str).find(strange) {
        return Some(format!("the answer has the header {name}"));
    }
    let mut pointers = faults.iter().filter_map(|fault| fault["pointer"].as_str());
    let unlike = pointers.find(|pointer| !pointer.split('/').all(is_field));
    unlike.map(|pointer| format!("{pointer:?} is no pointer to a field"))
}

/// Words of our own sentences that a request may hold as well.
const OUR_WORDS: [&str; 3] = ["json", "application", "gzip"];
/// All that a refusal has.
const HEADERS: [&str; 16] = [
    "allow",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "ratelimit",
    "ratelimit-policy",
    "referrer-policy",
    "retry-after",
    "trace-id",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "fitgate-time",
];

/// A word of the request that a sentence of the answer holds.
fn echoed<'a>(request: &[u8], sentence: &'a str) -> Option<&'a str> {
    let request = String::from_utf8_lossy(&request[..request.len().min(4096)]).to_lowercase();
    let sent: Vec<&str> = request.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let words = sentence.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| w.len() > 2);
    words.into_iter().find(|word| {
        let word = word.to_lowercase();
        !OUR_WORDS.contains(&word.as_str()) && sent.contains(&word.as_str())
    })
}

/// A field's name as ours are, or a place in a list; nothing that somebody could have typed.
fn is_field(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
