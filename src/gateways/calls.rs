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
    }
}
