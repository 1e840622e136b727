//! What these devices ask for, path by path. They go on only after `Success` 1.

use std::net::IpAddr;

use axum::{Extension, extract::Request, response::Response, routing::post};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

use super::{people, record, results};
use crate::{
    base::{error::Error, ids::Direction, state::State},
    entries::DecisionKind,
    gateways::{
        answer,
        facts::Fact,
        holders::{self, Holder},
        intake::{Device, Intake},
        native,
        outward::failed,
        post::Post,
    },
    terminals::{
        Family, VendorTerminal,
        commands::{self, Order, Which},
        links::{self, Contact},
        listings, roster,
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .route("/Device/Keepalive", post(keepalive))
        .route("/Device/RemoteCommand", post(remote))
        .route("/Device/RequestAuthorization", post(authorise))
        .route("/People/RequestAuthorization", post(authorise))
        .route("/Record/UploadIdentifyRecord", post(upload))
        .route("/Record/UploadSystemRecord", post(upload_system))
        .route("/People/DownloadPeopleList", post(download))
        .route("/People/DownloadPeopleListResult", post(stored))
        .route("/People/DeletePeopleList", post(delete))
        .route("/People/DeletePeopleListResult", post(deleted))
        .route("/People/PushPeople", post(pushed))
        .route("/Device/UploadWorkParameter", post(noted))
        .route("/Device/UploadWorkSetting", post(noted))
}

/// Not yours to know: the device stops uploading and goes on asking.
const NOT_CLAIMED: &str = r#"{"Success":401}"#;
const WELL: &str = r#"{"Success":1}"#;

/// What a device that polls asks for.
#[derive(Clone, Copy)]
enum Ask {
    Keepalive,
    Remote,
    Download,
    Delete,
    /// What became of the persons that it fetched, and of those that it was to delete.
    Stored,
    Deleted,
    /// Something that is only acknowledged.
    Noted,
}

async fn keepalive(Extension(intake): Extension<Intake>, request: Request) -> Response {
    polled(&intake, request, Ask::Keepalive).await
}

async fn remote(Extension(intake): Extension<Intake>, request: Request) -> Response {
    polled(&intake, request, Ask::Remote).await
}

async fn download(Extension(intake): Extension<Intake>, request: Request) -> Response {
    polled(&intake, request, Ask::Download).await
}

async fn delete(Extension(intake): Extension<Intake>, request: Request) -> Response {
    polled(&intake, request, Ask::Delete).await
}

async fn stored(Extension(intake): Extension<Intake>, request: Request) -> Response {
    polled(&intake, request, Ask::Stored).await
}

async fn deleted(Extension(intake): Extension<Intake>, request: Request) -> Response {
    polled(&intake, request, Ask::Deleted).await
}

async fn noted(Extension(intake): Extension<Intake>, request: Request) -> Response {
    polled(&intake, request, Ask::Noted).await
}

/// Answers a device that polls, if it is claimed.
async fn polled(intake: &Intake, request: Request, ask: Ask) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    reply(intake, post, ask).await.map_or_else(answer::refusal, answer::json)
}

async fn reply(intake: &Intake, post: Post, ask: Ask) -> Result<String, Error> {
    let serial = record::serial(&post.body);
    let device = intake.by_serial(Family::Fcard, &serial, post.contact.address).await?;
    let Device::Claimed(known) = &device else {
        intake.take(&device, Vec::new(), post.contact).await?;
        return Ok(NOT_CLAIMED.to_owned());
    };
    let address = post.contact.address;
    links::contact(&intake.state.db, known, post.contact, intake.now()).await?;
    let limit = record::limit(&post.body);
    match ask {
        Ask::Keepalive => work(intake, known).await,
        Ask::Remote => remote_command(intake, known).await,
        Ask::Download => download_people(intake, known, limit, address).await,
        Ask::Delete => delete_people(intake, known, limit).await,
        Ask::Stored => results::persons(intake, known, &post.body).await.map(|()| WELL.to_owned()),
        Ask::Deleted => {
            results::removals(intake, known, &post.body).await.map(|()| WELL.to_owned())
        }
        Ask::Noted => Ok(WELL.to_owned()),
    }
}

/// Orders that a device fetches one at a time.
const REMOTE: [&str; 4] = ["open_door", "restart", "query_records", "list_persons"];
/// Bytes of persons after which no other is begun: photos are large, and devices small.
const PEOPLE_BYTES: usize = 512 * 1024;

/// What waits for the device, so that it asks for it.
async fn work(intake: &Intake, known: &VendorTerminal) -> Result<String, Error> {
    let (db, now) = (&intake.state.db, intake.now());
    roster::keep_up(db, &intake.caches, known, now).await?;
    let waiting = commands::counts(db, known.terminal.id, now).await?;
    let number = |kinds: &[&str]| kinds.iter().filter_map(|kind| waiting.get(*kind)).sum();
    let add: usize = number(&["hold_person"]);
    let delete: usize = number(&["remove_person"]);
    let remote: usize = number(&REMOTE);
    if add + delete + remote == 0 {
        return Ok(WELL.to_owned());
    }
    let remote = usize::from(remote > 0);
    Ok(format!(
        "{{\"Success\":1,\"AddPeople\":{add},\"DeletePeople\":{delete},\"SyncParameter\":0,\
         \"Remote\":{remote},\"UploadWorkParameter\":0}}"
    ))
}

