//! One call of a device at its own address, whatever its protocol: method, path, body. Pure.

use serde_json::Value;

pub const XML: &str = "application/xml";
pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// One call of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

impl Call {
    /// A call that says all in its path.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: "GET", path: path.into(), content_type: FORM, body: Vec::new() }
    }

    pub fn json(method: &'static str, path: impl Into<String>, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self { method, path: path.into(), content_type: JSON, body }
    }

    /// A form, posted.
    pub fn form(path: &str, fields: &[(&str, &str)]) -> Self {
        let field = |(name, value): &(&str, &str)| format!("{name}={}", escape(value));
        let fields: Vec<String> = fields.iter().map(field).collect();
        let body = fields.join("&").into_bytes();
        Self { method: "POST", path: path.into(), content_type: FORM, body }
    }
}

impl Call {
    /// The same with another field: behind the path of a call that says all there, else in its form.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let field = format!("{name}={}", escape(value));
        if self.method == "GET" {
            self.path.push(if self.path.contains('?') { '&' } else { '?' });
            self.path.push_str(&field);
        } else {
            if !self.body.is_empty() {
                self.body.push(b'&');
            }
            self.body.extend_from_slice(field.as_bytes());
        }
        self
    }

    /// A form as a path, or the other way round.
    pub fn by_other_method(&self) -> Self {
        let (path, query) = self.path.split_once('?').unwrap_or((self.path.as_str(), ""));
        let call =
            |method, path: String, body: Vec<u8>| Self { method, path, body, ..self.clone() };
        if self.method == "GET" {
            return call("POST", path.to_owned(), query.as_bytes().to_vec());
        }
        let form = String::from_utf8_lossy(&self.body);
        let path = if form.is_empty() { path.to_owned() } else { format!("{path}?{form}") };
        call("GET", path, Vec::new())
    }
}

/// A text as it may stand in a query or a form.
pub fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("a String takes all text");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_in_a_form_is_escaped() {
        let call = Call::form("/a", &[("pass", "a&b=c+ d"), ("id", "1")]);
        assert_eq!(call.body, b"pass=a%26b%3Dc%2B%20d&id=1");
        assert_eq!((call.method, call.content_type), ("POST", FORM));
        let other = call.by_other_method();
        assert_eq!((other.method, other.path.as_str()), ("GET", "/a?pass=a%26b%3Dc%2B%20d&id=1"));
        assert_eq!(other.by_other_method(), call);
        assert_eq!(Call::get("/a").with("b", "c d").with("e", "f").path, "/a?b=c%20d&e=f");
        assert_eq!(Call::form("/a", &[]).with("b", "c").with("d", "e").body, b"b=c&d=e");
    }
}
