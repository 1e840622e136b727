//! The JSON of residents about themselves, in and out.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use utoipa::{IntoParams, ToSchema};

use super::bodies::MemberBody;
use crate::{
    base::{
        documents::{Document, RawDocument, Sex},
        error::{Code, Error, Fault},
        ids::{DivisionCode, MemberId},
        text::{PersonName, Phone},
        wechat_api::OneTimeCode,
    },
    members::{
        Agreement, AgreementStanding, CODE_LIFE, DoorCode, NewConsent, NewMember, Own, Purpose,
    },
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Registration)]
pub struct RegistrationBody {
    #[schema(value_type = String, example = "张三")]
    name: PersonName,
    #[schema(value_type = RawDocument)]
    pub document: Document,
    /// Needed where the document does not tell it.
    birth_date: Option<NaiveDate>,
    sex: Option<Sex>,
    /// Of the mini-program's phone button.
    #[schema(value_type = Option<String>)]
    pub phone_code: Option<OneTimeCode>,
    #[schema(example = "330499001001")]
    home_community: DivisionCode,
    /// Each answered by itself; none about faces.
    #[serde(default)]
    consents: Vec<AnswerOfRegistration>,
}

/// One consent, given or refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerOfRegistration {
    purpose: Purpose,
    granted: bool,
    /// The version of the text that was shown.
    #[schema(example = "1")]
    text_version: String,
}

impl RegistrationBody {
    pub fn into_new(self, phone: Option<Phone>) -> NewMember {
        NewMember {
            name: self.name,
            document: self.document,
            birth_date: self.birth_date,
            sex: self.sex,
            phone,
            home_community: self.home_community,
            guardian: None,
            registered_at: None,
            consents: self.consents.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<AnswerOfRegistration> for NewConsent {
    fn from(body: AnswerOfRegistration) -> Self {
        let AnswerOfRegistration { purpose, granted, text_version } = body;
        Self { purpose, granted, text_version: Some(text_version), at: None }
    }
}

/// A child of the caller's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDependant)]
pub struct DependantBody {
    #[schema(value_type = String, example = "张小宝")]
    name: PersonName,
    #[schema(value_type = RawDocument)]
    document: Document,
    /// Needed where the document does not tell it.
    birth_date: Option<NaiveDate>,
    sex: Option<Sex>,
    /// Each answered by itself by the guardian; none about faces.
    #[serde(default)]
    consents: Vec<AnswerOfRegistration>,
}

impl DependantBody {
    /// Children are at home where their guardian is.
    pub fn into_new(self, home: DivisionCode) -> NewMember {
        NewMember {
            name: self.name,
            document: self.document,
            birth_date: self.birth_date,
            sex: self.sex,
            phone: None,
            home_community: home,
            guardian: None,
            registered_at: None,
            consents: self.consents.into_iter().map(Into::into).collect(),
        }
    }
}

/// Who is registered now.
#[derive(Serialize, ToSchema)]
pub struct Registered {
    pub id: MemberId,
}

/// What is kept of a resident, for themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub struct OwnBody {
    #[serde(flatten)]
    member: MemberBody,
    /// The whole name; `name` is as others see it.
    full_name: String,
    /// Whether others see the resident, masked, in rankings.
    in_ranks: bool,
}

impl From<Own> for OwnBody {
    fn from(own: Own) -> Self {
        let Own { profile, name, in_ranks } = own;
        Self { member: profile.into(), full_name: name, in_ranks }
    }
}

/// What a resident may change; the other fields are there to be refused by name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MeChange)]
pub struct ChangeBody {
    /// Of the mini-program's phone button: the new number.
    #[schema(value_type = Option<String>)]
    pub phone_code: Option<OneTimeCode>,
    #[schema(example = "330499001001")]
    pub home_community: Option<DivisionCode>,
    pub in_ranks: Option<bool>,
    #[schema(ignore)]
    id: Option<IgnoredAny>,
    #[schema(ignore)]
    name: Option<IgnoredAny>,
    #[schema(ignore)]
    full_name: Option<IgnoredAny>,
    #[schema(ignore)]
    document: Option<IgnoredAny>,
    #[schema(ignore)]
    birth_date: Option<IgnoredAny>,
    #[schema(ignore)]
    sex: Option<IgnoredAny>,
    #[schema(ignore)]
    phone: Option<IgnoredAny>,
    #[schema(ignore)]
    status: Option<IgnoredAny>,
    #[schema(ignore)]
    verification: Option<IgnoredAny>,
    #[schema(ignore)]
    guardian_id: Option<IgnoredAny>,
    #[schema(ignore)]
    registered_at: Option<IgnoredAny>,
}

impl ChangeBody {
    /// Refuses what is known but not theirs to change, all of it at once.
    pub fn check(&self) -> Result<(), Error> {
        let fixed = [
            ("id", &self.id),
            ("name", &self.name),
            ("full_name", &self.full_name),
            ("document", &self.document),
            ("birth_date", &self.birth_date),
            ("sex", &self.sex),
            ("phone", &self.phone),
            ("status", &self.status),
            ("verification", &self.verification),
            ("guardian_id", &self.guardian_id),
            ("registered_at", &self.registered_at),
        ];
        let fault = |name: &str| Fault { pointer: format!("/{name}"), code: Code::ImmutableField };
        let faults: Vec<Fault> = fixed
            .iter()
            .filter(|(_, given)| given.is_some())
            .map(|(name, _)| fault(name))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }
}

/// One answer, of the caller's own or for a child.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentAnswer)]
pub struct AnswerBody {
    purpose: Purpose,
    granted: bool,
    /// The version of the text that was shown; a grant must name today's.
    #[schema(example = "1")]
    text_version: Option<String>,
    /// A child of the caller's.
    pub dependant_id: Option<MemberId>,
}

impl From<AnswerBody> for NewConsent {
    fn from(body: AnswerBody) -> Self {
        let AnswerBody { purpose, granted, text_version, dependant_id: _ } = body;
        Self { purpose, granted, text_version, at: None }
    }
}

/// Which consent is withdrawn.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WithdrawQuery {
    purpose: Purpose,
    /// A child of the caller's.
    pub dependant_id: Option<MemberId>,
}

impl From<WithdrawQuery> for NewConsent {
    fn from(query: WithdrawQuery) -> Self {
        Self { purpose: query.purpose, granted: false, text_version: None, at: None }
    }
}

/// Whose code.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CodeQuery {
    /// A child of the caller's, or one whom they may bring.
    pub dependant_id: Option<MemberId>,
}

