//! Registering at the desk, what staff change later, and what doors are told.

use sea_orm::{DatabaseConnection, PaginatorTrait as _};

use super::{profile::profile, *};
use crate::{
    base::{
        clock::from_millis,
        db,
        documents::{DocumentKind, Sex, number_for_tests},
        error::Code,
        ids::DivisionCode,
        text::{PersonName, Phone},
    },
    staff::Role,
};

/// 2026-11-23T08:00:00Z.
const NOW_MS: i64 = 1_795_420_800_000;

fn now() -> DateTime<Utc> {
    from_millis(NOW_MS)
}

struct Desk {
    db: DatabaseConnection,
    keys: Keys,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn open() -> Self {
        let (folder, db) = db::fresh_for_tests().await;
        Self { db, keys: Keys::generate(), _folder: folder }
    }

    async fn register(&self, new: &NewMember) -> Result<MemberId, Error> {
        let tx = db::begin(&self.db).await?;
        let id = register(&tx, &self.keys, new, Channel::Desk, "staff:1", now()).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn profile(&self, id: MemberId) -> Profile {
        profile(&self.db, &self.keys, &clerk("3304"), id).await.unwrap()
    }

    async fn consent(&self, id: MemberId, granted: bool, at: DateTime<Utc>) -> Result<(), Error> {
        let tx = db::begin(&self.db).await?;
        let consent = minutes_consent(granted, Some(at));
        record_consent(&tx, &clerk("3304"), id, &consent, now()).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn members(&self) -> u64 {
        members::Entity::find().count(&self.db).await.unwrap()
    }
}

fn clerk(division: &str) -> crate::staff::StaffCaller {
    crate::staff::StaffCaller::for_tests(Role::Community, division.parse().unwrap())
}

fn minutes_consent(granted: bool, at: Option<DateTime<Utc>>) -> NewConsent {
    NewConsent { purpose: Purpose::MinutesStatistics, granted, text_version: None, at }
}

fn person(birth: &str, sequence: u32) -> NewMember {
    let number = number_for_tests(birth.parse().unwrap(), sequence);
    NewMember {
        name: PersonName::try_from("张三").unwrap(),
        document: Document::new(DocumentKind::ResidentId, &number, None).unwrap(),
        birth_date: None,
        sex: None,
        phone: None,
        home_community: "330499001001".parse().unwrap(),
        guardian: None,
        registered_at: None,
        consents: vec![minutes_consent(true, None)],
    }
}

fn adult(sequence: u32) -> NewMember {
    person("1990-05-01", sequence)
}

fn code_of<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result.unwrap_err() {
        Error::Invalid(faults) => faults[0].code,
        Error::Malformed(code)
        | Error::Unauthenticated(code)
        | Error::Forbidden(code)
        | Error::NotFound(code)
        | Error::Conflict(code)
        | Error::TooMany(code, _)
        | Error::Unavailable(code, _) => code,
        Error::Internal(cause) => panic!("{cause:?}"),
    }
}

#[tokio::test]
async fn a_registered_member_is_shown_masked_and_stored_sealed() {
    let desk = Desk::open().await;
    let phone = Phone::try_from("13900000000").unwrap();
    let new = NewMember { phone: Some(phone), ..adult(12) };
    let id = desk.register(&new).await.unwrap();
    let shown = desk.profile(id).await;
    assert_eq!((&*shown.name, shown.phone.as_deref()), ("张*", Some("139****0000")));
    assert!(shown.document_number.starts_with("3304**********"), "{}", shown.document_number);
    assert_eq!((shown.sex.as_deref(), shown.birth_year), (Some("female"), Some(1990)));
    assert_eq!((shown.registered_at, shown.verification), (now(), Verification::Desk));
    let row = members::Entity::find_by_id(id).one(&desk.db).await.unwrap().unwrap();
    let stored = format!("{row:?}");
    for secret in ["张三", "13900000000", &new.document.number(), "1990-05-01"] {
        assert!(!stored.contains(secret), "{secret} is stored in the clear");
    }
}

#[tokio::test]
async fn registering_makes_an_empty_timeline() {
    let desk = Desk::open().await;
    let id = desk.register(&adult(1)).await.unwrap();
    let sql = sea_orm::sea_query::Query::select()
        .columns(["member_id", "state"])
        .from("timelines")
        .to_owned();
    let row = desk.db.query_one(&sql).await.unwrap().unwrap();
    assert_eq!(row.try_get::<MemberId>("", "member_id").unwrap(), id);
    let state: serde_json::Value =
        serde_json::from_str(&row.try_get::<String>("", "state").unwrap()).unwrap();
    assert!(state["open"].is_null() && state["last"].is_null() && state["newest"].is_null());
}

#[tokio::test]
async fn one_document_registers_once_even_at_the_same_time() {
    let desk = Desk::open().await;
    let new = NewMember { phone: Phone::try_from("13900000000").ok(), ..adult(1) };
    let tries = (0..10).map(|_| desk.register(&new));
    let tries = futures_util::future::join_all(tries).await;
    let (done, refused): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), desk.members().await), (1, 1));
    for one in refused {
        assert_eq!(code_of(one), Code::IdAlreadyRegistered);
    }
    note_duplicate(&desk.db, &desk.keys, &new.document, "staff:2", now()).await.unwrap();
    assert_eq!(audit::verify(&desk.db).await.unwrap().heads[0].n, 2);
}

