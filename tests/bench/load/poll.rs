//! Screens: connections that ask for one document over and over, hold a stream, or sit idle.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{sleep, timeout_at};

use crate::{
    Hold, Poll,
    tally::{self, Tally},
    wire::{Connection, Target},
};

pub async fn run(settings: Poll) -> anyhow::Result<()> {
    let target = Target::parse(&settings.url)?;
    let bearer = bearer(settings.token.as_deref());
    let mut first = Connection::open(&target.host).await?;
    let answer = first.exchange(&target.get(&bearer)).await?;
    if settings.once {
        println!("{}", String::from_utf8_lossy(answer.body));
        return Ok(());
    }
    ensure!(answer.status == 200, "answered {}", answer.status);
    let tag = answer.header("etag").map(ToOwned::to_owned);
    let tag = settings.etag.then_some(tag).flatten();
    ensure!(tag.is_some() == settings.etag, "the answer has no ETag");
    let tally = Tally::new(&settings.span);
    let screens =
        (0..settings.span.connections).map(|_| screen(&tally, &target, &bearer, tag.clone()));
    tally::drive(&tally, async {
        join_all(screens).await;
    })
    .await?;
    tally.print(&settings.span);
    Ok(())
}

/// Asks until the run is over; with a tag, keeps the newest tag it was told.
async fn screen(tally: &Tally, target: &Target, bearer: &str, mut tag: Option<String>) {
    let request = |tag: &Option<String>| match tag {
        Some(tag) => target.get(&format!("{bearer}If-None-Match: {tag}\r\n")),
        None => target.get(bearer),
    };
    let mut bytes = request(&tag);
    let mut connection = None;
    while !tally.is_over() {
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(&target.host).await,
        };
        let since = Instant::now();
        let Ok(mut open) = open else {
            tally.lost();
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        match open.exchange(&bytes).await {
            Ok(answer) => {
                tally.answered(since, answer.status, 0);
                if tag.is_some() && answer.status == 200 {
                    tag = answer.header("etag").map(ToOwned::to_owned);
                    bytes = request(&tag);
                }
                connection = Some(open);
            }
            Err(_) => tally.lost(),
        }
    }
}

/// Opens all connections, says so in a line `{"open": n}`, and holds them to the end.
pub async fn hold(settings: Hold) -> anyhow::Result<()> {
    let target = Target::parse(&settings.url)?;
    let accept = if settings.stream { "Accept: text/event-stream\r\n" } else { "" };
    let request = target.get(&format!("{}{accept}", bearer(settings.token.as_deref())));
    let tally = Tally::new(&settings.span);
    let mut held = Vec::new();
    for _ in 0..settings.span.connections {
        let mut connection = Connection::open(&target.host).await?;
        let status = if settings.stream {
            connection.open_stream(&request).await?
        } else {
            connection.exchange(&request).await?.status
        };
        ensure!(status == 200, "answered {status}");
        held.push(connection);
    }
    println!("{}", json!({ "open": held.len() }));
    let held = held.into_iter().map(|connection| read_on(&tally, connection));
    tally::drive(&tally, async {
        join_all(held).await;
    })
    .await?;
    tally.print(&settings.span);
    Ok(())
}

/// Reads whatever comes; each piece with data counts as a result `piece`.
async fn read_on(tally: &Tally, mut connection: Connection) {
    while !tally.is_over() {
        // Looks up now and then, so that a signal ends it too.
        let look_up = (Instant::now() + Duration::from_millis(200)).min(tally.ends_at());
        match timeout_at(look_up.into(), connection.next_piece()).await {
            Err(_) => {}
            Ok(Ok(piece)) if !piece.is_empty() => {
                if piece.windows(5).any(|window| window == b"data:") {
                    tally.result("piece");
                }
            }
            Ok(_) => return tally.lost(),
        }
    }
}

fn bearer(token: Option<&str>) -> String {
    token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default()
}
