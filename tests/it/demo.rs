//! The reference town as the demo founds it: the figures that it is known for, asked of its API.

use fitgate::Clock;
use serde_json::{Value, json};

use crate::support::{Answer, Server, Store, eventually};

#[tokio::test]
async fn the_town_shows_the_figures_that_it_is_known_for() {
    let store = Store::fresh().await;
    let file = store.scratch("credentials.json");
    let mut words = vec!["demo", "--load-only", "--credentials", file.to_str().unwrap()];
    // The whole history once; what the town has beside its doors is the same after a month.
    let is_whole = !store.is_postgres();
    if !is_whole {
        words.extend(["--months", "1"]);
    }
    store.fitgate(&words).await;
    let town: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    // Nobody comes and goes any more: the figures stand still.
    let server = Server::start(&store, &Clock::system(), None).await.unwrap();
    let screen = &town["screens"][0];
    let text = |field: &str| screen[field].as_str().unwrap().to_owned();
    let (path, token) = (format!("/api/v1/screens/{}", text("division")), text("token"));
    let shown = eventually("a document with the history", async || {
        let shown = Answer::to(server.wire.get(&path).bearer_auth(&token)).await.ok();
        (shown["degraded"] == false && shown["rebuilding"] == false).then_some(shown)
    })
    .await;
    let known = ["registered", "instructors", "groups", "activities"].map(|field| &shown[field]);
    assert_eq!(known, [&json!(2_550), &json!(20), &json!(76), &json!(42)]);
    let minutes = shown["ever"]["minutes"]["total"].as_i64().unwrap();
    assert!(minutes == 1_566_716 || (!is_whole && minutes > 80_000), "{minutes} minutes");
    assert_eq!(shown["notices"].as_array().unwrap().len(), 2);
    for (what, table) in [
        ("confirmed bookings", "bookings WHERE state = 'confirmed'"),
        ("who came by the doors", "activity_sign_ups WHERE attended_by = 'door'"),
        ("fitness tests", "fitness_tests"),
        ("plans", "fitness_plans"),
        ("tickets", "tickets"),
        ("meet-ups that lie ahead", "group_meetups WHERE starts_at > CURRENT_TIMESTAMP"),
    ] {
        assert!(store.count(&format!("SELECT COUNT(*) AS n FROM {table}")).await > 0, "{what}");
    }
    server.stop().await;
}
