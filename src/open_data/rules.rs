//! What changed between what was published and what is: pure. A reader who follows the changes by
//! their numbers, from zero or from wherever they stopped, ends at what is published.

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

/// Items of one page.
pub const PAGE: usize = 500;

/// What is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feed {
    Venues,
    Activities,
    Slots,
}

impl Feed {
    pub const ALL: [Self; 3] = [Self::Venues, Self::Activities, Self::Slots];

    /// The word in SQL and in paths.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Venues => "venues",
            Self::Activities => "activities",
            Self::Slots => "slots",
        }
    }

    /// What its items are in the vocabulary of OpenActive.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Venues => "FacilityUse",
            Self::Activities => "ScheduledSession",
            Self::Slots => "Slot",
        }
    }
}

/// A change under its number; no data of what is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: Uuid,
    pub number: i64,
    pub data: Option<String>,
}

/// The changes that lead from what was published to what is, numbered from `first` on. An item
/// that is gone stays as one without data, so that whoever has it hears of it.
pub fn changes(
    published: &BTreeMap<Uuid, Option<String>>,
    is: &BTreeMap<Uuid, String>,
    first: i64,
) -> Vec<Change> {
    let mut changed: Vec<(Uuid, Option<String>)> = Vec::new();
    for (id, data) in is {
        if published.get(id) != Some(&Some(data.clone())) {
            changed.push((*id, Some(data.clone())));
        }
    }
    for (id, data) in published {
        if data.is_some() && !is.contains_key(id) {
            changed.push((*id, None));
        }
    }
    changed
        .into_iter()
        .zip(first..)
        .map(|((id, data), number)| Change { id, number, data })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a server keeps: the newest change of each item.
    #[derive(Default)]
    struct Server {
        items: BTreeMap<Uuid, (i64, Option<String>)>,
        last: i64,
    }

    impl Server {
        fn publish(&mut self, is: &BTreeMap<Uuid, String>) {
            let published = self.items.iter().map(|(id, (_, data))| (*id, data.clone())).collect();
            for change in changes(&published, is, self.last + 1) {
                self.last = change.number;
                self.items.insert(change.id, (change.number, change.data));
            }
        }

        fn page(&self, after: i64, size: usize) -> Vec<Change> {
            let mut behind: Vec<Change> = self
                .items
                .iter()
                .filter(|(_, (number, _))| *number > after)
                .map(|(id, (number, data))| Change { id: *id, number: *number, data: data.clone() })
                .collect();
            behind.sort_by_key(|change| change.number);
            behind.truncate(size);
            behind
        }
    }

    #[derive(Default)]
    struct Reader {
        copy: BTreeMap<Uuid, String>,
        after: i64,
    }

    impl Reader {
        /// Reads one page; says whether there was anything.
        fn reads(&mut self, server: &Server, size: usize) -> bool {
            let page = server.page(self.after, size);
            for change in &page {
                match &change.data {
                    Some(data) => self.copy.insert(change.id, data.clone()),
                    None => self.copy.remove(&change.id),
                };
                self.after = change.number;
            }
            !page.is_empty()
        }
    }

    proptest! {
        /// Whatever changes while somebody reads page by page, at the end they have what is.
        #[test]
        fn replaying_from_zero_gives_what_is(
            steps in prop::collection::vec(
                (prop::collection::btree_map(0_u128..12, 0_u8..3, 0..12), 0_usize..4, 1_usize..5),
                1..20,
            )
        ) {
            let (mut server, mut follower) = (Server::default(), Reader::default());
            let mut is = BTreeMap::new();
            for (state, reads, size) in steps {
                is = state
                    .into_iter()
                    .map(|(id, data)| (Uuid::from_u128(id), data.to_string()))
                    .collect();
                server.publish(&is);
                for _ in 0..reads {
                    follower.reads(&server, size);
                }
            }
            let mut newcomer = Reader::default();
            for reader in [&mut follower, &mut newcomer] {
                while reader.reads(&server, 3) {}
                prop_assert_eq!(&reader.copy, &is);
            }
            server.publish(&is);
            prop_assert!(server.page(newcomer.after, 3).is_empty(), "nothing changed");
        }
    }
}
