//! What these devices ask for, path by path. They go on only after `Success` 1.

use axum::{Extension, extract::Request, response::Response, routing::post};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

use super::record;
use crate::{
    base::{error::Error, ids::Direction, state::State},
    entries::DecisionKind,
    gateways::{
        answer,
        facts::Fact,
        intake::{Device, Intake},
        native,
        post::Post,
    },
    terminals::{
        Family, VendorTerminal,
        commands::{self, Command, CommandResult, Order, Which},
        links, roster,
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .route("/Device/Keepalive", post(keepalive))
        .route("/Device/RemoteCommand", post(remote))
        .route("/Device/RequestAuthorization", post(authorise))
        .route("/Record/UploadIdentifyRecord", post(upload))
        .route("/People/DownloadPeopleList", post(download))
        .route("/People/DownloadPeopleListResult", post(noted))
        .route("/People/DeletePeopleList", post(delete))
        .route("/People/DeletePeopleListResult", post(noted))
        .route("/People/PushPeople", post(noted))
        .route("/Device/UploadWorkParameter", post(noted))
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
    links::contact(&intake.state.db, known, post.contact, intake.now()).await?;
    let limit = record::limit(&post.body);
    match ask {
        Ask::Keepalive => work(intake, known).await,
        Ask::Remote => take(intake, known, &REMOTE, 1).await.map(|told| command(&told)),
        Ask::Download => {
            take(intake, known, &["hold_person"], limit).await.map(|told| people(&told))
        }
        Ask::Delete => {
            take(intake, known, &["remove_person"], limit).await.map(|told| leaving(&told))
        }
        Ask::Noted => Ok(WELL.to_owned()),
    }
}

/// Orders that a device fetches one at a time.
const REMOTE: [&str; 3] = ["open_door", "restart", "query_records"];

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

fn command(told: &[Command]) -> String {
    let word = told.first().map_or("", |command| match command.order {
        Order::OpenDoor { .. } => ",\"Opendoor\":1",
        Order::Restart => ",\"Restart\":1",
        // It can only send all that it has again; what we know already changes nothing.
        Order::QueryRecords { .. } => ",\"RepostRecord\":1",
        Order::SyncTime | Order::HoldPerson { .. } | Order::RemovePerson { .. } => "",
    });
    format!("{{\"Success\":1{word}}}")
}

fn people(told: &[Command]) -> String {
    let person = |handle| {
        json!({
            "UserID": handle, "Name": "", "IdentityCard": "", "AccessType": 0,
            "ExpirationDate": 0, "OpenTimes": 65535, "KeepOpen": 0, "Timegroup": 1,
        })
    };
    let people: Vec<Value> = handles(told).map(person).collect();
    json!({ "Success": 1, "PeopleCount": people.len(), "PeopleList": people }).to_string()
}

fn leaving(told: &[Command]) -> String {
    let people: Vec<&str> = handles(told).collect();
    format!(
        "{{\"Success\":1,\"DeleteAll\":0,\"DeleteCount\":{},\"DeleteList\":[{}]}}",
        people.len(),
        people.join(",")
    )
}

fn handles(told: &[Command]) -> impl Iterator<Item = &str> {
    told.iter().filter_map(|command| match &command.order {
        Order::HoldPerson { handle } | Order::RemovePerson { handle } => Some(handle.as_str()),
        Order::OpenDoor { .. } | Order::Restart | Order::QueryRecords { .. } | Order::SyncTime => {
            None
        }
    })
}

/// Hands commands out. How this protocol reports their results is not documented, so what was
/// fetched counts as done.
async fn take(
    intake: &Intake,
    known: &VendorTerminal,
    kinds: &[&str],
    limit: u64,
) -> Result<Vec<Command>, Error> {
    let (db, now, id) = (&intake.state.db, intake.now(), known.terminal.id);
    let told = commands::take_of(db, id, kinds, limit, now).await?;
    for command in &told {
        let detail = Some("已取走 fetched".to_owned());
        let result = CommandResult { done: true, code: None, detail };
        commands::settle(db, id, Which::Number(command.number), result, now).await?;
    }
    Ok(told)
}

async fn upload(Extension(intake): Extension<Intake>, request: Request) -> Response {
    let post = match Post::read(request).await {
        Ok(post) => post,
        Err(refusal) => return refusal,
    };
    let told = async {
        let upload = record::read(&post.content_type, &post.body);
        let device = intake.by_serial(Family::Fcard, &upload.serial, post.contact.address).await?;
        intake.take(&device, vec![upload.fact], post.contact).await
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
