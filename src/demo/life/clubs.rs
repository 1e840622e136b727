//! Groups: founded by residents, approved by staff, joined by others; some of them meet every week.

use chrono::{DateTime, Days, TimeDelta, Utc};
use uuid::Uuid;

use super::{CLUBS, GROUPS, Life, SPORTS, name, word};
use crate::{
    base::{db, ids::MemberId},
    demo::{calendar, chance::Chance},
    groups::{self, Decision, NewGroup, NewMeetup},
};

/// What stands before and behind the sport in a name.
const FORMS: [(&str, &str); 4] = [("", "俱乐部"), ("晨曦", "队"), ("悦动", "社"), ("同心", "队")];
/// Days back between which groups were founded.
const FOUNDED: (i64, i64) = (60, 500);
/// Members besides the founder.
const OTHERS: (i64, i64) = (4, 16);
/// One group in so many meets every week, at the hall.
const MEETS_ONE_IN: usize = 4;
const HALL: usize = 1;
/// Seconds after midnight at which groups meet, and for how long.
const MEETS_AT_S: i64 = 19 * 3600;
const MEETS_FOR: TimeDelta = TimeDelta::minutes(90);
/// Days from today on which they meet.
const MEETS_ON: [i64; 4] = [-21, -14, -7, 2];

impl Life<'_> {
    pub(super) async fn clubs(&self) -> anyhow::Result<()> {
        let mut chance = self.chance(CLUBS);
        for n in 0..GROUPS {
            let (code, sport) = SPORTS[n % SPORTS.len()];
            let (before, behind) = FORMS[n / SPORTS.len() % FORMS.len()];
            let new = NewGroup {
                name: name(&format!("永兴{before}{sport}{behind}"))?,
                sport: word(code)?,
                about: format!("每周一起{sport}，欢迎邻居加入。"),
            };
            let day =
                self.plan.today - Days::new(chance.between(FOUNDED.0, FOUNDED.1).unsigned_abs());
            let at = calendar::instant(day, chance.between(17 * 3600, 21 * 3600));
            self.club(&mut chance, new, at, n % MEETS_ONE_IN == 0).await?;
        }
        Ok(())
    }

    async fn club(
        &self,
        chance: &mut Chance,
        new: NewGroup,
        at: DateTime<Utc>,
        meets: bool,
    ) -> anyhow::Result<()> {
        let Some(founder) = self.some(chance, 1, at).first().copied() else { return Ok(()) };
        let founder = self.member(founder)?;
        let tx = db::begin(self.db).await?;
        let id = groups::found(&tx, founder, new, at).await?.id;
        let approved = at + TimeDelta::hours(20);
        groups::decide(&tx, self.by, id, (true, "同意成立"), approved).await?;
        let wanted = usize::try_from(chance.between(OTHERS.0, OTHERS.1))?;
        for who in self.some(chance, wanted, approved) {
            let member = self.member(who)?;
            if member == founder {
                continue;
            }
            let asked = approved + TimeDelta::hours(chance.between(1, 24 * 40));
            groups::ask(&tx, id, member, asked).await?;
            let let_in = (member, Decision::LetIn);
            let answered = asked + TimeDelta::hours(3);
            groups::decide_on(&tx, self.keys, (id, founder), let_in, answered).await?;
        }
        if meets {
            self.meet(&tx, id, founder).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn meet(
        &self,
        tx: &sea_orm::DatabaseTransaction,
        id: Uuid,
        leader: MemberId,
    ) -> anyhow::Result<()> {
        for days in MEETS_ON {
            let starts_at = calendar::instant(self.plan.today, MEETS_AT_S) + TimeDelta::days(days);
            let meetup = NewMeetup {
                venue: self.places[HALL].id,
                starts_at,
                ends_at: starts_at + MEETS_FOR,
            };
            groups::call(tx, id, leader, meetup, starts_at - TimeDelta::days(3)).await?;
        }
        Ok(())
    }
}
