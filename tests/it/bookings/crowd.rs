//! Two hundred people at once, on two servers where the stores can be shared: one seat, a class, and a
//! court whose halves overlap the whole.

use std::{collections::BTreeMap, fmt::Write as _};

use futures_util::future::join_all;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{coach, first_slot, hours};
use crate::support::{Answer, COMMUNITY, TestTown, Wire};

/// So many people with tokens, without asking for each by itself.
async fn crowd(town: &TestTown, people: usize) -> Vec<String> {
    let mut csv = "document_type,document_number,name,home_community,registered_at\n".to_owned();
    for n in 0..people {
        let number = TestTown::number("1990-01-01", u32::try_from(n).unwrap() + 500);
        writeln!(csv, "resident_id,{number},张三,{COMMUNITY},2026-03-01").unwrap();
    }
    town.office.imports("text/csv", csv).await.ok();
    town.store.sql("UPDATE members SET verification = 'desk'").await;
    let rows = town.store.rows("SELECT id FROM members ORDER BY id").await;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.try_get("", "id").unwrap()).collect();
    let token = |id: &Uuid| format!("token-of-{id}");
    let values: Vec<String> = ids
        .iter()
        .map(|id| {
            let hash = hex::encode(Sha256::digest(token(id)));
            let times = "'2026-11-01T00:00:00+00:00', '2026-12-30T00:00:00+00:00'";
            format!("('{hash}', {}, {times})", town.store.uuid(*id))
        })
        .collect();
    let sql = "INSERT INTO member_tokens (token_hash, member_id, created_at, expires_at) VALUES ";
    town.store.sql(&format!("{sql}{}", values.join(", "))).await;
    ids.iter().rev().take(people).map(token).collect()
}

/// Who comes back under the same key.
const TRIES_MAX: usize = 20;

/// Asks for a slot, and again as long as the server says that it is busy.
async fn books(server: &Wire, token: &str, slot: &str) -> Answer {
    let key = Uuid::new_v4().to_string();
    for _ in 0..TRIES_MAX {
        let request = server.post("/api/v1/bookings", &json!({ "slot_id": slot }));
        let request = request.bearer_auth(token).header("Idempotency-Key", &key);
        let answer = Answer::to(request).await;
        if answer.status != 503 {
            return answer;
        }
    }
    panic!("the server stayed busy");
}

#[tokio::test]
async fn of_two_hundred_at_once_on_two_servers_nobody_shares_a_seat() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let own = coach(&town, &town.member().await.id, None).await;
    let alone = hours(&gym.id, &own, "2026-11-24T02:00:00Z", "2026-11-24T03:00:00Z");
    let alone = first_slot(&town.office.post("/slots", &alone).await.ok());
    let mut class = hours(&gym.id, &own, "2026-11-25T02:00:00Z", "2026-11-25T03:00:00Z");
    class["capacity"] = json!(7);
    let class = first_slot(&town.office.post("/slots", &class).await.ok());
    let zone = json!({ "kind": "badminton", "name": "1号场" });
    let zone = town.office.post(&format!("/venues/{}/zones", gym.id), &zone).await.ok();
    let court =
        json!({ "venue_id": gym.id, "zone_id": zone["id"], "sport": "badminton", "parts": 2 });
    town.office.post("/courts", &court).await.ok();
    let mut halves = Vec::new();
    for (part, from, to) in [(0, "02:00", "04:00"), (1, "03:00", "05:00"), (2, "01:00", "03:00")] {
        let slot = json!({
            "venue_id": gym.id, "zone_id": zone["id"], "part": part,
            "starts_at": format!("2026-11-26T{from}:00Z"), "ends_at": format!("2026-11-26T{to}:00Z"),
        });
        halves.push(first_slot(&town.office.post("/slots", &slot).await.ok()));
    }
    let tokens = crowd(&town, 200).await;
    let second = town.second_server().await;
    let servers: Vec<Wire> =
        std::iter::once(town.wire.clone()).chain(second.iter().map(|s| s.wire.clone())).collect();
    for (slots, seats) in [(vec![alone], 1), (vec![class], 7), (halves, 2)] {
        let asks = tokens
            .iter()
            .enumerate()
            .map(|(n, token)| books(&servers[n % servers.len()], token, &slots[n % slots.len()]));
        let mut said: BTreeMap<String, usize> = BTreeMap::new();
        for answer in join_all(asks).await {
            *said.entry(format!("{} {}", answer.status, answer.code())).or_default() += 1;
        }
        let won = said.remove("201 ").unwrap_or(0);
        // Who has won twice before may hold no third.
        let lost: usize = ["409 slot_taken", "409 booking_quota"]
            .iter()
            .filter_map(|code| said.remove(*code))
            .sum();
        assert!(said.is_empty(), "{said:?}");
        // Of the court either the whole is booked, or its halves.
        assert!(won == seats || (seats == 2 && won == 1), "{won} of {seats}");
        assert_eq!(won + lost, 200);
    }
    let seated = "SELECT COUNT(*) AS n FROM bookings WHERE seat IS NOT NULL";
    let distinct = "SELECT COUNT(*) AS n FROM \
        (SELECT DISTINCT slot_id, seat FROM bookings WHERE seat IS NOT NULL) s";
    assert_eq!(town.store.count(seated).await, town.store.count(distinct).await);
    // Another seat of the same number is no matter of good manners: the database refuses it.
    let twice = "INSERT INTO bookings (id, slot_id, member_id, resource_id, venue_id, kind, seat, \
        state, starts_at, ends_at, made_at, made_by) SELECT member_id, slot_id, slot_id, \
        resource_id, venue_id, kind, seat, state, starts_at, ends_at, made_at, made_by \
        FROM bookings WHERE seat = 0 LIMIT 1";
    let connection = sea_orm::Database::connect(&town.store.database_url).await.unwrap();
    let refused = sea_orm::ConnectionTrait::execute_unprepared(&connection, twice).await;
    let cause = refused.unwrap_err().sql_err();
    assert!(matches!(cause, Some(sea_orm::SqlErr::UniqueConstraintViolation(_))), "{cause:?}");
    connection.close().await.unwrap();
    if let Some(second) = second {
        second.stop().await;
    }
}
