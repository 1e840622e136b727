//! Screens: connections that ask for one document over and over, hold a stream, or sit idle.

use std::time::{Duration, Instant};

use anyhow::ensure;
use futures_util::future::join_all;
use serde_json::json;
use tokio::time::{sleep, sleep_until, timeout_at};

use crate::{
    Hold, Poll, Screens,
    entries::{every_seconds, share},
    tally::{self, Tally},
    wire::{Connection, Target},
};

pub async fn run(settings: Poll) -> anyhow::Result<()> {
    let targets = targets(&settings.screens)?;
    let (target, bearer) = &targets[0];
    let mut first = Connection::open(&target.host).await?;
    let answer = first.exchange(&target.get(bearer)).await?;
    if settings.once {
        println!("{}", String::from_utf8_lossy(answer.body));
        return Ok(());
    }
    ensure!(answer.status == 200, "answered {}", answer.status);
    let tag = answer.header("etag").map(ToOwned::to_owned);
    let tag = settings.etag.then_some(tag).flatten();
    ensure!(tag.is_some() == settings.etag, "the answer has no ETag");
    let tally = Tally::new(&settings.span);
    let every = settings.span.connections;
    let pause = settings.rate.map(|rate| every_seconds(every, rate));
    let screens = (0..every).map(|n| {
        let pace = pause.map(|pause| (pause.mul_f64(share(n, every)), pause));
        screen(&tally, &targets[n % targets.len()], tag.clone(), pace)
    });
    tally::drive(&tally, async {
        join_all(screens).await;
    })
    .await?;
    tally.print(&settings.span);
    Ok(())
}

/// Asks until the run is over; with a tag, keeps the newest tag it was told. `pace` is the wait
/// before the first request, and the time from one to the next.
async fn screen(
    tally: &Tally,
    (target, bearer): &(Target, String),
    mut tag: Option<String>,
    pace: Option<(Duration, Duration)>,
) {
    let mut due = Instant::now() + pace.map_or(Duration::ZERO, |(first, _)| first);
    let request = |tag: &Option<String>| match tag {
        Some(tag) => target.get(&format!("{bearer}If-None-Match: {tag}\r\n")),
        None => target.get(bearer),
    };
    let mut bytes = request(&tag);
    let mut connection = None;
    while !tally.is_over() {
        if let Some((_, pause)) = pace {
            sleep_until(due.min(tally.ends_at()).into()).await;
            due += pause;
        }
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
    let targets = targets(&settings.screens)?;
    let accept = if settings.stream { "Accept: text/event-stream\r\n" } else { "" };
    let tally = Tally::new(&settings.span);
    let mut held = Vec::new();
    for n in 0..settings.span.connections {
        let (target, bearer) = &targets[n % targets.len()];
        let request = target.get(&format!("{bearer}{accept}"));
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

/// Addresses with the header that opens them.
fn targets(screens: &Screens) -> anyhow::Result<Vec<(Target, String)>> {
    let Some(file) = &screens.targets else {
        let url = screens.url.as_deref().unwrap_or_default();
        return Ok(vec![(Target::parse(url)?, bearer(screens.token.as_deref()))]);
    };
    let text = std::fs::read_to_string(file)?;
    let targets: Vec<(Target, String)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(url, token)| Ok((Target::parse(url)?, bearer(Some(token)))))
        .collect::<anyhow::Result<_>>()?;
    ensure!(!targets.is_empty(), "the file names no targets");
    Ok(targets)
}

fn bearer(token: Option<&str>) -> String {
    token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default()
}