async fn remote_command(intake: &Intake, known: &VendorTerminal) -> Result<String, Error> {
    let (db, now) = (&intake.state.db, intake.now());
    let told = commands::take_of(db, known.terminal.id, &REMOTE, 1, now).await?.pop();
    let word = match told.map(|command| command.order) {
        Some(Order::OpenDoor { .. }) => ",\"Opendoor\":1".to_owned(),
        Some(Order::Restart) => ",\"Restart\":1".to_owned(),
        // It can only send all that it has again; what we know already changes nothing.
        Some(Order::QueryRecords { .. }) => ",\"RepostRecord\":1".to_owned(),
        Some(Order::ListPersons) => {
            let numbers = listings::probe(db, known, now).await?;
            if numbers.is_empty() {
                results::nobody_to_ask_about(intake, known).await?;
                return Ok(WELL.to_owned());
            }
            format!(",\"QueryPeople\":[{}]", numbers.join(","))
        }
        Some(
            Order::SyncTime
            | Order::HoldPerson { .. }
            | Order::RemovePerson { .. }
            | Order::ServerDecides { .. },
        )
        | None => String::new(),
    };
    Ok(format!("{{\"Success\":1{word}}}"))
}

/// Persons for the device to hold, as many as it wants and one answer carries.
async fn download_people(
    intake: &Intake,
    known: &VendorTerminal,
    limit: u64,
    address: Option<IpAddr>,
) -> Result<String, Error> {
    let (db, id) = (&intake.state.db, known.terminal.id);
    let (mut told, mut bytes) = (Vec::new(), 0);
    for _ in 0..limit {
        let now = intake.now();
        let Some(command) = commands::take_of(db, id, &["hold_person"], 1, now).await?.pop() else {
            break;
        };
        if let Some(holder) = Holder::of(intake, known, &command.order, address).await? {
            bytes += holder.photo.as_ref().map_or(0, Vec::len);
            told.push(people::person(&holder));
        } else {
            let which = Which::Number(command.number);
            commands::settle(db, id, which, failed(holders::WITHHELD), now).await?;
        }
        if bytes >= PEOPLE_BYTES {
            break;
        }
    }
    Ok(people::people(&told))
}

async fn delete_people(
    intake: &Intake,
    known: &VendorTerminal,
    limit: u64,
) -> Result<String, Error> {
    let (db, now, id) = (&intake.state.db, intake.now(), known.terminal.id);
    let mut numbers = Vec::new();
    for command in commands::take_of(db, id, &["remove_person"], limit, now).await? {
        let holder = Holder::of(intake, known, &command.order, None).await?;
        numbers.extend(holder.map(|holder| holder.number));
    }
    Ok(people::leaving(&numbers))
}

async fn upload(Extension(intake): Extension<Intake>, request: Request) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = async {
        let upload = record::read(&post.content_type, &post.body);
        keep(&intake, &upload.serial, vec![upload.fact], post.contact).await
    };
    told.await.map_or_else(answer::refusal, |()| answer::json(WELL))
}

/// Takes facts, and what they say of orders.
async fn keep(
    intake: &Intake,
    serial: &str,
    facts: Vec<Fact>,
    contact: Contact,
) -> Result<(), Error> {
    let device = intake.by_serial(Family::Fcard, serial, contact.address).await?;
    intake.take(&device, facts.clone(), contact).await?;
    match device.claimed() {
        Some(known) => results::facts(intake, known, &facts).await,
        None => Ok(()),
    }
}

async fn upload_system(Extension(intake): Extension<Intake>, request: Request) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let serial = record::serial(&post.body);
    let told = keep(&intake, &serial, record::system(&post.body), post.contact).await;
    told.map_or_else(answer::refusal, |()| answer::json(WELL))
}

/// A person of the device's: of those whom we asked for we hear whether they are there, others are
/// not kept.
async fn pushed(Extension(intake): Extension<Intake>, request: Request) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = async {
        let said = people::pushed(&post.content_type, &post.body);
        let device = intake.by_serial(Family::Fcard, &said.serial, post.contact.address).await?;
        intake.take(&device, Vec::new(), post.contact).await?;
        match device.claimed() {
            Some(known) => results::answer(&intake, known, &said).await,
            None => Ok(()),
        }
    };
    told.await.map_or_else(answer::refusal, |()| answer::json(WELL))
}

/// Somebody waits at the door, and the device leaves the decision to us.
async fn authorise(Extension(intake): Extension<Intake>, request: Request) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = async {
        let upload = record::read(&post.content_type, &post.body);
        let device = intake.by_serial(Family::Fcard, &upload.serial, post.contact.address).await?;
        let (Device::Claimed(known), Fact::Entry(mut seen)) = (&device, upload.fact) else {
            return Ok(json!({ "Success": 0 }));
        };
        // The record of what then happened comes under its own number.
        seen.key = format!("asked|{}", seen.key);
        let (stored, direction) = intake.decide(known, seen).await?;
        Ok(verdict(stored.as_ref(), direction))
    };
    told.await.map_or_else(answer::refusal, |told| answer::json(told.to_string()))
}

fn verdict(stored: Option<&crate::entries::StoredDecision>, direction: Direction) -> Value {
    let granted = stored.is_some_and(|stored| stored.decision == DecisionKind::Granted);
    let said = if granted { DecisionKind::Granted } else { DecisionKind::Refused };
    let (sentence, _) = native::sentences(said, stored.and_then(|s| s.reason), direction);
    json!({ "Success": u8::from(granted), "Message": sentence })
}