/// What the mini-program shows as a QR code.
#[derive(Serialize, ToSchema)]
#[schema(as = DoorCode)]
pub struct CodeBody {
    /// Letters A to Z and digits 2 to 7 only.
    code: String,
    valid_to: DateTime<Utc>,
    /// Seconds for which it is good; ask for the next one in time.
    life_s: i64,
}

impl From<DoorCode> for CodeBody {
    fn from(code: DoorCode) -> Self {
        let DoorCode { text, valid_to } = code;
        Self { code: text, valid_to, life_s: CODE_LIFE.num_seconds() }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Agreements)]
pub struct AgreementsBody {
    items: Vec<AgreementBody>,
}

impl From<Vec<Agreement>> for AgreementsBody {
    fn from(agreements: Vec<Agreement>) -> Self {
        Self { items: agreements.into_iter().map(Into::into).collect() }
    }
}

/// A purpose, its text, and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Agreement)]
pub struct AgreementBody {
    purpose: Purpose,
    text: &'static str,
    text_version: &'static str,
    /// SHA-256 of the text.
    text_hash: String,
    standing: AgreementStanding,
    /// When the newest answer was given.
    at: Option<DateTime<Utc>>,
    /// Whether the mini-program may ask now; `false` for 90 days after a refusal.
    may_ask: bool,
    /// About faces or health: asked about by itself, never preselected.
    separate: bool,
}

impl From<Agreement> for AgreementBody {
    fn from(one: Agreement) -> Self {
        let Agreement { purpose, text, text_version, text_hash, standing, at, may_ask } = one;
        let separate = purpose.is_separate();
        Self { purpose, text, text_version, text_hash, standing, at, may_ask, separate }
    }
}
