//! The staff's side of the API: what somebody at a desk would do to set the town up.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use reqwest::RequestBuilder;
use sea_orm::DatabaseConnection;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::sleep;
use totp_rs::{Algorithm, Builder, Secret};

use super::{
    credentials::{Staff, Terminal},
    native::{is_passing, problem_code, retry_after},
    people::{self, Person},
    places::{DIVISIONS, Door, Period, Place, SCHOOL_APPROVAL, VENUES, Venue},
    progress::Progress,
};
use crate::{
    base::{
        clock::Clock,
        ids::{Method, VenueId, ZoneId},
    },
    staff::{self, StaffCaller},
};

/// Members of one import: a commit of a second or less.
const IMPORTED_AT_ONCE: usize = 500;
/// How often a busy server is asked, and how long after if it does not say.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(500);

/// Somebody of the staff, signed in.
pub struct Office {
    client: reqwest::Client,
    base_url: String,
    token: String,
}

impl Office {
    /// Signs in with password and one-time code.
    pub async fn open(
        client: reqwest::Client,
        base_url: &str,
        who: &Staff,
        clock: &Clock,
    ) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Session {
            token: String,
        }
        let code = one_time_code(&who.totp_secret, clock)?;
        let body = json!({ "name": who.name, "password": who.password, "code": code });
        let request = client.post(format!("{base_url}/api/v1/staff/sessions")).json(&body);
        let session: Session = answer(request).await.context("signing in")?;
        Ok(Self { client, base_url: base_url.to_owned(), token: session.token })
    }

    /// Posts JSON and reads the answer.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        answer(self.request(path).json(body)).await.with_context(|| path.to_owned())
    }

    /// Takes members over as from another platform, whose records are dated.
    pub async fn import_members(&self, people: &[Person]) -> anyhow::Result<()> {
        let mut progress = Progress::begin("members", people.len());
        for (n, part) in people.chunks(IMPORTED_AT_ONCE).enumerate() {
            let lines: Vec<String> = part.iter().map(|person| line(person).to_string()).collect();
            let request = self
                .request("/api/v1/staff/members/import")
                .header("Content-Type", "application/x-ndjson")
                .header("Idempotency-Key", format!("demo-members-{n}"));
            let _report: Value = answer(request.body(lines.join("\n"))).await.context("members")?;
            progress.advance(part.len());
        }
        Ok(())
    }

    /// Registers a terminal at a door; its key is told this once.
    pub async fn add_terminal(&self, door: &Door, venue: VenueId) -> anyhow::Result<Terminal> {
        #[derive(Deserialize)]
        struct Created {
            id: String,
            key_id: String,
            key: String,
        }
        let direction = door.facing.as_str();
        let body = json!({ "serial": door.serial, "venue_id": venue, "direction": direction });
        let Created { id, key_id, key } = self.post("/api/v1/staff/terminals", &body).await?;
        Ok(Terminal {
            id,
            key_id,
            key,
            venue_id: venue.to_string(),
            direction: direction.to_owned(),
            protocol: "native".to_owned(),
            serial: door.serial.to_owned(),
            used_for: door.replay.then(|| "replay".to_owned()),
        })
    }

    fn request(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base_url)).bearer_auth(&self.token)
    }

    /// Who is signed in, as the functions behind the routes see them.
    pub async fn caller(
        &self,
        db: &DatabaseConnection,
        clock: &Clock,
    ) -> anyhow::Result<StaffCaller> {
        let found = staff::find_session(db, &self.token, clock.now()).await?;
        found.context("the session has ended")
    }

    /// Registers divisions and venues with their zones; in the order of [`VENUES`].
    pub async fn found_places(&self) -> anyhow::Result<Vec<Place>> {
        #[derive(Deserialize)]
        struct Created<T> {
            id: T,
        }
        for division in &DIVISIONS {
            let body = json!({
                "code": division.code,
                "name": division.name,
                "resident_population": division.population,
            });
            let _none: Value = self.post("/api/v1/staff/divisions", &body).await?;
        }
        let mut places = Vec::new();
        for venue in &VENUES {
            let made: Created<VenueId> =
                self.post("/api/v1/staff/venues", &venue_body(venue)).await?;
            let mut place = Place { id: made.id, zones: Vec::new() };
            for (kind, name) in venue.zones {
                let path = format!("/api/v1/staff/venues/{}/zones", place.id);
                let zone = json!({ "kind": kind, "name": name });
                let made: Created<ZoneId> = self.post(&path, &zone).await?;
                place.zones.push(made.id);
            }
            places.push(place);
        }
        Ok(places)
    }
}

