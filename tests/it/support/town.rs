//! A server that runs, and what is built in its town through the API.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use fitgate::Clock;
use reqwest::header;
use serde_json::{Value, json};

use super::{
    Answer, Member, Office, Server, Shown, Store, Terminal, Wire, at, document, eventually,
    people::{REGISTERED, registration},
    wechat::FakeWechat,
};

/// The community in which things are unless told otherwise.
pub const COMMUNITY: &str = "330499001001";
/// When stories begin: a Monday, ten in the morning in Zhejiang.
pub const NOW: &str = "2026-11-23T02:00:00Z";
/// Its divisions, all covered by the first.
const DIVISIONS: [&str; 5] = ["3304", "330499", "330499001", COMMUNITY, "330499001002"];

/// A town with a server, an admin and a community without venues.
pub struct TestTown {
    server: Server,
    pub clock: Clock,
    pub wire: Wire,
    pub ops: Wire,
    /// The admin of the whole town.
    pub office: Office,
    born: AtomicU32,
    wechat: Option<FakeWechat>,
    /// Last: removed when nothing uses it any more.
    pub store: Store,
}

/// A town without its server.
pub struct DeadTown {
    clock: Clock,
    office: Office,
    born: AtomicU32,
    store: Store,
}

/// A place with doors.
#[derive(Clone, Debug)]
pub struct Venue {
    pub id: String,
}

impl TestTown {
    /// A town on a Monday morning.
    pub async fn open() -> Self {
        Self::open_at(NOW).await
    }

    /// A town at another time.
    pub async fn open_at(now: &str) -> Self {
        let (store, clock) = (Store::fresh().await, Clock::fixed(at(now)));
        let server = Server::start(&store, &clock, None).await.unwrap();
        Self::founded(server, store, clock, None).await
    }

    /// A town whose residents have the mini-program, with a register that pretends.
    pub async fn with_wechat() -> Self {
        Self::living(Store::fresh().await, Some(FakeWechat::open().await)).await
    }

    /// The same at another time than the tests' usual one. A clock set back later would have what
    /// the start's jobs take for old removed at any moment.
    pub async fn with_wechat_at(instant: &str) -> Self {
        let clock = Clock::fixed(at(instant));
        Self::living_by(clock, Store::fresh().await, Some(FakeWechat::open().await)).await
    }

    /// The same, where photos of faces are only relayed to terminals.
    pub async fn relaying_faces() -> Self {
        let mut store = Store::fresh().await;
        store.relays_faces = true;
        Self::living(store, Some(FakeWechat::open().await)).await
    }

    /// A town whose webhooks may call receivers of ours.
    pub async fn calling_anywhere() -> Self {
        let mut store = Store::fresh().await;
        store.calls_anywhere = true;
        Self::living(store, None).await
    }

    /// The same, where measured minutes are points.
    pub async fn giving_points() -> Self {
        let mut store = Store::fresh().await;
        store.gives_points = true;
        Self::living(store, Some(FakeWechat::open().await)).await
    }

    async fn living(store: Store, wechat: Option<FakeWechat>) -> Self {
        Self::living_by(Clock::fixed(at(NOW)), store, wechat).await
    }

    async fn living_by(clock: Clock, store: Store, wechat: Option<FakeWechat>) -> Self {
        let server = Server::start(&store, &clock, wechat.as_ref()).await.unwrap();
        Self::founded(server, store, clock, wechat).await
    }

    /// The same town, whose server can die.
    pub async fn open_mortal() -> Self {
        let (store, clock) = (Store::fresh().await, Clock::fixed(at(NOW)));
        let server = Server::mortal(&store, &clock).await;
        Self::founded(server, store, clock, None).await
    }

    async fn founded(
        server: Server,
        store: Store,
        clock: Clock,
        wechat: Option<FakeWechat>,
    ) -> Self {
        let (wire, ops) = (server.wire.clone(), server.ops.clone());
        let office = Office::hired(&store, &wire, &clock, "admin", "33").await;
        for code in DIVISIONS {
            let body = json!({ "code": code, "name": format!("区划{code}") });
            office.post("/divisions", &body).await.ok();
        }
        Self { server, clock, wire, ops, office, born: AtomicU32::new(0), wechat, store }
    }

    /// Stops the server and starts it again on the same data.
    pub async fn restarted(self) -> Self {
        self.server.stop().await;
        let server = Server::start(&self.store, &self.clock, self.wechat.as_ref()).await.unwrap();
        let (wire, ops) = (server.wire.clone(), server.ops.clone());
        let office = self.office.at_server(&wire);
        Self { server, wire, ops, office, ..self }
    }

