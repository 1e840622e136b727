//! Laws over random histories: a store ends where the newest writes are, whatever came in which
//! order and how often.

use chrono::{NaiveDate, TimeDelta};
use proptest::{prelude::*, test_runner::TestRunner};
use uuid::Uuid;

use super::{Counters, DivisionCode, Family, MemberId, Person, Presence, Projected, VenueId};
use super::{day, now};

/// One write. What it says follows from its place, generation and version, as in SQL.
#[derive(Clone, Debug)]
enum Write {
    Day(Projected),
    Presence(Presence),
    Person(Person),
}

/// Everything that can be read of the small world that the writes are about.
type Seen = (Vec<Option<super::super::Stored>>, Vec<i64>, Vec<i64>);

const FAMILIES: [Family; 3] = [Family::VenueDay, Family::VenueHours, Family::MemberDay];
const CASES: u32 = 24;

fn id(n: u8) -> Uuid {
    Uuid::from_bytes([n; 16])
}

fn days() -> [NaiveDate; 2] {
    [day(), day().succ_opt().expect("a day")]
}

fn divisions() -> [DivisionCode; 2] {
    ["3304", "330482001002"].map(|code| code.parse().expect("a code"))
}

fn write() -> impl Strategy<Value = Write> {
    let place = (0..3_u8, 0..3_usize, 0..2_u8, 0..2_usize, 0..3_u8);
    (place, 1..3_i64, 1..6_i64).prop_map(|((kind, family, venue, which, member), g, version)| {
        // Some number that differs between stamps, and that nothing else decides.
        let value = 7 * version + 100 * g;
        let (generation, member) = (g, MemberId(id(10 + member)));
        match kind {
            0 => Write::Day(Projected {
                family: FAMILIES[family],
                key: id(venue),
                day: days()[which],
                generation,
                version,
                fields: vec![("visits", value), ("people", -value)],
            }),
            1 => Write::Presence(Presence {
                venue: VenueId(id(venue)),
                member,
                generation,
                version,
                expires_at: (value % 3 != 0).then(|| now() + TimeDelta::minutes(value % 5 - 1)),
            }),
            _ => Write::Person(Person {
                division: divisions()[which].clone(),
                day: day(),
                member,
                generation,
                version,
                present: value % 2 == 0,
            }),
        }
    })
}

/// A history, and the same writes in another order with some of them twice.
fn replay() -> impl Strategy<Value = (Vec<Write>, Vec<Write>)> {
    prop::collection::vec(write(), 1..60).prop_flat_map(|history| {
        let twice = prop::sample::subsequence(history.clone(), 0..=history.len());
        let replayed = twice
            .prop_map({
                let history = history.clone();
                move |twice| [history.clone(), twice].concat()
            })
            .prop_shuffle();
        (Just(history), replayed)
    })
}

/// Writes in batches of `size`.
async fn apply(store: &Counters, writes: &[Write], size: usize) {
    for batch in writes.chunks(size) {
        let (mut days, mut presences, mut people) = (vec![], vec![], vec![]);
        for write in batch.iter().cloned() {
            match write {
                Write::Day(row) => days.push(row),
                Write::Presence(row) => presences.push(row),
                Write::Person(row) => people.push(row),
            }
        }
        super::put(store, &days).await;
        super::present(store, &presences, now()).await;
        super::put_people(store, &people).await;
    }
}

async fn look(store: &Counters) -> Seen {
    let keys = [id(0), id(1)];
    let mut stored = vec![];
    for family in FAMILIES {
        for day in days() {
            stored.extend(store.get(family, &keys, day).await.expect("the store is there"));
        }
    }
    let inside = store.inside(&keys.map(VenueId), now()).await.expect("the store is there");
    let people = store.people(&divisions(), day()).await.expect("the store is there");
    (stored, inside, people)
}

/// Runs `check` on random replays; proptest itself knows nothing of async.
fn for_replays(check: impl Fn(Vec<Write>, Vec<Write>) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..Default::default() };
    let outcome =
        TestRunner::new(config).run(&replay(), |(history, replayed)| check(history, replayed));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Blocks on `future` from inside the runtime of a test.
fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

/// The memory is the model: every store sees what it sees, in any order of the same writes.
pub fn any_replay_converges(empty: &dyn Fn() -> Counters) {
    for_replays(|history, replayed| {
        let model = Counters::open(None).expect("memory always opens");
        let store = empty();
        let (expected, found) = wait(async {
            apply(&model, &history, history.len()).await;
            apply(&store, &replayed, 4).await;
            (look(&model).await, look(&store).await)
        });
        prop_assert_eq!(expected, found);
        Ok(())
    });
}

/// Writing the newest of everything into an empty store under a new generation gives what the
/// same gives over a store full of older ones.
pub fn a_rebuild_into_an_empty_store_gives_the_same_store(empty: &dyn Fn() -> Counters) {
    for_replays(|history, replayed| {
        let (used, fresh) = (empty(), empty());
        let rebuilt: Vec<Write> = history.into_iter().map(in_new_generation).collect();
        let (used, fresh) = wait(async {
            apply(&used, &replayed, 8).await;
            apply(&used, &rebuilt, 8).await;
            apply(&fresh, &rebuilt, 8).await;
            used.trust(Some(NEW));
            fresh.trust(Some(NEW));
            (look(&used).await, look(&fresh).await)
        });
        prop_assert_eq!(used, fresh);
        Ok(())
    });
}

/// Above every generation of a history.
const NEW: i64 = 10;

fn in_new_generation(write: Write) -> Write {
    let generation = NEW;
    match write {
        Write::Day(row) => Write::Day(Projected { generation, ..row }),
        Write::Presence(row) => Write::Presence(Presence { generation, ..row }),
        Write::Person(row) => Write::Person(Person { generation, ..row }),
    }
}
