//! Records that devices are asked for, between two times: recorded like any others, so that what is
//! known already changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    dahua::{event as dahua, people},
    facts::Fact,
    hikvision::{calls, event as hikvision},
    outward::{Reach, failed},
    uniubi,
};
use crate::{
    base::error::Error,
    terminals::{Family, VendorTerminal, commands::CommandResult},
};

/// Pages of one query: more records than a device keeps of a week.
const PAGES_MAX: u32 = 400;

/// Whether devices of a family list their records to whoever asks.
pub fn are_listed(family: Family) -> bool {
    matches!(family, Family::Hikvision | Family::Dahua | Family::Uniubi)
}

/// One page, and what is asked for next.
struct Page {
    facts: Vec<Fact>,
    next: Option<Next>,
}

/// Where a next page begins.
#[derive(Clone, Copy)]
struct Next {
    position: u32,
    from: DateTime<Utc>,
}

/// Fetches the records of a time, page by page, and records them; nothing where the device does not
/// answer.
pub async fn query(
    reach: &Reach<'_>,
    known: &VendorTerminal,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Option<CommandResult>, Error> {
    let search = Uuid::now_v7().to_string();
    let mut next = Some(Next { position: 0, from });
    let mut taken = 0_usize;
    for _ in 0..PAGES_MAX {
        let Some(place) = next else { break };
        let call = match known.family {
            Family::Dahua => people::records(place.from, to),
            Family::Uniubi => {
                uniubi::calls::records_page(place.position, (from, to), known.terminal.time_zone)
            }
            _ => calls::page(&search, place.position, place.from, to, known.terminal.time_zone),
        };
        let Some(answered) = reach.place(&call).await? else { return Ok(None) };
        let page = match known.family {
            Family::Dahua => dahua_page(&answered.body, place),
            Family::Uniubi => uniubi_page(&answered.body, place),
            _ => hikvision_page(&answered.body, place),
        };
        let Some(page) = page else { return Ok(Some(failed("no list of records"))) };
        let now = reach.intake.now();
        taken += page.facts.len();
        reach.intake.record(known, page.facts.into_iter().map(|fact| (fact, now))).await?;
        next = page.next;
    }
    let code = i64::try_from(taken).ok();
    Ok(Some(CommandResult { done: true, code, detail: None }))
}

fn hikvision_page(body: &[u8], place: Next) -> Option<Page> {
    let listed = hikvision::listed(body)?;
    let count = u32::try_from(listed.facts.len()).unwrap_or(u32::MAX);
    let goes_on = listed.more && count > 0;
    let next = goes_on.then(|| Next { position: place.position.saturating_add(count), ..place });
    Some(Page { facts: listed.facts, next })
}

fn uniubi_page(body: &[u8], place: Next) -> Option<Page> {
    let (facts, more) = uniubi::callback::listed(body)?;
    let next = more.then(|| Next { position: place.position.saturating_add(1), ..place });
    Some(Page { facts, next })
}

/// The oldest come first, and no more than a page: the next one begins with the newest of this.
fn dahua_page(body: &[u8], place: Next) -> Option<Page> {
    let facts = dahua::listed(body)?;
    let is_full = facts.len() >= people::RECORDS as usize;
    let times = facts.iter().filter_map(Fact::when).map(|when| when.instant(chrono_tz::UTC));
    let newest = times.max().filter(|_| is_full);
    let from = newest.map(|newest| newest.max(place.from + TimeDelta::seconds(1)));
    Some(Page { facts, next: from.map(|from| Next { from, ..place }) })
}
