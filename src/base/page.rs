//! Lists by key: a page is the rows behind a key, never the rows behind a number of others. The
//! key travels in a cursor that only this deployment can make, so that nobody asks for rows by
//! keys of their own.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use sha2::Sha256;

use super::error::{Code, Error};

/// Rows of a page at most; more are refused, not cut, so that nobody believes they got all.
pub const LIMIT_MAX: u16 = 200;
const LIMIT_DEFAULT: u16 = 50;

/// How many rows a caller wants: 1 to [`LIMIT_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = u16, minimum = 1, maximum = 200, default = 50)]
pub struct Limit(u16);

impl Limit {
    /// Rows of a page.
    pub fn rows(self) -> usize {
        usize::from(self.0)
    }

    /// Rows to read: one more than a page has, which tells whether another page follows.
    pub fn rows_to_read(self) -> u64 {
        u64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let wanted = u64::deserialize(input)?;
        match u16::try_from(wanted) {
            Ok(rows @ 1..=LIMIT_MAX) => Ok(Self(rows)),
            Ok(_) | Err(_) => Err(serde::de::Error::custom(Code::OutOfRange.as_str())),
        }
    }
}

/// What a caller says about the page of a list without a filter.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Most items wanted, 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Limit,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` for what follows; `null` on the last page.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page from rows read with [`Limit::rows_to_read`], in the list's order. `key_of` gives
    /// the key by which the list is ordered; `item_of`, what the caller sees of a row.
    pub fn cut<R, K: Serialize>(
        mut rows: Vec<R>,
        limit: Limit,
        list: &List<'_>,
        key_of: impl Fn(&R) -> K,
        item_of: impl Fn(R) -> T,
    ) -> Self {
        let is_last = rows.len() <= limit.rows();
        rows.truncate(limit.rows());
        let continued = if is_last { None } else { rows.last() };
        let next_cursor = continued.map(|final_row| list.cursor(&key_of(final_row)));
        Self { items: rows.into_iter().map(item_of).collect(), next_cursor }
    }
}

/// Makes and reads cursors with a key of this deployment.
#[derive(Clone)]
pub struct Cursors(Hmac<Sha256>);

impl Cursors {
    /// `key`: secret bytes, the same in every replica.
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// The list called `name`: a cursor of one list is no good in another. A list whose filter
    /// must not change between pages has the filter in its name.
    pub fn list<'a>(&'a self, name: &'a str) -> List<'a> {
        List { cursors: self, name }
    }
}

/// One kind of list.
pub struct List<'a> {
    cursors: &'a Cursors,
    name: &'a str,
}

/// Bytes of the authentication code in a cursor.
const TAG_BYTES: usize = 16;
/// Longest cursor that is looked at.
const CURSOR_BYTES_MAX: usize = 1024;

impl List<'_> {
    /// The cursor that continues behind `key`.
    pub fn cursor<K: Serialize>(&self, key: &K) -> String {
        let key = serde_json::to_vec(key).expect("keys are tuples of ids, days, times and numbers");
        let mut bytes = self.tag(&key).to_vec();
        bytes.extend_from_slice(&key);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key in a cursor made by [`List::cursor`] of the same list; anything else is
    /// `bad_cursor` (400).
    pub fn key<K: DeserializeOwned>(&self, cursor: &str) -> Result<K, Error> {
        self.read(cursor).ok_or(Error::Malformed(Code::BadCursor))
    }

    /// The key in a cursor, if there is one.
    pub fn key_if_any<K: DeserializeOwned>(
        &self,
        cursor: Option<&str>,
    ) -> Result<Option<K>, Error> {
        cursor.map(|cursor| self.key(cursor)).transpose()
    }

    fn read<K: DeserializeOwned>(&self, cursor: &str) -> Option<K> {
        if cursor.len() > CURSOR_BYTES_MAX {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, key) = bytes.split_at_checked(TAG_BYTES)?;
        self.mac(key).verify_truncated_left(tag).ok()?;
        serde_json::from_slice(key).ok()
    }

    fn tag(&self, key: &[u8]) -> [u8; TAG_BYTES] {
        let whole = self.mac(key).finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }

    fn mac(&self, key: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.cursors.0.clone();
        mac.update(b"cursor\0");
        mac.update(self.name.as_bytes());
        mac.update(b"\0");
        mac.update(key);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_its_key_and_only_in_its_own_list() {
        let cursors = Cursors::new(b"secret");
        let venues = cursors.list("venues");
        let cursor = venues.cursor(&("张", 7));
        assert_eq!(venues.key::<(String, i32)>(&cursor).unwrap(), ("张".to_owned(), 7));
        assert!(cursors.list("members").key::<(String, i32)>(&cursor).is_err());
        assert!(Cursors::new(b"other").list("venues").key::<(String, i32)>(&cursor).is_err());
    }

    #[test]
    fn a_forged_or_damaged_cursor_is_refused() {
        let cursors = Cursors::new(b"secret");
        let venues = cursors.list("venues");
        let cursor = venues.cursor(&7);
        let changed = format!("{}A", &cursor[..cursor.len() - 1]);
        for bad in ["", "x", "====", "AAAA", &changed, &"A".repeat(5000)] {
            let refusal = venues.key::<i32>(bad).unwrap_err();
            assert!(matches!(refusal, Error::Malformed(Code::BadCursor)), "{bad}");
        }
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let cursors = Cursors::new(b"secret");
        let list = cursors.list("numbers");
        let limit = Limit(2);
        let page = Page::cut(vec![1, 2, 3], limit, &list, |n| *n, |n| n);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(list.key::<i32>(&page.next_cursor.unwrap()).unwrap(), 2);
        let final_page = Page::cut(vec![3, 4], limit, &list, |n| *n, |n| n);
        assert!(final_page.next_cursor.is_none() && final_page.items == [3, 4]);
    }
}
