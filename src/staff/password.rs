//! The two factors of staff: passwords behind argon2id, and one-time codes (RFC 6238).

use std::{fmt, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use chrono::{DateTime, Utc};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};
use totp_rs::{Algorithm as CodeAlgorithm, Builder, Secret, Totp};

use crate::base::error::{Code, Error};

/// OWASP's argon2id with one pass: 46 MiB, one lane.
const MEMORY_KIB: u32 = 47_104;
const PASSES: u32 = 1;
const LANES: u32 = 1;
/// Passwords checked at once in this process: each takes 46 MiB and a core.
const HASHES_AT_ONCE: usize = 2;
/// How long a sign-in waits for its turn before it is told to come back.
const TURN_TIMEOUT: Duration = Duration::from_secs(5);
const BUSY_RETRY_S: u32 = 5;

static TURNS: Semaphore = Semaphore::const_new(HASHES_AT_ONCE);

/// What nobody's password matches, for names that nobody has: the work is the same.
pub const NOBODYS_HASH: &str = "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$\
     AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password as somebody gave it. `Debug` shows nothing.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Password(SecretString);

/// Characters of a new password; the upper bound keeps hashing cheap.
const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 10..=128;
/// What is tried first everywhere, and here; compared in lower case.
const COMMON: [&str; 18] = [
    "0123456789",
    "1234567890",
    "0987654321",
    "123456789a",
    "a123456789",
    "aa123456789",
    "1q2w3e4r5t",
    "qwertyuiop",
    "qwerty12345",
    "password12",
    "password123",
    "passw0rd123",
    "admin12345",
    "admin123456",
    "administrator",
    "woaini1314",
    "woaini521314",
    "5201314520",
];

impl Password {
    /// Whether somebody called `name` may take it as a new password.
    pub fn check_strength(&self, name: &str) -> Result<(), Code> {
        let text = self.0.expose_secret().to_lowercase();
        let one_character = text.chars().all(|c| text.starts_with(c));
        let fits = PASSWORD_CHARACTERS.contains(&text.chars().count())
            && !COMMON.contains(&text.as_str())
            && !one_character
            && text != name.to_lowercase();
        fits.then_some(()).ok_or(Code::PasswordWeak)
    }

    /// The PHC string to keep: argon2id with a fresh salt.
    pub async fn hash(self) -> Result<String, Error> {
        let hashed = in_turn(&TURNS, move || {
            argon2id().hash_password(self.0.expose_secret().as_bytes()).map(|hash| hash.to_string())
        });
        hashed.await?.map_err(|error| Error::internal(anyhow::anyhow!("argon2: {error}")))
    }

