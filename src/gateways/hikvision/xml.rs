//! As much of XML as events have: elements that hold text and nothing else. Pure.

use std::collections::BTreeMap;

/// Elements of one document that are looked at.
const ELEMENTS_MAX: usize = 256;
const TEXT_BYTES_MAX: usize = 512;

/// The texts of the elements that hold nothing but text, by name; the last of a name counts.
pub fn leaves(text: &str) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    let mut rest = text;
    for _ in 0..ELEMENTS_MAX {
        let Some(open) = rest.find('<') else { break };
        rest = &rest[open + 1..];
        let Some(close) = rest.find('>') else { break };
        let tag = &rest[..close];
        let behind = &rest[close + 1..];
        let name = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        let inner = behind.find('<').map_or("", |end| &behind[..end]);
        let ends = behind.get(inner.len()..).and_then(|end| end.strip_prefix("</"));
        if !name.is_empty()
            && ends.is_some_and(|end| end.starts_with(name))
            && inner.len() <= TEXT_BYTES_MAX
        {
            leaves.insert(name.to_owned(), unescape(inner.trim()));
        }
        rest = behind;
    }
    leaves
}

fn unescape(text: &str) -> String {
    const NAMED: [(&str, &str); 5] =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    NAMED.iter().fold(text.to_owned(), |text, (name, sign)| text.replace(name, sign))
}

/// A text as it may stand in an element.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_elements_that_hold_text_alone_are_leaves() {
        let text = "<?xml version=\"1.0\"?><a x=\"1\"><b>1 &amp; 2</b><c/><d>x<e>2</e></d></a>";
        let found = leaves(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found["b"].as_str(), found["e"].as_str()), ("1 & 2", "2"));
        assert_eq!(escape("a<b>&"), "a&lt;b&gt;&amp;");
    }
}
