//! The JSON of tickets.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    base::ids::{DivisionCode, VenueId, ZoneId},
    tickets::{Act, Closes, Kind, Notice, Step, Told, View, views::Taken},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TicketStep)]
pub struct StepBody {
    act: Act,
    /// In 1 to 500 characters; whoever reported the ticket reads it.
    note: Option<String>,
    /// With `triage`: what it is, where it is not what was reported.
    kind: Option<Kind>,
    /// With `assign`: who has it to do, a person or a firm.
    assignee: Option<String>,
    /// Of a ticket about safety.
    closes: Option<Closes>,
}

impl From<StepBody> for Step {
    fn from(body: StepBody) -> Self {
        let StepBody { act, note, kind, assignee, closes } = body;
        Self { act, note, kind, assignee, closes }
    }
}

/// A ticket in a list.
#[derive(Serialize, ToSchema)]
pub struct TicketLine {
    id: Uuid,
    venue_id: VenueId,
    zone_id: Option<ZoneId>,
    community: DivisionCode,
    kind: String,
    state: String,
    reported_at: DateTime<Utc>,
    /// By when it should be in the next state.
    due_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
}

impl From<View> for TicketLine {
    fn from(view: View) -> Self {
        let View { id, venue, zone, community, kind, state, .. } = view;
        let View { reported_at, due_at, ended_at, .. } = view;
        Self {
            id,
            venue_id: venue,
            zone_id: zone,
            community,
            kind,
            state,
            reported_at,
            due_at,
            ended_at,
        }
    }
}

/// A ticket with all of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketJson {
    #[serde(flatten)]
    line: TicketLine,
    /// Null once the person is forgotten.
    member_id: Option<Uuid>,
    /// Empty while it waits for its check, or where it may not be shown.
    text: String,
    assignee: Option<String>,
    steps: Vec<StepJson>,
    notices: Vec<NoticeJson>,
}

impl From<View> for TicketJson {
    fn from(mut view: View) -> Self {
        let (steps, notices) = (std::mem::take(&mut view.steps), std::mem::take(&mut view.notices));
        let (text, assignee) = (std::mem::take(&mut view.text), view.assignee.take());
        Self {
            member_id: view.reporter,
            text,
            assignee,
            steps: steps.into_iter().map(StepJson::with_actor).collect(),
            notices: notices.into_iter().map(NoticeJson::from).collect(),
            line: view.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = TicketStepTaken)]
struct StepJson {
    act: String,
    state: String,
    note: Option<String>,
    /// To staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    at: DateTime<Utc>,
}

impl StepJson {
    fn with_actor(taken: Taken) -> Self {
        let Taken { act, state, note, by, at } = taken;
        Self { act, state, note, by: Some(by), at }
    }

    fn without_actor(taken: Taken) -> Self {
        Self { by: None, ..Self::with_actor(taken) }
    }
}

/// What a resident reported, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnReport)]
pub struct OwnReportJson {
    #[serde(flatten)]
    line: TicketLine,
    text: String,
    steps: Vec<StepJson>,
}

impl From<View> for OwnReportJson {
    fn from(mut view: View) -> Self {
        let (text, steps) = (std::mem::take(&mut view.text), std::mem::take(&mut view.steps));
        let steps = steps.into_iter().map(StepJson::without_actor).collect();
        Self { text, steps, line: view.into() }
    }
}

/// A notice about a ticket.
#[derive(Serialize, ToSchema)]
#[schema(as = TicketNotice)]
pub struct NoticeJson {
    id: Uuid,
    ticket_id: Uuid,
    /// `warning`, `supervision` or `progress`.
    kind: String,
    /// 预警单, 督办单 or 进度单.
    title: &'static str,
    /// Whom it is for.
    division: DivisionCode,
    /// How the ticket stood.
    state: String,
    at: DateTime<Utc>,
    seen_at: Option<DateTime<Utc>>,
}

impl From<Told> for NoticeJson {
    fn from(told: Told) -> Self {
        let Told { id, ticket_id, kind, division, state, at, seen_at } = told;
        let title = Notice::from_text(&kind).map_or("", Notice::zh);
        Self { id, ticket_id, kind, title, division, state, at, seen_at }
    }
}