/// A member as a line of the import.
fn line(person: &Person) -> Value {
    let at = person.registered_at;
    let kind = if person.shows == Method::Face { "face" } else { "card" };
    let consents: Vec<Value> = person
        .consents()
        .map(|purpose| json!({ "purpose": purpose, "granted": true, "at": at }))
        .collect();
    let approvals: Vec<Value> = person
        .approved
        .then(|| json!({ "kind": SCHOOL_APPROVAL, "valid_from": at }))
        .into_iter()
        .collect();
    json!({
        "name": person.name,
        "document": { "type": "resident_id", "number": person.document },
        "phone": person.phone,
        "home_community": person.home,
        "registered_at": at,
        "consents": consents,
        "credentials": [{ "kind": kind, "handle": person.handle, "valid_from": at }],
        "approvals": approvals,
    })
}

fn venue_body(venue: &Venue) -> Value {
    let mut body = json!({
        "community": venue.community,
        "name": venue.name,
        "kind": venue.kind,
        "area_m2": venue.area_m2,
        "position": { "lat": venue.lat, "lng": venue.lng, "coordinates": "wgs84" },
        "opened_on": people::started_on(),
        "rules": {
            "pairing": venue.pairing.as_str(),
            "prerequisites": venue.prerequisites,
            "capacity_soft": venue.capacity_soft,
            "capacity": venue.capacity,
        },
    });
    if let Some((working, weekend)) = venue.hours {
        body["hours"] =
            (1..=7).map(|day| hours(day, if day < 6 { working } else { weekend })).collect();
    }
    body
}

fn hours(weekday: u8, (opens, closes): Period) -> Value {
    let face = |minutes: i64| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    json!({ "weekday": weekday, "opens": face(opens), "closes": face(closes) })
}

/// The six digits that an authenticator app shows now for a base32 secret.
fn one_time_code(secret: &str, clock: &Clock) -> anyhow::Result<String> {
    let secret = Secret::try_from_base32(secret).map_err(|_| anyhow!("no base32 secret"))?;
    let app = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(secret)
        .build_noncompliant();
    Ok(app.generate(u64::try_from(clock.now().timestamp())?).to_string())
}

/// Sends a request and reads its JSON; an empty answer reads as `null`. A server that is busy is
/// asked again when it says, a few times.
async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> anyhow::Result<T> {
    let mut tries = 0;
    loop {
        tries += 1;
        let attempt = request.try_clone().context("a body that streams cannot be repeated")?;
        let answer = attempt.send().await?;
        let (status, wanted) = (answer.status(), retry_after(&answer));
        let bytes = answer.bytes().await?;
        if status.is_success() {
            let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
            return serde_json::from_slice(text).context("unexpected answer");
        }
        if !is_passing(status) || tries == TRIES {
            bail!("answered {status} {}", problem_code(&bytes));
        }
        sleep(wanted.unwrap_or(PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    #[test]
    fn one_time_codes_are_those_of_rfc_6238() {
        let clock = Clock::fixed(from_millis(59_000));
        let code = one_time_code("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", &clock).expect("a code");
        assert_eq!(code, "287082");
    }

    #[test]
    fn a_venue_says_its_hours_for_each_weekday_or_none_at_all() {
        let gym = venue_body(&VENUES[0]);
        assert_eq!(gym["hours"][6], json!({"weekday": 7, "opens": "05:00", "closes": "24:00"}));
        assert_eq!(gym["opened_on"], "2020-12-01");
        let school = venue_body(&VENUES[3]);
        assert_eq!(school["hours"][0]["opens"], "17:30");
        assert!(venue_body(&VENUES[7]).get("hours").is_none());
    }

    #[test]
    fn a_member_is_imported_with_everything_that_is_dated() {
        let people = people::draw(1, "2026-11-23".parse().expect("a day"));
        let line = line(&people[0]);
        assert_eq!(line["registered_at"], "2020-12-01T00:00:00Z");
        assert_eq!(line["consents"][1]["purpose"], "minutes_statistics");
        assert_eq!(line["credentials"][0]["handle"], "face-000001");
        assert_eq!(line["approvals"][0]["kind"], SCHOOL_APPROVAL);
    }
}
