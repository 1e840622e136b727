//! Which keys stand for a cluster's shards: for each node that owns slots, the lowest number whose
//! tag falls into them. A shard that is added, or one whose tag moved away, has no marker, and is
//! noticed by that.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use redis::{Value, cluster_routing::Slot};

const SLOTS: u16 = 16_384;
/// Numbers tried; with so many, a node that owns one slot in a thousand is still found.
const TAGS_MAX: u32 = 100_000;

/// The number of each slot, which the client keeps to itself.
static NUMBERS: LazyLock<HashMap<Slot, u16>> =
    LazyLock::new(|| (0..SLOTS).filter_map(|n| Some((Slot::new(n)?, n))).collect());

/// The tags of all shards from an answer to `CLUSTER SLOTS`; `key` turns a tag into a key.
/// `None` if the answer cannot be read, or leaves slots without a node.
pub(super) fn tags(answer: &Value, key: impl Fn(u32) -> String) -> Option<Vec<u32>> {
    let owners = owners(answer)?;
    let mut tags: BTreeMap<&str, u32> = BTreeMap::new();
    let nodes = owners.values().map(|(_, node)| node.as_str());
    let nodes_count = nodes.collect::<std::collections::BTreeSet<_>>().len();
    for tag in 0..TAGS_MAX {
        if tags.len() == nodes_count {
            break;
        }
        let slot = *NUMBERS.get(&Slot::for_key(key(tag)))?;
        let (_, (last, node)) = owners.range(..=slot).next_back()?;
        if slot > *last {
            return None;
        }
        tags.entry(node).or_insert(tag);
    }
    Some(tags.into_values().collect())
}

/// First slot → last slot and the id of the master that owns them.
fn owners(answer: &Value) -> Option<BTreeMap<u16, (u16, String)>> {
    let Value::Array(ranges) = answer else { return None };
    ranges.iter().map(owner).collect()
}

/// One range: first slot, last slot, master, replicas; a node is its host, port and id.
fn owner(range: &Value) -> Option<(u16, (u16, String))> {
    let Value::Array(parts) = range else { return None };
    let [first, last, Value::Array(master), ..] = parts.as_slice() else { return None };
    let id: String = redis::from_redis_value_ref(master.get(2)?).ok()?;
    let slot = |value| redis::from_redis_value_ref::<u16>(value).ok();
    Some((slot(first)?, (slot(last)?, id)))
}