    /// Stops the server, puts a copy of the database in place, and starts it again.
    pub async fn restored(self, copy: &std::path::Path) -> Self {
        self.server.stop().await;
        self.store.restores(copy).await;
        let server = Server::start(&self.store, &self.clock, self.wechat.as_ref()).await.unwrap();
        let (wire, ops) = (server.wire.clone(), server.ops.clone());
        let office = self.office.at_server(&wire);
        Self { server, wire, ops, office, ..self }
    }

    /// The mortal server dies; what is left of the town can be opened again.
    pub async fn dies(self) -> DeadTown {
        self.server.dies().await;
        let Self { clock, office, born, store, .. } = self;
        DeadTown { clock, office, born, store }
    }

    /// Another server on the same data; none, said aloud, where the stores cannot be shared.
    pub async fn second_server(&self) -> Option<Server> {
        if !self.store.is_shared() {
            println!("one server only: a second one needs PostgreSQL and Redis");
            return None;
        }
        Some(Server::start(&self.store, &self.clock, self.wechat.as_ref()).await.unwrap())
    }

    /// WeChat, as this town's server meets it.
    pub fn wechat(&self) -> &FakeWechat {
        self.wechat.as_ref().unwrap()
    }

    /// Where the public listener is.
    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// It is `instant` now.
    pub fn is_now(&self, instant: &str) {
        self.clock.set(at(instant));
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A gym with doors in both directions that never closes.
    pub async fn gym(&self) -> (Venue, Terminal) {
        let venue = self.venue("健身房", json!({})).await;
        let terminal = self.terminal(&venue, "both").await;
        (venue, terminal)
    }

    /// A venue of the community; `more` stands over what most venues are.
    pub async fn venue(&self, name: &str, more: Value) -> Venue {
        let mut body = json!({
            "community": COMMUNITY, "name": name, "kind": "gym", "opened_on": "2026-01-01",
        });
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        let made = self.office.post("/venues", &body).await.ok();
        Venue { id: made["id"].as_str().unwrap().to_owned() }
    }

    /// A terminal at a door of `venue`, there since it opened.
    pub async fn terminal(&self, venue: &Venue, direction: &str) -> Terminal {
        self.terminal_since(venue, direction, "2026-01-01").await
    }

    /// A terminal at a door of `venue` since a business day.
    pub async fn terminal_since(&self, venue: &Venue, direction: &str, day: &str) -> Terminal {
        let serial = format!("T-{}", self.next());
        let body = json!({
            "serial": serial, "venue_id": venue.id, "direction": direction, "valid_from": day,
        });
        let made = self.office.post("/terminals", &body).await.ok();
        Terminal::new(&self.wire, &self.clock, serial, &made)
    }

    /// An adult who agreed to everything a door needs and whose minutes count.
    pub async fn member(&self) -> Member {
        self.member_who("1990-01-01", &["door_face", "minutes_statistics"]).await
    }

    /// Somebody born on or soon after `birth` with these consents, a face and a card.
    pub async fn member_who(&self, birth: &str, consents: &[&str]) -> Member {
        let n = self.next();
        let number = Self::number(birth, n);
        let body = registration(&number, COMMUNITY, consents);
        let made = self.office.post("/members", &body).await.ok();
        let id = made["id"].as_str().unwrap().to_owned();
        let (face, card) = (Shown::face(&format!("f-{n}")), Shown::card(&format!("c-{n}")));
        for shown in [&face, &card] {
            self.credential(&id, shown).await;
        }
        Member { id, number, face, card }
    }

    /// A child of ten, with its guardian.
    pub async fn child_of(&self, guardian: &Member) -> Member {
        let n = self.next();
        let number = Self::number("2016-01-01", n);
        let mut body = registration(&number, COMMUNITY, &[]);
        body["guardian_id"] = json!(guardian.id);
        let made = self.office.post("/members", &body).await.ok();
        let id = made["id"].as_str().unwrap().to_owned();
        let (face, card) = (Shown::face(&format!("f-{n}")), Shown::card(&format!("c-{n}")));
        Member { id, number, face, card }
    }

    /// A document number that nobody has, of somebody born in the month after `birth`.
    pub fn number(birth: &str, n: u32) -> String {
        let birth: NaiveDate = birth.parse().unwrap();
        document(birth + Days::new(u64::from(n % 28)), n / 28)
    }

    /// Gives a member a face or card under this handle.
    pub async fn credential(&self, member: &str, shown: &Shown) {
        let body = json!({
            "kind": shown.method, "handle": shown.credential, "valid_from": REGISTERED,
        });
        self.office.post(&format!("/members/{member}/credentials"), &body).await.ok();
    }

    /// Somebody whom vendors' terminals know under this number.
    pub async fn numbered(&self, number: &str) -> Member {
        let member = self.member().await;
        self.credential(&member.id, &Shown::face(number)).await;
        member
    }

    /// Claims a vendor's terminal for a door; gives what the office was answered.
    pub async fn claim(&self, venue: &Venue, protocol: &str, serial: &str, way: &str) -> Value {
        let body = json!({
            "protocol": protocol, "serial": serial, "venue_id": venue.id, "direction": way,
        });
        self.office.post("/terminals/claims", &body).await.ok()
    }

    /// Somebody else of the staff.
    pub async fn hire(&self, role: &str, over: &str) -> Office {
        Office::hired(&self.store, &self.wire, &self.clock, role, over).await
    }

    /// A screen of `division`.
    pub async fn screen(&self, division: &str) -> Screen {
        let said = self.store.fitgate(&["screens", "add", "--division", division]).await;
        let said: Value = serde_json::from_str(&said).unwrap();
        let text = |field: &str| said[field].as_str().unwrap().to_owned();
        let (id, token) = (text("id"), text("token"));
        Screen { wire: self.wire.clone(), division: division.to_owned(), id, token }
    }

    /// What stands in the ledger, as the command tells it.
    pub async fn digest(&self) -> String {
        self.store.fitgate(&["ledger", "digest"]).await
    }

    /// The counters are, or soon become, what SQL says, by the server's clock; and the ledger
    /// agrees with itself.
    pub async fn adds_up(&self) {
        let verified = eventually("counters equal to SQL", async || {
            Some(self.verified().await).filter(|verified| verified["differences"] == json!([]))
        })
        .await;
        let of = |field: &str| verified[field].as_u64().unwrap();
        // Who is inside each venue, at least, was looked at; and the visits of each day in SQL.
        let venues = self.store.count("SELECT COUNT(*) AS n FROM venues").await;
        assert!(of("compared") >= venues, "{verified}");
        let day = |days: i64| (self.now() + TimeDelta::days(days)).date_naive();
        let visited = format!(
            "SELECT COUNT(*) AS n FROM venue_days \
             WHERE visits > 0 AND business_day BETWEEN '{}' AND '{}'",
            day(-1),
            day(1)
        );
        let visited = self.store.count(&visited).await;
        assert!(of("not_zero") >= visited, "{visited} days with visits: {verified}");
        self.store.fitgate(&["ledger", "verify"]).await;
    }

    /// What the server says when it compares its counters with SQL now.
    pub async fn verified(&self) -> Value {
        Answer::to(self.ops.get("/counters/verify")).await.ok()
    }

    /// A number that was not given before.
    pub fn next(&self) -> u32 {
        self.born.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl DeadTown {
    /// A new server on what the dead one left.
    pub async fn reopened(self) -> TestTown {
        let Self { clock, office, born, store } = self;
        let server = Server::start(&store, &clock, None).await.unwrap();
        let (wire, ops) = (server.wire.clone(), server.ops.clone());
        let office = office.at_server(&wire);
        TestTown { server, clock, wire, ops, office, born, wechat: None, store }
    }
}

/// A big screen with its token.
#[derive(Clone)]
pub struct Screen {
    pub wire: Wire,
    pub division: String,
    /// What the operator revokes the token by.
    pub id: String,
    pub token: String,
}

impl Screen {
    fn path(&self) -> String {
        format!("/api/v1/screens/{}", self.division)
    }

    /// The same token before another division.
    pub fn before(&self, division: &str) -> Self {
        Self { division: division.to_owned(), ..self.clone() }
    }

    /// Asks once; `etag` is of the last answer, or empty.
    pub async fn asks(&self, etag: &str) -> Answer {
        let request = self.wire.get(&self.path()).bearer_auth(&self.token);
        let request = match etag {
            "" => request,
            etag => request.header(header::IF_NONE_MATCH, etag),
        };
        Answer::to(request).await
    }

    /// The document of now, which may be a second old.
    pub async fn document(&self) -> Value {
        self.asks("").await.ok()
    }

    /// The document once it shows `what`.
    pub async fn shows(&self, what: &str, mut seen: impl FnMut(&Value) -> bool) -> Value {
        let look = async || Some(self.document().await).filter(|document| seen(document));
        eventually(what, look).await
    }

    /// Opens the stream.
    pub async fn watches(&self) -> reqwest::Response {
        let path = format!("{}/stream", self.path());
        self.wire.get(&path).bearer_auth(&self.token).send().await.unwrap()
    }
}
