//! Who must not be seen in a table of ages and sexes. Pure.
//!
//! A group's figures are shown where at least [`K`] people stand behind them, and where nobody can
//! work out a smaller number by taking shown figures from one another: those of a division's
//! parts from its own, or the shown groups from the division's total.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::ids::DivisionCode;

/// Fewer people than this are never told apart.
pub const K: usize = 10;

/// An age band and a sex, by number.
pub type Group = u8;

/// One person's visits in a community during one period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    pub community: DivisionCode,
    /// Any number that is this person's alone.
    pub member: u32,
    pub group: Group,
    pub visits: i64,
}

/// What a group of a division may be told to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub people: usize,
    pub visits: i64,
}

type People = BTreeSet<u32>;

/// A division with its parts.
#[derive(Default)]
struct Node {
    children: BTreeMap<DivisionCode, Node>,
    people: BTreeMap<Group, People>,
    visits: BTreeMap<Group, i64>,
}

/// What may be shown of each division that these people's communities belong to, by group; a
/// group that is missing has nobody, one that is `None` has somebody and is hidden.
pub fn tables(visitors: &[Visitor]) -> BTreeMap<DivisionCode, BTreeMap<Group, Option<Shown>>> {
    let mut root = Node::default();
    for visitor in visitors {
        let mut node = &mut root;
        for code in visitor.community.ancestry() {
            node = node.children.entry(code).or_default();
            node.people.entry(visitor.group).or_default().insert(visitor.member);
            *node.visits.entry(visitor.group).or_default() += visitor.visits;
        }
    }
    let mut tables = BTreeMap::new();
    for (code, node) in &root.children {
        settle(code, node, &mut tables);
    }
    tables
}

type Groups = BTreeMap<Group, People>;

/// Those whom no shown figure of a division or of a part of it covers, by group.
#[derive(Default)]
struct Rest {
    all: Groups,
    /// Of them, those of communities that some shown figure says something about.
    loud: Groups,
    /// The other communities, each by itself: all that is known of one is its total, which
    /// anybody may take from the total of whatever holds it.
    quiet: Vec<Groups>,
}

/// Decides a division after its parts.
fn settle(
    code: &DivisionCode,
    node: &Node,
    tables: &mut BTreeMap<DivisionCode, BTreeMap<Group, Option<Shown>>>,
) -> Rest {
    let mut rest = Rest::default();
    for (code, child) in &node.children {
        let below = settle(code, child, tables);
        unite(&mut rest.all, &below.all);
        unite(&mut rest.loud, &below.loud);
        rest.quiet.extend(below.quiet);
    }
    if node.children.is_empty() {
        rest = Rest { all: node.people.clone(), quiet: vec![node.people.clone()], ..rest };
    }
    let left = |group: &Group| rest.all.get(group).map_or(0, BTreeSet::len);
    let mut shown: BTreeSet<Group> = node
        .people
        .iter()
        .filter(|(group, people)| people.len() >= K && (left(group) == 0 || left(group) >= K))
        .map(|(group, _)| *group)
        .collect();
    let loud = hide_more(node, &rest, &mut shown);
    let table = node.people.iter().map(|(group, people)| {
        let visits = node.visits.get(group).copied().unwrap_or_default();
        let told = Shown { people: people.len(), visits };
        (*group, shown.contains(group).then_some(told))
    });
    tables.insert(code.clone(), table.collect());
    rest.loud = loud;
    rest.quiet.retain(|community| !is_told_of(community, &shown));
    rest.all.retain(|group, _| !shown.contains(group));
    rest.loud.retain(|group, _| !shown.contains(group));
    rest
}

fn unite(sum: &mut Groups, part: &Groups) {
    for (group, people) in part {
        sum.entry(*group).or_default().extend(people);
    }
}

/// Whether a shown figure of what holds the community says something about it.
fn is_told_of(community: &Groups, shown: &BTreeSet<Group>) -> bool {
    community.keys().any(|group| shown.contains(group))
}

