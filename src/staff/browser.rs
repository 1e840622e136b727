//! Sessions of browsers: the token is kept in a cookie that no script can read, and a second word,
//! made of the token, must come with whatever changes something. Not for programs, which send the
//! token themselves.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts},
};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::ABSOLUTE;
use crate::base::{
    error::{Code, Error},
    http::bearer::bearer,
};

/// The cookie's name. It goes to the paths of staff only.
const COOKIE: &str = "fitgate_staff";
/// What a browser's every command bears beside the cookie: a page of another origin can neither
/// read the word nor send a header of ours.
const CSRF_HEADER: HeaderName = HeaderName::from_static("fitgate-csrf");
/// So that the word is good for nothing else that is made of a token.
const CSRF_PURPOSE: &[u8] = b"fitgate staff csrf v1\n";

/// The session's token that a request bears, and by which way it came.
pub struct Presented {
    pub token: String,
    by_cookie: bool,
}

impl Presented {
    /// The word for the header, if the token came in a cookie: programs need none.
    pub fn csrf(&self) -> Option<String> {
        self.by_cookie.then(|| csrf(&self.token))
    }

    /// From the `Authorization` header if there is one, else from the cookie. A command that comes
    /// with a cookie and without its word is refused (403).
    pub fn of(method: &Method, headers: &HeaderMap) -> Result<Self, Error> {
        if headers.contains_key(header::AUTHORIZATION) {
            return Ok(Self { token: bearer(headers)?.to_owned(), by_cookie: false });
        }
        let token = cookie(headers)?.ok_or(Error::Unauthenticated(Code::Unauthenticated))?;
        let changes = !matches!(*method, Method::GET | Method::HEAD);
        if changes && !has_word(headers, token) {
            return Err(Error::Forbidden(Code::CsrfRequired));
        }
        Ok(Self { token: token.to_owned(), by_cookie: true })
    }
}

impl<S: Sync> FromRequestParts<S> for Presented {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Self::of(&parts.method, &parts.headers)
    }
}

fn has_word(headers: &HeaderMap, token: &str) -> bool {
    let mut words = headers.get_all(CSRF_HEADER).iter();
    let (Some(word), None) = (words.next(), words.next()) else { return false };
    word.as_bytes().ct_eq(csrf(token).as_bytes()).into()
}

/// The one value of our cookie; two are refused (400), since somebody may have planted one.
fn cookie(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let pairs = headers.get_all(header::COOKIE).iter();
    let mut values = pairs
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, value)| *name == COOKIE && !value.is_empty())
        .map(|(_, value)| value);
    let first = values.next();
    if values.next().is_some() {
        return Err(Error::Malformed(Code::DuplicateHeader));
    }
    Ok(first)
}

/// 64 hexadecimal digits; they tell nothing of the token, which nobody can guess.
pub fn csrf(token: &str) -> String {
    let mut digest = Sha256::new();
    digest.update(CSRF_PURPOSE);
    digest.update(token);
    hex::encode(digest.finalize())
}

/// What makes a browser keep a token for as long as a session can last.
pub fn kept(token: &str) -> Result<HeaderValue, Error> {
    set_cookie(token, ABSOLUTE.num_seconds())
}

/// What makes a browser forget it.
pub fn forgotten() -> Result<HeaderValue, Error> {
    set_cookie("", 0)
}

fn set_cookie(value: &str, life_s: i64) -> Result<HeaderValue, Error> {
    let text = format!(
        "{COOKIE}={value}; Path=/api/v1/staff; Max-Age={life_s}; HttpOnly; Secure; SameSite=Strict"
    );
    HeaderValue::try_from(text).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name = HeaderName::try_from(*name).unwrap();
            headers.append(name, HeaderValue::try_from(*value).unwrap());
        }
        headers
    }

    #[test]
    fn reading_needs_the_cookie_and_changing_its_word_too() {
        let plain = headers(&[("cookie", "other=1; fitgate_staff=abc")]);
        assert_eq!(Presented::of(&Method::GET, &plain).unwrap().token, "abc");
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let refused = Presented::of(&method, &plain);
            assert!(matches!(refused, Err(Error::Forbidden(Code::CsrfRequired))), "{method}");
        }
        let word = csrf("abc");
        let whole = [("cookie", "fitgate_staff=abc"), ("fitgate-csrf", word.as_str())];
        let presented = Presented::of(&Method::POST, &headers(&whole)).unwrap();
        assert_eq!(presented.csrf(), Some(word));
        let others = csrf("abd");
        for words in [vec![others.as_str()], vec![""], vec![&others, &others]] {
            let mut wrong = vec![("cookie", "fitgate_staff=abc")];
            wrong.extend(words.into_iter().map(|word| ("fitgate-csrf", word)));
            assert!(Presented::of(&Method::POST, &headers(&wrong)).is_err());
        }
    }

    /// What is stored of a token is made of it too; whoever reads that must not know the word.
    #[test]
    fn the_word_is_not_what_is_stored_of_the_token() {
        assert_ne!(csrf("abc"), crate::base::keys::token_hash("abc"));
    }

    #[test]
    fn a_program_sends_its_token_and_no_word() {
        let both = [("authorization", "Bearer xyz"), ("cookie", "fitgate_staff=abc")];
        let presented = Presented::of(&Method::POST, &headers(&both)).unwrap();
        assert_eq!((presented.token.as_str(), presented.csrf()), ("xyz", None));
        let broken = [("authorization", "Basic xyz"), ("cookie", "fitgate_staff=abc")];
        assert!(Presented::of(&Method::GET, &headers(&broken)).is_err());
    }

    #[test]
    fn two_cookies_of_ours_are_refused() {
        for cookies in [
            vec![("cookie", "fitgate_staff=a; fitgate_staff=b")],
            vec![("cookie", "fitgate_staff=a"), ("cookie", "fitgate_staff=b")],
        ] {
            let refused = Presented::of(&Method::GET, &headers(&cookies));
            assert!(matches!(refused, Err(Error::Malformed(Code::DuplicateHeader))));
        }
        let none = [vec![], vec![("cookie", "fitgate_staff=")], vec![("cookie", "fitgate_staf=a")]];
        for cookies in none {
            let refused = Presented::of(&Method::GET, &headers(&cookies));
            assert!(matches!(refused, Err(Error::Unauthenticated(_))));
        }
    }

    #[test]
    fn no_script_and_no_other_site_gets_the_cookie() {
        let text = kept("abc").unwrap();
        let text = text.to_str().unwrap();
        for part in ["fitgate_staff=abc;", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=43200"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(forgotten().unwrap().to_str().unwrap().contains("Max-Age=0"));
    }
}
