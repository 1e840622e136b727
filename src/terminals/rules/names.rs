//! Names on devices, for venues that want them there: masked, in the encoding and length that a device
//! takes. Pure.

use encoding_rs::{EncoderResult, GBK};

/// Whether names go with the numbers, and in which encoding a device reads them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// Numbers only.
    None,
    Utf8,
    /// Some Chinese firmware of `ZKTeco`.
    Gbk,
}

impl Names {
    /// The word in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Utf8 => "utf8",
            Self::Gbk => "gbk",
        }
    }

    /// Of a word in SQL; one that is none gives no names away.
    pub fn parse(word: &str) -> Self {
        let known = [Self::Utf8, Self::Gbk].into_iter().find(|names| names.as_str() == word);
        known.unwrap_or(Self::None)
    }

    /// A name as a device of this encoding takes it: at most so many bytes there, no character that
    /// would end a field or a line or that the encoding lacks.
    pub fn fitted(self, name: &str, bytes_max: usize) -> String {
        let mut fitted = String::new();
        let mut bytes = 0;
        for c in name.chars().filter(|c| !c.is_control()) {
            let length = match self {
                Self::None => return String::new(),
                Self::Utf8 => Some(c.len_utf8()),
                Self::Gbk => gbk_length(c),
            };
            let (c, length) = length.map_or(('?', 1), |length| (c, length));
            bytes += length;
            if bytes > bytes_max {
                break;
            }
            fitted.push(c);
        }
        fitted
    }
}

/// Bytes of a character in GBK; none where it has none.
fn gbk_length(c: char) -> Option<usize> {
    let mut bytes = [0; 16];
    let mut text = [0; 4];
    let text = &*c.encode_utf8(&mut text);
    let (result, _, written) =
        GBK.new_encoder().encode_from_utf8_without_replacement(text, &mut bytes, true);
    // Four bytes are GB 18030, which such firmware does not read.
    (result == EncoderResult::InputEmpty && written <= 2).then_some(written)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_cut_at_a_whole_character() {
        assert_eq!(Names::Utf8.fitted("张**", 4), "张*");
        assert_eq!(Names::Utf8.fitted("张**", 2), "");
        assert_eq!(Names::Gbk.fitted("张**", 2), "张");
        assert_eq!(Names::Gbk.fitted("𠀀*", 24), "?*", "not in the encoding");
        assert_eq!(Names::Utf8.fitted("a\tb\r\nC:9:REBOOT", 24), "abC:9:REBOOT");
        assert_eq!(Names::None.fitted("张*", 24), "");
        for names in [Names::None, Names::Utf8, Names::Gbk] {
            assert_eq!(Names::parse(names.as_str()), names);
        }
        assert_eq!(Names::parse("latin1"), Names::None);
    }

    proptest! {
        #[test]
        fn whatever_a_name_is_it_fits(name in ".{0,40}", max in 0_usize..40) {
            let utf8 = Names::Utf8.fitted(&name, max);
            prop_assert!(utf8.len() <= max && !utf8.chars().any(char::is_control));
            let gbk = Names::Gbk.fitted(&name, max);
            let (bytes, _, lossy) = GBK.encode(&gbk);
            prop_assert!(bytes.len() <= max && !lossy);
        }
    }
}