/// The division's total is no secret, so those in hidden groups together must be enough as well:
/// hides the smallest groups that help until they are, or else all. Gives those whom the parts
/// leave uncovered, in communities that something is said about.
fn hide_more(node: &Node, rest: &Rest, shown: &mut BTreeSet<Group>) -> Groups {
    loop {
        let mut loud = rest.loud.clone();
        for community in rest.quiet.iter().filter(|community| is_told_of(community, shown)) {
            unite(&mut loud, community);
        }
        let hidden = loud.iter().filter(|(group, _)| !shown.contains(group));
        let people: usize = hidden.map(|(_, people)| people.len()).sum();
        if people == 0 || people >= K || shown.is_empty() {
            return loud;
        }
        let helps = |group: &&Group| loud.get(*group).is_some_and(|left| !left.is_empty());
        let smallest = shown
            .iter()
            .filter(helps)
            .min_by_key(|group| node.people.get(*group).map_or(0, BTreeSet::len))
            .copied();
        match smallest {
            Some(group) => shown.retain(|other| *other != group),
            None => shown.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    fn visitors() -> impl Strategy<Value = Vec<Visitor>> {
        let one = (0_u8..4, 0_u8..3, 0_u32..60, 1_i64..5);
        prop::collection::vec(one, 0..120).prop_map(|all| {
            // A person is of one group.
            let visitor = |(place, group, member, visits): (u8, u8, u32, i64)| Visitor {
                community: code(&format!("33049900{}00{}", 1 + place / 2, 1 + place % 2)),
                member: member * 3 + u32::from(group),
                group,
                visits,
            };
            all.into_iter().map(visitor).collect()
        })
    }

    fn people(visitors: &[Visitor], within: &DivisionCode, group: Option<Group>) -> People {
        let all = visitors.iter().filter(|one| within.covers(&one.community));
        let all = all.filter(|one| group.is_none_or(|group| group == one.group));
        all.map(|one| one.member).collect()
    }

    /// Every way to cover parts of `code` by disjoint shown figures below it.
    fn covers(
        tables: &BTreeMap<DivisionCode, BTreeMap<Group, Option<Shown>>>,
        code: &DivisionCode,
        group: Group,
        own: bool,
    ) -> Vec<DivisionCode> {
        let is_shown = |code: &DivisionCode| matches!(tables[code].get(&group), Some(Some(_)));
        if own && is_shown(code) {
            return vec![code.clone()];
        }
        let below = tables.keys().filter(|other| code.covers(other) && *other != code);
        let children = below.filter(|other| {
            let between = |mid: &DivisionCode| {
                code.covers(mid) && mid.covers(other) && mid != code && mid != *other
            };
            !tables.keys().any(between)
        });
        children.flat_map(|child| covers(tables, child, group, true)).collect()
    }

    /// People of a group in `code` whom the largest cover by shown figures leaves out.
    fn rest(
        tables: &BTreeMap<DivisionCode, BTreeMap<Group, Option<Shown>>>,
        all: &[Visitor],
        code: &DivisionCode,
        group: Group,
        own: bool,
    ) -> People {
        let covering = covers(tables, code, group, own);
        let left = all.iter().filter(|one| one.group == group && code.covers(&one.community));
        let left = left.filter(|one| !covering.iter().any(|by| by.covers(&one.community)));
        left.map(|one| one.member).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn nobody_is_told_apart_by_a_figure_or_by_a_difference(all in visitors()) {
            let tables = tables(&all);
            for (code, groups) in &tables {
                let mut unseen = 0;
                for (group, told) in groups {
                    let count = people(&all, code, Some(*group)).len();
                    if let Some(told) = told {
                        prop_assert!(told.people == count && count >= K);
                        // The division's figure without those of its parts.
                        let rest = self::rest(&tables, &all, code, *group, false).len();
                        prop_assert!(rest == 0 || rest >= K, "{code} {group}: {rest}");
                    }
                    // Whom the division's total shows beside all shown figures in it; of
                    // communities that none of these touches, the total is known anyway.
                    let groups_of = |place: &DivisionCode| {
                        let there = all.iter().filter(|one| one.community == *place);
                        there.map(|one| one.group).collect::<BTreeSet<Group>>()
                    };
                    let loud = |one: &&Visitor| {
                        let groups = groups_of(&one.community);
                        let over = tables.iter().filter(|(other, _)| {
                            code.covers(other) && other.covers(&one.community)
                        });
                        over.into_iter().any(|(_, table)| {
                            groups.iter().any(|group| matches!(table.get(group), Some(Some(_))))
                        })
                    };
                    let loud: Vec<Visitor> = all.iter().filter(loud).cloned().collect();
                    unseen += self::rest(&tables, &loud, code, *group, true).len();
                }
                prop_assert!(unseen == 0 || unseen >= K, "{code}: {unseen}");
            }
        }

        #[test]
        fn the_order_of_rows_hides_nothing_else(all in visitors()) {
            let mut turned = all.clone();
            turned.reverse();
            prop_assert_eq!(tables(&all), tables(&turned));
        }
    }

    #[test]
    fn a_lone_small_part_hides_the_whole_and_two_hide_each_other() {
        let some = |place: &'static str, from: u32, count: u32| {
            (from..from + count).map(move |member| Visitor {
                community: code(place),
                member,
                group: 0,
                visits: 1,
            })
        };
        let (a, b, c) = ("330499001001", "330499001002", "330499001003");
        let lone: Vec<Visitor> = some(a, 0, 20).chain(some(b, 100, 3)).collect();
        assert_eq!(tables(&lone)[&code("330499001")][&0], None);
        assert_eq!(tables(&lone)[&code(a)][&0], Some(Shown { people: 20, visits: 20 }));
        let two: Vec<Visitor> = lone.into_iter().chain(some(c, 200, 7)).collect();
        assert_eq!(tables(&two)[&code("330499001")][&0], Some(Shown { people: 30, visits: 30 }));
        assert_eq!(tables(&two)[&code(b)][&0], None);
    }
}
