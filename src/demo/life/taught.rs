//! Instructors with their certificates, the hours that coaches and courts offer this week, and who
//! has booked some of them.

use chrono::{DateTime, Days, TimeDelta, Utc};

use super::{INSTRUCTORS, Life, SPORTS, TEACHING, name, word};
use crate::{
    base::{
        db,
        ids::{InstructorId, SlotId},
    },
    bookings::{self, NewCourt, NewSlot, Repeat, Resource},
    demo::{
        calendar,
        chance::Chance,
        crowd::Appointment,
        places::{VENUES, YONGXING},
    },
    instructors::{self, Level, NewCertificate, NewInstructor},
};

/// How long ago they were registered, in days.
const SINCE: i64 = 480;
/// How many of them offer hours.
const COACHES: usize = 6;
/// Days ahead for which hours are published.
const WEEK: u64 = 7;
const LESSON: TimeDelta = TimeDelta::hours(1);
const LEVELS: [Level; 5] =
    [Level::Third, Level::Second, Level::Professional, Level::Third, Level::First];
/// Hours of the coaches, by position: one in the morning, one in the evening, at a venue that is
/// open then.
const HOURS: [[i64; 2]; COACHES] = [[8, 18], [9, 19], [10, 20], [7, 19], [15, 20], [16, 22]];
const VENUE: [usize; COACHES] = [0, 1, 0, 1, 1, 0];
/// The court that is booked by halves: the position of its venue, and of its zone there.
const COURT: (usize, usize) = (2, 1);
const COURT_HOURS: [i64; 3] = [9, 19, 20];
/// How many of a thousand of the next hours somebody has booked.
const BOOKED_PERMILLE: u32 = 700;

/// Hours that were published.
struct Hours {
    /// Position of the venue, and of the coach among the people.
    venue: usize,
    coach: Option<usize>,
    first: SlotId,
    from: DateTime<Utc>,
}

impl Life<'_> {
    pub(super) async fn teaching(&self) -> anyhow::Result<Vec<Appointment>> {
        let mut chance = self.chance(TEACHING);
        let since = self.now - TimeDelta::days(SINCE);
        let mut published = Vec::new();
        let people = self.some(&mut chance, INSTRUCTORS, since);
        for (n, who) in people.iter().copied().enumerate() {
            let id = self.instructor(&mut chance, (n, who), since).await?;
            for hour in HOURS.get(n).into_iter().flatten() {
                published.push(self.lessons((n, who), id, *hour).await?);
            }
        }
        published.extend(self.court().await?);
        self.book(&mut chance, &published, &people).await
    }

    async fn instructor(
        &self,
        chance: &mut Chance,
        (n, who): (usize, usize),
        since: DateTime<Utc>,
    ) -> anyhow::Result<InstructorId> {
        let mut specialities = vec![word(SPORTS[n % SPORTS.len()].0)?];
        specialities.push(word(chance.pick(&SPORTS).0)?);
        let new = NewInstructor {
            member: self.member(who)?,
            home_community: YONGXING.parse()?,
            specialities,
            is_coach: n < COACHES,
            staff: None,
        };
        let days =
            |chance: &mut Chance, from, to| Days::new(chance.between(from, to).unsigned_abs());
        let certificate = NewCertificate {
            level: LEVELS[n % LEVELS.len()],
            issuer: name("示例体育主管部门")?,
            number: name(&format!("DEMO-{:04}", n + 1))?,
            issued_on: since.date_naive() - days(chance, 100, 900),
            expires_on: Some(self.plan.today + days(chance, 200, 900)),
        };
        let tx = db::begin(self.db).await?;
        let id = instructors::register(&tx, self.keys, self.by, new, since).await?;
        instructors::certify(&tx, self.keys, self.by, id, certificate, since).await?;
        tx.commit().await?;
        Ok(id)
    }

    async fn lessons(
        &self,
        (n, who): (usize, usize),
        id: InstructorId,
        hour: i64,
    ) -> anyhow::Result<Hours> {
        self.publish(Resource::Coach(id), (VENUE[n], Some(who)), n, hour).await
    }

    async fn court(&self) -> anyhow::Result<Vec<Hours>> {
        let (venue, zone) = (COURT.0, self.places[COURT.0].zones[COURT.1]);
        let new = NewCourt {
            venue: self.places[venue].id,
            zone,
            sport: word(VENUES[venue].zones[COURT.1].0)?,
            parts: 2,
        };
        let tx = db::begin(self.db).await?;
        bookings::add_court(&tx, self.by, new, self.now).await?;
        tx.commit().await?;
        let mut published = Vec::new();
        for hour in COURT_HOURS {
            for part in [1, 2] {
                let half = Resource::Court(zone, part);
                published.push(self.publish(half, (venue, None), 4, hour).await?);
            }
        }
        Ok(published)
    }

    /// Publishes an hour of the day for a week, from the next one that lies ahead.
    async fn publish(
        &self,
        resource: Resource,
        (venue, coach): (usize, Option<usize>),
        sport: usize,
        hour: i64,
    ) -> anyhow::Result<Hours> {
        let today = calendar::instant(self.plan.today, hour * 3600);
        let from = if today > self.now { today } else { today + TimeDelta::days(1) };
        let new = NewSlot {
            resource,
            venue: self.places[venue].id,
            starts_at: from,
            ends_at: from + LESSON,
            capacity: 1,
            price_cents: None,
            sport: Some(word(SPORTS[sport % SPORTS.len()].0)?),
            repeat: Some(Repeat {
                weekdays: (1..=7).collect(),
                until: self.plan.today + Days::new(WEEK),
            }),
        };
        let tx = db::begin(self.db).await?;
        let published = bookings::publish(&tx, self.by, new, self.now).await?;
        tx.commit().await?;
        let first = published.slots.first().copied();
        let first = first.ok_or_else(|| anyhow::anyhow!("nothing was published"))?;
        Ok(Hours { venue, coach, first, from })
    }

    /// Books some of the next hours; who has booked will come, and so will the coach.
    async fn book(
        &self,
        chance: &mut Chance,
        hours: &[Hours],
        teachers: &[usize],
    ) -> anyhow::Result<Vec<Appointment>> {
        let mut expected = Vec::new();
        let mut learners = self.some(chance, hours.len() + INSTRUCTORS, self.now);
        learners.retain(|who| !teachers.contains(who));
        for (one, who) in hours.iter().zip(learners) {
            if !chance.happens(BOOKED_PERMILLE) {
                continue;
            }
            let member = self.member(who)?;
            let tx = db::begin(self.db).await?;
            let by = (member, "demo");
            let held = bookings::hold(&tx, self.keys, by, one.first, self.now).await?;
            bookings::confirm(&tx, self.keys, member, held.id, self.now).await?;
            tx.commit().await?;
            expected.extend([Some(who), one.coach].into_iter().flatten().map(|who| Appointment {
                who,
                venue: one.venue,
                from: one.from,
                until: one.from + LESSON,
            }));
        }
        Ok(expected)
    }
}
