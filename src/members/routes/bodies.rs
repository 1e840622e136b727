//! The JSON of members, in and out.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    base::{
        clock::Given,
        documents::{Document, RawDocument, Sex},
        ids::{DivisionCode, MemberId},
        text::{PersonName, Phone},
    },
    members::{
        self, CredentialKind, NewApproval, NewConsent, NewCredential, NewMember, Profile, Purpose,
        Report, Status, Verification,
    },
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMember)]
pub struct NewMemberBody {
    #[schema(value_type = String, example = "张三")]
    name: PersonName,
    #[schema(value_type = RawDocument)]
    document: Document,
    /// Needed where the document does not tell it.
    birth_date: Option<NaiveDate>,
    sex: Option<Sex>,
    #[schema(value_type = Option<String>, example = "13900000000")]
    phone: Option<Phone>,
    #[schema(example = "330499001001")]
    pub home_community: DivisionCode,
    /// Needed under 14.
    guardian_id: Option<MemberId>,
    /// Now if absent.
    registered_at: Option<Given>,
    #[serde(default)]
    consents: Vec<ConsentBody>,
}

impl NewMemberBody {
    pub fn into_new(self) -> NewMember {
        NewMember {
            name: self.name,
            document: self.document,
            birth_date: self.birth_date,
            sex: self.sex,
            phone: self.phone,
            home_community: self.home_community,
            guardian: self.guardian_id,
            registered_at: self.registered_at.map(|at| at.0),
            consents: self.consents.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewConsent)]
pub struct ConsentBody {
    purpose: Purpose,
    /// `false` withdraws.
    granted: bool,
    /// The version of the text that was signed; the current one if absent.
    #[schema(example = "1")]
    text_version: Option<String>,
    /// When it was signed; now if absent.
    at: Option<Given>,
}

impl From<ConsentBody> for NewConsent {
    fn from(body: ConsentBody) -> Self {
        let ConsentBody { purpose, granted, text_version, at } = body;
        Self { purpose, granted, text_version, at: at.map(|at| at.0) }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Guardian)]
pub struct GuardianBody {
    /// A registered adult.
    pub guardian_id: MemberId,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCredential)]
pub struct CredentialBody {
    kind: CredentialKind,
    /// As the terminal reports it: 1 to 64 visible ASCII characters.
    #[schema(example = "0004711")]
    handle: String,
    /// Now if absent.
    valid_from: Option<Given>,
    valid_to: Option<Given>,
}

impl From<CredentialBody> for NewCredential {
    fn from(body: CredentialBody) -> Self {
        let CredentialBody { kind, handle, valid_from, valid_to } = body;
        Self {
            kind,
            handle,
            valid_from: valid_from.map(|at| at.0),
            valid_to: valid_to.map(|at| at.0),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApproval)]
pub struct ApprovalBody {
    /// The word in a venue's prerequisites.
    #[schema(example = "school_ground")]
    kind: String,
    valid_from: Given,
    /// Until further notice if absent.
    valid_to: Option<Given>,
}

impl From<ApprovalBody> for NewApproval {
    fn from(body: ApprovalBody) -> Self {
        let ApprovalBody { kind, valid_from, valid_to } = body;
        Self { kind, valid_from: valid_from.0, valid_to: valid_to.map(|at| at.0) }
    }
}

/// A member, masked.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub struct MemberBody {
    id: MemberId,
    #[schema(example = "张*")]
    name: String,
    document: MaskedDocument,
    #[schema(example = "139****0000")]
    phone: Option<String>,
    home_community: DivisionCode,
    sex: Option<String>,
    birth_year: Option<i32>,
    status: Status,
    verification: Verification,
    guardian_id: Option<MemberId>,
    registered_at: DateTime<Utc>,
    /// The newest record of each purpose that was ever asked for.
    consents: Vec<ConsentState>,
    approvals: Vec<Approval>,
}

#[derive(Serialize, ToSchema)]
struct MaskedDocument {
    #[serde(rename = "type")]
    kind: String,
    #[schema(example = "3304**********0012")]
    number: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Consent)]
struct ConsentState {
    purpose: Purpose,
    granted: bool,
    /// The text has changed since it was granted.
    needs_renewal: bool,
    text_version: String,
    at: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
struct Approval {
    kind: String,
    valid_from: DateTime<Utc>,
    valid_to: Option<DateTime<Utc>>,
}

impl From<Profile> for MemberBody {
    fn from(member: Profile) -> Self {
        Self {
            id: member.id,
            name: member.name,
            document: MaskedDocument { kind: member.document_type, number: member.document_number },
            phone: member.phone,
            home_community: member.home_community,
            sex: member.sex,
            birth_year: member.birth_year,
            status: member.status,
            verification: member.verification,
            guardian_id: member.guardian,
            registered_at: member.registered_at,
            consents: member.consents.into_iter().map(Into::into).collect(),
            approvals: member.approvals.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<members::ConsentState> for ConsentState {
    fn from(state: members::ConsentState) -> Self {
        let members::ConsentState { purpose, granted, needs_renewal, text_version, at } = state;
        Self { purpose, granted, needs_renewal, text_version, at }
    }
}

impl From<members::Approval> for Approval {
    fn from(approval: members::Approval) -> Self {
        let members::Approval { kind, valid_from, valid_to } = approval;
        Self { kind, valid_from, valid_to }
    }
}

/// What an import took.
#[derive(Serialize, ToSchema)]
#[schema(as = ImportReport)]
pub struct ReportBody {
    rows: usize,
    members: usize,
    consents: usize,
    /// Rows with past minutes, and their sum.
    past_days: usize,
    past_minutes: i64,
}

impl From<Report> for ReportBody {
    fn from(report: Report) -> Self {
        let Report { rows, members, consents, past_days, past_minutes } = report;
        Self { rows, members, consents, past_days, past_minutes }
    }
}
