//! What the town has beside its doors: instructors, groups, activities, bookings, fitness tests,
//! reports and notices. It goes through the functions behind the routes, each told when it
//! happened: the routes themselves take only what happens now, and most of this is long past.

mod clubs;
mod held;
mod taught;
mod tested;
mod told;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;

use super::{
    chance::Chance,
    crowd::Appointment,
    people::Person,
    places::{Place, YONGXING},
    plan::Plan,
    progress::Progress,
};
use crate::{
    base::{ids::MemberId, keys::Keys},
    staff::StaffCaller,
    venues::terms::{Kind as Word, Name},
};

/// What the town is known for beside its members and minutes.
pub const INSTRUCTORS: usize = 20;
pub const GROUPS: usize = 76;
pub const ACTIVITIES_HELD: usize = 42;

/// Sports that are taught, played and danced here, as the API and as people call them.
const SPORTS: [(&str, &str); 19] = [
    ("square_dance", "广场舞"),
    ("tai_chi", "太极拳"),
    ("walking", "健步走"),
    ("table_tennis", "乒乓球"),
    ("badminton", "羽毛球"),
    ("basketball", "篮球"),
    ("yoga", "瑜伽"),
    ("running", "跑步"),
    ("cycling", "骑行"),
    ("baduanjin", "八段锦"),
    ("rouliqiu", "柔力球"),
    ("aerobics", "健身操"),
    ("gateball", "门球"),
    ("line_dance", "排舞"),
    ("football", "足球"),
    ("rope_skipping", "跳绳"),
    ("strength", "力量训练"),
    ("mini_volleyball", "气排球"),
    ("swimming", "游泳"),
];

/// Streams of chance, behind those of the members and their visits.
const TEACHING: u64 = 7;
const CLUBS: u64 = 8;
const PROGRAMME: u64 = 9;
const TESTS: u64 = 10;

/// The town's life, brought in when its history is there.
pub struct Life<'a> {
    pub db: &'a DatabaseConnection,
    pub keys: &'a Keys,
    /// Does what staff do.
    pub by: &'a StaffCaller,
    pub seed: u64,
    pub plan: &'a Plan,
    /// In the order of the venues.
    pub places: &'a [Place],
    /// In the order of the people.
    pub ids: &'a [Option<MemberId>],
    pub now: DateTime<Utc>,
}

impl Life<'_> {
    /// Answers who is expected at which doors from now on.
    pub async fn bring(&self) -> anyhow::Result<Vec<Appointment>> {
        let mut progress = Progress::begin("community life", 5);
        let expected = self.teaching().await.context("instructors and slots")?;
        progress.advance(1);
        self.clubs().await.context("groups")?;
        progress.advance(1);
        self.programme().await.context("activities")?;
        progress.advance(1);
        self.tests().await.context("fitness tests")?;
        progress.advance(1);
        self.reports_and_notices().await.context("tickets and notices")?;
        progress.advance(1);
        Ok(expected)
    }

    fn chance(&self, stream: u64) -> Chance {
        Chance::new(self.seed, stream)
    }

    /// The id behind a position among the people.
    fn member(&self, who: usize) -> anyhow::Result<MemberId> {
        self.ids.get(who).copied().flatten().context("a member is not on the roster")
    }

    /// Up to `count` of Yongxing's members who had registered before `at`, each once. Those whom the
    /// credentials name are left to whoever has the credentials.
    fn some(&self, chance: &mut Chance, count: usize, at: DateTime<Utc>) -> Vec<usize> {
        let fits = |(who, person): (usize, &Person)| {
            let is_known = self.ids.get(who).is_some_and(Option::is_some);
            let is_there = person.home == YONGXING && person.registered_at < at;
            (is_there && is_known && !person.listed).then_some(who)
        };
        let mut pool: Vec<usize> = self.plan.people.iter().enumerate().filter_map(fits).collect();
        let mut chosen = Vec::with_capacity(count);
        while chosen.len() < count && !pool.is_empty() {
            chosen.push(pool.swap_remove(chance.index(pool.len())));
        }
        chosen
    }
}

fn name(text: &str) -> anyhow::Result<Name> {
    Name::parse(text).ok().with_context(|| format!("{text} is no name"))
}

/// A sport or another kind, by its word in the API.
fn word(text: &str) -> anyhow::Result<Word> {
    Word::parse(text).ok().with_context(|| format!("{text} is no kind"))
}
