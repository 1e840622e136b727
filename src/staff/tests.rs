//! Adding staff, signing in with both factors, lock-outs, and how sessions end.

use std::net::Ipv4Addr;

use super::*;
use crate::base::clock::from_millis;

const PASSWORD: &str = "correct horse battery";
/// 2026-11-23T08:00:00Z, the start of a one-time code's step.
const START_MS: i64 = 1_795_420_800_000;

struct Office {
    db: DatabaseConnection,
    keys: Keys,
    attempts: Attempts,
    secret: Vec<u8>,
    _folder: tempfile::TempDir,
}

impl Office {
    async fn open() -> Self {
        let (folder, db) = db::fresh_for_tests().await;
        let keys = Keys::generate();
        let added = add(&db, &keys, clerk("clerk"), "command", now()).await.unwrap();
        let secret = totp_rs::Secret::try_from_base32(&added.totp_secret).unwrap();
        let secret = secret.as_ref().to_vec();
        Self { db, keys, attempts: Attempts::default(), secret, _folder: folder }
    }

    fn code(&self, at: DateTime<Utc>) -> String {
        password::code_at(&self.secret, at)
    }

    async fn try_in(
        &self,
        name: &str,
        password: &str,
        code: &str,
        at: DateTime<Utc>,
    ) -> Result<SignedIn, Error> {
        let asked =
            SignIn { name: name.into(), password: password.to_owned().into(), code: code.into() };
        sign_in(&self.db, &self.keys, &self.attempts, asked, None, at).await
    }
}

fn now() -> DateTime<Utc> {
    from_millis(START_MS)
}

fn clerk(name: &str) -> NewStaff {
    NewStaff {
        name: StaffName::try_from(name.to_owned()).unwrap(),
        password: PASSWORD.to_owned().into(),
        role: Role::Community,
        division: "330499001001".parse().unwrap(),
    }
}

fn is_failed<T>(tried: &Result<T, Error>) -> bool {
    matches!(tried, Err(Error::Unauthenticated(Code::SignInFailed)))
}

fn is_locked<T>(tried: &Result<T, Error>) -> bool {
    matches!(tried, Err(Error::TooMany(Code::SignInLocked, 1..=900)))
}

#[tokio::test]
async fn both_factors_open_a_session_that_signing_out_ends() {
    let office = Office::open().await;
    let signed_in = office.try_in("clerk", PASSWORD, &office.code(now()), now()).await.unwrap();
    assert_eq!(signed_in.expires_at, now() + ABSOLUTE);
    let caller = find_session(&office.db, &signed_in.token, now()).await.unwrap().unwrap();
    assert_eq!((caller.id, caller.role), (signed_in.id, Role::Community));
    assert!(find_session(&office.db, "another", now()).await.unwrap().is_none());
    sign_out(&office.db, &caller, now()).await.unwrap();
    assert!(find_session(&office.db, &signed_in.token, now()).await.unwrap().is_none());
    let verified = audit::verify(&office.db).await.unwrap();
    assert_eq!((verified.heads[0].n, verified.breaches.len()), (3, 0));
}

#[tokio::test]
async fn a_code_is_taken_once_and_none_before_it() {
    let office = Office::open().await;
    let code = office.code(now());
    assert!(office.try_in("clerk", PASSWORD, &code, now()).await.is_ok());
    assert!(is_failed(&office.try_in("clerk", PASSWORD, &code, now()).await));
    let before = office.code(now() - TimeDelta::seconds(30));
    assert!(is_failed(&office.try_in("clerk", PASSWORD, &before, now()).await));
    let after = office.code(now() + TimeDelta::seconds(30));
    assert!(office.try_in("clerk", PASSWORD, &after, now()).await.is_ok());
}

#[tokio::test]
async fn every_wrong_part_is_the_same_refusal() {
    let office = Office::open().await;
    let code = office.code(now());
    assert!(is_failed(&office.try_in("clerk", "wrong", &code, now()).await));
    assert!(is_failed(&office.try_in("clerk", PASSWORD, "000000", now()).await));
    for nobody in ["nobody", "", "clerk\0", &"x".repeat(100_000)] {
        assert!(is_failed(&office.try_in(nobody, PASSWORD, &code, now()).await));
    }
}

#[tokio::test]
async fn five_failures_lock_known_and_unknown_names_alike() {
    let office = Office::open().await;
    for name in ["clerk", "nobody"] {
        for _ in 0..5 {
            assert!(is_failed(&office.try_in(name, "wrong", "000000", now()).await));
        }
        assert!(is_locked(&office.try_in(name, PASSWORD, &office.code(now()), now()).await));
    }
    let later = now() + attempts::WINDOW;
    assert!(office.try_in("clerk", PASSWORD, &office.code(later), later).await.is_ok());
}

#[tokio::test]
async fn another_replica_knows_of_a_locked_account() {
    let mut office = Office::open().await;
    for _ in 0..5 {
        assert!(is_failed(&office.try_in("clerk", "wrong", "000000", now()).await));
    }
    office.attempts = Attempts::default();
    assert!(is_locked(&office.try_in("clerk", PASSWORD, &office.code(now()), now()).await));
}

#[tokio::test]
async fn an_address_is_locked_over_all_names() {
    let office = Office::open().await;
    let from = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let asked = |name: &str| SignIn {
        name: name.into(),
        password: "wrong".to_owned().into(),
        code: "000000".into(),
    };
    for name in ["a", "b", "c", "d", "e"] {
        let tried = sign_in(&office.db, &office.keys, &office.attempts, asked(name), from, now());
        assert!(is_failed(&tried.await));
    }
    let tried = sign_in(&office.db, &office.keys, &office.attempts, asked("clerk"), from, now());
    assert!(is_locked(&tried.await));
}

#[tokio::test]
async fn a_session_ends_when_idle_and_after_twelve_hours() {
    let office = Office::open().await;
    let token = office.try_in("clerk", PASSWORD, &office.code(now()), now()).await.unwrap().token;
    let alive = async |after: TimeDelta| {
        find_session(&office.db, &token, now() + after).await.unwrap().is_some()
    };
    for n in 1..=24 {
        assert!(alive(TimeDelta::minutes(29) * n).await);
    }
    assert!(!alive(TimeDelta::minutes(29 * 24 + 30)).await, "idle for half an hour");
    assert!(!alive(ABSOLUTE).await);
    assert_eq!(sweep_sessions(&office.db, now() + ABSOLUTE * 2).await.unwrap(), 1);
}

#[tokio::test]
async fn taken_names_and_weak_passwords_are_refused() {
    let office = Office::open().await;
    let taken = add(&office.db, &office.keys, clerk("clerk"), "command", now()).await;
    assert!(matches!(taken, Err(Error::Conflict(Code::StaffNameTaken))));
    let weak = NewStaff { password: "1234567890".to_owned().into(), ..clerk("another") };
    let weak = add(&office.db, &office.keys, weak, "command", now()).await;
    assert!(matches!(weak, Err(Error::Invalid(_))));
}

#[test]
fn staff_names_have_no_blanks_or_controls() {
    for bad in ["", " ", "a b", "a\nb", "a\0", &"a".repeat(65)] {
        assert!(StaffName::try_from(bad.to_owned()).is_err());
    }
    assert!(StaffName::try_from("前台-1".to_owned()).is_ok());
    assert_eq!(
        totp_url("前台", "ABC"),
        "otpauth://totp/fitgate:%E5%89%8D%E5%8F%B0?secret=ABC&issuer=fitgate"
    );
}