#[tokio::test]
async fn a_child_registers_with_a_grown_up_whose_phone_it_shares() {
    let desk = Desk::open().await;
    let phone = Phone::try_from("13900000000").ok();
    let mother = desk.register(&NewMember { phone: phone.clone(), ..adult(1) }).await.unwrap();
    let child = person("2015-06-01", 1);
    assert_eq!(code_of(desk.register(&child).await), Code::GuardianRequired);
    let stranger = NewMember { phone: phone.clone(), ..adult(2) };
    assert_eq!(code_of(desk.register(&stranger).await), Code::PhoneTaken);
    assert_eq!(desk.members().await, 1, "a refused registration left something");
    let guarded = NewMember { guardian: Some(mother), phone: phone.clone(), ..child };
    let first = desk.register(&guarded).await.unwrap();
    let sibling = NewMember { guardian: Some(mother), phone, ..person("2016-06-01", 1) };
    desk.register(&sibling).await.unwrap();
    let of_child = NewMember { guardian: Some(first), ..person("2017-06-01", 1) };
    assert_eq!(code_of(desk.register(&of_child).await), Code::GuardianUnfit);
    let unknown = NewMember { guardian: Some(MemberId::new()), ..person("2017-06-01", 1) };
    assert_eq!(code_of(desk.register(&unknown).await), Code::GuardianUnfit);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_leaves_nothing() {
    let desk = Desk::open().await;
    let later = Some(now() + TimeDelta::seconds(1));
    let district: DivisionCode = "330499".parse().unwrap();
    let twice = vec![minutes_consent(true, None), minutes_consent(false, None)];
    let outdated = NewConsent { text_version: Some("0".into()), ..minutes_consent(true, None) };
    let cases = [
        (NewMember { registered_at: later, ..adult(1) }, Code::BadTime),
        (NewMember { home_community: district, ..adult(1) }, Code::NotACommunity),
        (NewMember { sex: Some(Sex::Female), ..adult(1) }, Code::IdMismatch),
        (person("2027-01-01", 1), Code::IdBirthDate),
        (NewMember { consents: twice, ..adult(1) }, Code::ConsentOrder),
        (
            NewMember { consents: vec![minutes_consent(true, later)], ..adult(1) },
            Code::ConsentOrder,
        ),
        (NewMember { consents: vec![outdated], ..adult(1) }, Code::ConsentOutdated),
    ];
    for (new, code) in cases {
        assert_eq!(code_of(desk.register(&new).await), code);
    }
    assert_eq!(desk.members().await, 0);
    assert!(audit::verify(&desk.db).await.unwrap().heads.is_empty());
}

#[tokio::test]
async fn the_newest_consent_holds_and_none_is_changed() {
    let desk = Desk::open().await;
    let new = NewMember { consents: Vec::new(), ..adult(1) };
    let id = desk.register(&new).await.unwrap();
    let at = |minutes: i64| now() - TimeDelta::minutes(60 - minutes);
    for (minutes, granted) in [(10, true), (20, false), (30, true)] {
        desk.consent(id, granted, at(minutes)).await.unwrap();
    }
    assert_eq!(code_of(desk.consent(id, false, at(30)).await), Code::ConsentOrder);
    assert_eq!(code_of(desk.consent(id, false, at(61)).await), Code::ConsentOrder);
    let facts = &facts_for(&desk.db, &desk.keys, &[id]).await.unwrap()[&id];
    let holds = |minutes| facts.consents_to(Purpose::MinutesStatistics, at(minutes));
    assert_eq!([9, 10, 20, 29, 30, 60].map(holds), [false, true, false, false, true, true]);
    let shown = desk.profile(id).await.consents;
    assert_eq!((shown.len(), shown[0].granted, shown[0].needs_renewal), (1, true, false));
}

#[tokio::test]
async fn doors_know_credentials_and_permits_while_they_hold() {
    let desk = Desk::open().await;
    let (id, other) =
        (desk.register(&adult(1)).await.unwrap(), desk.register(&adult(3)).await.unwrap());
    let tx = db::begin(&desk.db).await.unwrap();
    let card = |handle: &str| NewCredential {
        kind: CredentialKind::Card,
        handle: handle.into(),
        valid_from: None,
        valid_to: Some(now() + TimeDelta::days(1)),
    };
    let by = clerk("330499");
    add_credential(&tx, &by, id, card("47"), now()).await.unwrap();
    assert_eq!(
        code_of(add_credential(&tx, &by, id, card("a b"), now()).await),
        Code::CredentialFormat
    );
    let permit =
        |valid_to| NewApproval { kind: "school_ground".into(), valid_from: now(), valid_to };
    approve(&tx, &by, id, permit(None), now()).await.unwrap();
    approve(&tx, &by, id, permit(Some(now() + TimeDelta::hours(1))), now()).await.unwrap();
    tx.commit().await.unwrap();
    let tx = db::begin(&desk.db).await.unwrap();
    let taken = add_credential(&tx, &by, other, card("47"), now()).await;
    assert_eq!(code_of(taken), Code::CredentialTaken);
    drop(tx);
    let facts = &facts_for(&desk.db, &desk.keys, &[id, other]).await.unwrap()[&id];
    assert_eq!(facts.approvals_at(now()).collect::<Vec<_>>(), ["school_ground"]);
    assert_eq!(facts.approvals_at(now() + TimeDelta::hours(1)).count(), 0);
    assert_eq!((facts.age_at(now()), facts.is_verified()), (Some(36), true));
}

#[tokio::test]
async fn staff_of_another_division_find_nobody() {
    let desk = Desk::open().await;
    let id = desk.register(&adult(1)).await.unwrap();
    let stranger = clerk("330498");
    assert_eq!(code_of(profile(&desk.db, &desk.keys, &stranger, id).await), Code::NotFound);
    let tx = db::begin(&desk.db).await.unwrap();
    let consent = minutes_consent(false, None);
    let refused = record_consent(&tx, &stranger, id, &consent, now()).await;
    assert_eq!(code_of(refused), Code::NotFound);
    let nobody = record_consent(&tx, &clerk("33"), MemberId::new(), &consent, now()).await;
    assert_eq!(code_of(nobody), Code::NotFound);
}

#[tokio::test]
async fn a_guardian_can_be_named_later() {
    let desk = Desk::open().await;
    let mother = desk.register(&adult(1)).await.unwrap();
    let teenager = desk.register(&person("2010-01-01", 1)).await.unwrap();
    let tx = db::begin(&desk.db).await.unwrap();
    let by = clerk("330499001001");
    set_guardian(&tx, &desk.keys, &by, teenager, mother, now()).await.unwrap();
    let refused = set_guardian(&tx, &desk.keys, &by, mother, teenager, now()).await;
    assert_eq!(code_of(refused), Code::GuardianUnfit);
    tx.commit().await.unwrap();
    assert_eq!(desk.profile(teenager).await.guardian, Some(mother));
}

#[tokio::test]
async fn a_token_is_stored_by_its_hash() {
    let desk = Desk::open().await;
    let id = desk.register(&adult(1)).await.unwrap();
    let token = issue_token(&desk.db, id, now()).await.unwrap();
    let row = member_tokens::Entity::find().one(&desk.db).await.unwrap().unwrap();
    assert_eq!((row.member_id, row.token_hash), (id, token_hash(&token)));
}
