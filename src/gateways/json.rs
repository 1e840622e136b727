//! JSON as devices write it: flat enough, with numbers as texts and texts as numbers, in UTF-8 or
//! GBK. Names and pictures are not looked at. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text::readable;

/// A text of a field that is looked at; pictures are longer and not needed.
const VALUE_BYTES_MAX: usize = 512;

/// Scalars by name, those of inner objects beside those of outer ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, String>);

/// A JSON object out of bytes.
pub fn object(bytes: &[u8]) -> Option<Value> {
    let text = readable(bytes);
    let value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}').trim()).ok()?;
    value.is_object().then_some(value)
}

impl Fields {
    pub fn new(fields: BTreeMap<String, String>) -> Self {
        Self(fields)
    }

    /// The scalars of `value`, and of the object called `inner` over them.
    pub fn of(value: &Value, inner: &str) -> Self {
        let mut fields = BTreeMap::new();
        for object in [Some(value), value.get(inner)].into_iter().flatten() {
            for (name, value) in object.as_object().into_iter().flatten() {
                if let Some(text) = scalar(value) {
                    fields.insert(name.clone(), text);
                }
            }
        }
        Self(fields)
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    pub fn is(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (text.len() <= VALUE_BYTES_MAX).then(|| text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
