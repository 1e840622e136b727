//! Activities: competitions, classes, lectures and outings that were held, with who came and who
//! won, and some that lie ahead. At a venue the doors tell who came; elsewhere staff noted it.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{ACTIVITIES_HELD, Life, PROGRAMME, name};
use crate::{
    activities::{self, Kind, Limits, NewActivity, NewResult, Proof, TeamWish, Times},
    base::db,
    demo::{
        calendar,
        chance::Chance,
        places::{YONGXING, door_of},
    },
};

/// Where something takes place: at a venue (position in the list), or elsewhere.
#[derive(Clone, Copy)]
enum Where {
    Venue(usize),
    Place(&'static str),
}

/// Something that comes again and again.
struct Programme {
    kind: Kind,
    title: &'static str,
    at: Where,
    /// Minutes of the local day, and how long it takes.
    from: i64,
    minutes: i64,
    /// People of a team.
    team: Option<i32>,
}

const fn one(kind: Kind, title: &'static str, at: Where, from: i64, minutes: i64) -> Programme {
    Programme { kind, title, at, from, minutes, team: None }
}

const GYM: Where = Where::Venue(0);
const HALL: Where = Where::Venue(1);
const COURT: Where = Where::Venue(2);

const PROGRAMMES: [Programme; 14] = [
    one(Kind::Competition, "永兴社区乒乓球赛", HALL, 9 * 60, 180),
    one(Kind::Class, "太极拳公益课", HALL, 18 * 60 + 30, 90),
    one(Kind::Lecture, "科学健身讲座", Where::Place("永兴社区文化礼堂"), 14 * 60, 120),
    one(Kind::Outing, "环湖健步走", Where::Place("东湖公园"), 8 * 60, 150),
    Programme { team: Some(2), ..one(Kind::Competition, "羽毛球双打赛", COURT, 9 * 60, 240) },
    one(Kind::Class, "广场舞教学", HALL, 19 * 60, 90),
    one(Kind::Lecture, "运动损伤预防讲座", Where::Place("永兴社区文化礼堂"), 14 * 60, 90),
    one(Kind::Class, "力量训练安全课", GYM, 19 * 60, 60),
    Programme { team: Some(4), ..one(Kind::Competition, "三人篮球赛", COURT, 14 * 60, 240) },
    one(Kind::Class, "瑜伽体验课", HALL, 18 * 60 + 30, 60),
    one(Kind::Outing, "城乡骑行", Where::Place("永兴社区广场"), 8 * 60, 240),
    one(Kind::Competition, "跳绳挑战赛", COURT, 9 * 60, 120),
    one(Kind::Class, "八段锦入门课", HALL, 19 * 60, 60),
    one(Kind::Lecture, "体质测试解读", Where::Place("永兴社区文化礼堂"), 15 * 60, 60),
];

/// Days back to the first, and days between two.
const FIRST_BACK: u64 = 508;
const EVERY: u64 = 12;
/// How many come of whom no door tells.
const GUESTS: (i64, i64) = (8, 16);
/// Of those whom doors saw coming, so many signed up.
const SEEN_MAX: usize = 10;
/// How many of a thousand who signed up come.
const COMES_PERMILLE: u32 = 880;
/// Places that are told of a competition.
const RANKED: usize = 8;
/// Days from today of what lies ahead.
const AHEAD: [u64; 3] = [3, 6, 10];

impl Life<'_> {
    pub(super) async fn programme(&self) -> anyhow::Result<()> {
        let mut chance = self.chance(PROGRAMME);
        for n in 0..ACTIVITIES_HELD {
            let programme = &PROGRAMMES[n % PROGRAMMES.len()];
            let back = FIRST_BACK - EVERY * u64::try_from(n)?;
            let day = fitting(programme.kind, self.plan.today - Days::new(back));
            let edition = n / PROGRAMMES.len() + 1;
            self.hold(&mut chance, programme, (day, edition)).await?;
        }
        // None of the first is played in teams.
        for (programme, days) in PROGRAMMES.iter().zip(AHEAD) {
            let starts = starts(programme, self.plan.today + Days::new(days));
            let edition = ACTIVITIES_HELD / PROGRAMMES.len() + 1;
            let tx = db::begin(self.db).await?;
            let new = self.announced(programme, edition, starts)?;
            let id = activities::publish(&tx, self.by, new, self.now).await?.id;
            for who in self.some(&mut chance, 9, self.now - TimeDelta::days(30)) {
                let member = self.member(who)?;
                activities::sign_up(&tx, self.keys, id, member, TeamWish::Alone, self.now).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    async fn hold(
        &self,
        chance: &mut Chance,
        programme: &Programme,
        (day, edition): (NaiveDate, usize),
    ) -> anyhow::Result<()> {
        let starts = starts(programme, day);
        let published = starts - TimeDelta::days(10);
        let seen = self.seen(programme, starts, published);
        let guests = usize::try_from(chance.between(GUESTS.0, GUESTS.1))?;
        let mut guests = self.some(chance, guests, published);
        guests.retain(|who| !seen.contains(who));
        let tx = db::begin(self.db).await?;
        let new = self.announced(programme, edition, starts)?;
        let ends = new.times.ends_at;
        let id = activities::publish(&tx, self.by, new, published).await?.id;
        let signed = starts - TimeDelta::days(2);
        let (came, absent): (Vec<usize>, Vec<usize>) =
            guests.into_iter().partition(|_| chance.happens(COMES_PERMILLE));
        let people = [&came[..], &seen, &absent].concat();
        let sign_ups = self.sign_up(&tx, (id, programme.team), &people, signed).await?;
        for who in &came {
            let known = (id, Proof::Member(self.member(*who)?));
            let noted = starts + TimeDelta::minutes(5);
            activities::attend(&tx, self.keys, self.by, known, noted).await?;
        }
        if programme.kind == Kind::Competition {
            // Those who came signed up first.
            let stood = came.len() / usize::try_from(programme.team.unwrap_or(1))?;
            let ranked: Vec<NewResult> = (1..)
                .zip(sign_ups.iter().take(stood.min(RANKED)))
                .map(|(place, sign_up)| NewResult {
                    sign_up: *sign_up,
                    place: Some(place),
                    result: Some(format!("{} 分", 100 - 7 * place)),
                })
                .collect();
            activities::record(&tx, self.by, id, &ranked, ends + TimeDelta::minutes(20)).await?;
        }
        tx.commit().await?;
        // As the job did that evening.
        activities::settle(self.db, self.keys, ends + TimeDelta::minutes(30)).await?;
        Ok(())
    }

    /// Who came through the doors as it began, and so can have come for it.
    fn seen(
        &self,
        programme: &Programme,
        starts: DateTime<Utc>,
        published: DateTime<Utc>,
    ) -> Vec<usize> {
        let Where::Venue(venue) = programme.at else { return Vec::new() };
        let Some(door) = door_of(venue, false) else { return Vec::new() };
        let records = &self.plan.records[door];
        let from = records.partition_point(|one| one.at < starts - TimeDelta::minutes(40));
        let until = records.partition_point(|one| one.at < starts + TimeDelta::minutes(15));
        let mut seen = Vec::new();
        for who in records[from..until].iter().filter_map(|record| record.who) {
            let person = &self.plan.people[who];
            let fits = person.home == YONGXING && person.registered_at < published;
            if fits && self.ids[who].is_some() && !seen.contains(&who) && seen.len() < SEEN_MAX {
                seen.push(who);
            }
        }
        seen
    }

    /// Signs everybody up, in teams where teams come; answers who stands for whom in the results.
    async fn sign_up(
        &self,
        tx: &DatabaseTransaction,
        (id, team): (Uuid, Option<i32>),
        people: &[usize],
        at: DateTime<Utc>,
    ) -> anyhow::Result<Vec<Uuid>> {
        let size = usize::try_from(team.unwrap_or(1))?;
        let mut captains = Vec::new();
        for mates in people.chunks(size) {
            let mut code = None;
            for who in mates {
                let wish = match (team, &code) {
                    (None, _) => TeamWish::Alone,
                    (Some(_), None) => TeamWish::Found,
                    (Some(_), Some(code)) => TeamWish::Join(String::clone(code)),
                };
                let member = self.member(*who)?;
                let (made, its) = activities::sign_up(tx, self.keys, id, member, wish, at).await?;
                if code.is_none() {
                    captains.push(made.id);
                }
                code = code.or(its).or_else(|| Some(String::new()));
            }
        }
        Ok(captains)
    }

    fn announced(
        &self,
        programme: &Programme,
        edition: usize,
        starts_at: DateTime<Utc>,
    ) -> anyhow::Result<NewActivity> {
        let (venue, place) = match programme.at {
            Where::Venue(venue) => (Some(self.places[venue].id), None),
            Where::Place(place) => (None, Some(name(place)?)),
        };
        Ok(NewActivity {
            venue,
            division: venue.is_none().then(|| YONGXING.parse()).transpose()?,
            place,
            kind: programme.kind,
            title: format!("{}（第{edition}期）", programme.title),
            about: "免费参加，请提前报名。".to_owned(),
            times: Times {
                starts_at,
                ends_at: starts_at + TimeDelta::minutes(programme.minutes),
                sign_up_until: starts_at - TimeDelta::hours(1),
            },
            limits: Limits {
                capacity: 40,
                age_min: None,
                age_max: None,
                team_min: None,
                team_max: programme.team,
            },
        })
    }
}

fn starts(programme: &Programme, day: NaiveDate) -> DateTime<Utc> {
    calendar::instant(day, programme.from * 60)
}

/// A day on which such a thing takes place: competitions and outings on the Saturday before, and
/// nothing during the Spring Festival.
fn fitting(kind: Kind, day: NaiveDate) -> NaiveDate {
    let day = match kind {
        Kind::Competition | Kind::Outing => {
            day - Days::new(u64::from((day.weekday().num_days_from_monday() + 2) % 7))
        }
        Kind::Class | Kind::Lecture => day,
    };
    if calendar::is_spring_festival(day) { day - Days::new(14) } else { day }
}