    /// Whether it is the password behind `phc`; takes as long when it is not.
    pub async fn matches(self, phc: String) -> Result<bool, Error> {
        in_turn(&TURNS, move || {
            PasswordHash::new(&phc).is_ok_and(|hash| {
                argon2id().verify_password(self.0.expose_secret().as_bytes(), &hash).is_ok()
            })
        })
        .await
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("constants within bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Runs `work` off the async threads when one of the few turns is free.
async fn in_turn<T: Send + 'static>(
    turns: &Semaphore,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let busy = || Error::Unavailable(Code::SignInBusy, BUSY_RETRY_S);
    let turn = timeout(TURN_TIMEOUT, turns.acquire()).await.map_err(|_| busy())?;
    let _turn = turn.map_err(Error::internal)?;
    spawn_blocking(work).await.map_err(Error::internal)
}

/// Bytes of a one-time code's secret: 160 bits, as RFC 4226 recommends.
pub const CODE_SECRET_BYTES: usize = 20;
const CODE_DIGITS: u8 = 6;
const CODE_STEP_S: u64 = 30;
/// A code of the step before or after is taken, for clocks that differ.
const CODE_SKEW_STEPS: u16 = 1;

pub fn new_code_secret() -> [u8; CODE_SECRET_BYTES] {
    let mut secret = [0; CODE_SECRET_BYTES];
    rand::rng().fill_bytes(&mut secret);
    secret
}

/// The secret as authenticator apps take it.
pub fn base32(secret: &[u8; CODE_SECRET_BYTES]) -> String {
    Secret::from(secret.to_vec()).to_base32()
}

/// The step whose code `code` is, if it is one of now; the caller sees to it that none is taken
/// twice. Whatever is not six ASCII digits is no code to the library either.
pub fn matching_step(secret: &[u8], code: &str, now: DateTime<Utc>) -> Option<i64> {
    let now_s = u64::try_from(now.timestamp()).ok()?;
    totp(secret).check(code, now_s).and_then(|step| i64::try_from(step).ok())
}

fn totp(secret: &[u8]) -> Totp {
    Builder::new()
        .with_algorithm(CodeAlgorithm::SHA1)
        .with_digits(CODE_DIGITS)
        .with_step_duration(CODE_STEP_S)
        .with_skew(CODE_SKEW_STEPS)
        .with_secret(secret.to_vec())
        .build_noncompliant()
}

/// The code of `secret` at `now`.
#[cfg(test)]
pub fn code_at(secret: &[u8], now: DateTime<Utc>) -> String {
    let now_s = u64::try_from(now.timestamp()).unwrap();
    totp(secret).generate(now_s).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    #[test]
    fn codes_match_the_vectors_of_rfc_6238() {
        let secret = b"12345678901234567890";
        for (at_s, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")]
        {
            let now = from_millis(at_s * 1000);
            assert_eq!(code_at(secret, now), code);
            assert_eq!(matching_step(secret, code, now), Some(at_s / 30));
        }
    }

    #[test]
    fn a_code_holds_one_step_around_its_own() {
        let secret = [7; CODE_SECRET_BYTES];
        let at = |s: i64| from_millis(s * 1000);
        let code = code_at(&secret, at(3000));
        for (s, taken) in [(2970, true), (3029, true), (3059, true), (3060, false), (2969, false)] {
            assert_eq!(matching_step(&secret, &code, at(s)).is_some(), taken, "{s}");
        }
        for wrong in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert_eq!(matching_step(&secret, wrong, at(3000)), None);
        }
    }

    #[test]
    fn a_code_is_six_digits_and_no_other_text_of_the_same_number() {
        let (secret, now) = (b"12345678901234567890", from_millis(1_111_111_109_000));
        for wrong in ["081804", "81804", "+81804", " 81804", "0081804", "０８１８０４"] {
            assert_eq!(matching_step(secret, wrong, now).is_some(), wrong == "081804", "{wrong}");
        }
    }

    /// 160 bits, which authenticator apps take without padding.
    #[test]
    fn the_secret_of_codes_is_as_long_as_rfc_4226_recommends() {
        let secret = new_code_secret();
        assert_eq!(secret.len() * 8, 160);
        assert_eq!(base32(&secret).trim_end_matches('=').len(), 32);
        assert_ne!(secret, new_code_secret());
    }

    #[test]
    fn weak_passwords_are_refused() {
        let check = |text: &str| Password::from(text.to_owned()).check_strength("desk-clerk-1");
        for weak in ["short", "1234567890", "PASSWORD123", "aaaaaaaaaaaa", "Desk-Clerk-1"] {
            assert_eq!(check(weak), Err(Code::PasswordWeak), "{weak}");
        }
        for (characters, taken) in [(9, false), (10, true), (128, true), (129, false)] {
            let text: String = ('a'..='z').cycle().take(characters).collect();
            assert_eq!(check(&text).is_ok(), taken, "{characters}");
        }
        assert_eq!(check("correct horse battery"), Ok(()));
        assert_eq!(check("一二三四五六七八九十"), Ok(()));
    }

    #[tokio::test]
    async fn only_the_right_password_matches_its_hash() {
        let password = Password::from("correct horse battery".to_owned());
        let hash = password.clone().hash().await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$"), "{hash}");
        assert!(password.clone().matches(hash.clone()).await.unwrap());
        assert!(!Password::from("another".to_owned()).matches(hash).await.unwrap());
        assert!(PasswordHash::new(NOBODYS_HASH).is_ok(), "the empty work is no work");
        assert!(!password.matches(NOBODYS_HASH.into()).await.unwrap());
    }

    /// Each takes 46 MiB and a core; whoever waits is told so before they give up.
    #[tokio::test]
    async fn two_passwords_are_checked_at_once_and_a_third_is_told_to_come_back_in_five_seconds() {
        let turns = Semaphore::new(HASHES_AT_ONCE);
        let first = turns.acquire().await.unwrap();
        assert!(in_turn(&turns, || {}).await.is_ok(), "the second");
        let second = turns.acquire().await.unwrap();
        let third = timeout(Duration::from_millis(5_100), in_turn(&turns, || {})).await;
        let third = third.expect("no longer than five seconds");
        assert!(matches!(third, Err(Error::Unavailable(Code::SignInBusy, 5))), "{third:?}");
        drop((first, second));
        assert!(in_turn(&turns, || {}).await.is_ok(), "whoever comes back");
    }
}
