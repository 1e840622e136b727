//! What WeChat's numbers mean for us. Answers come with HTTP 200 whatever happened; the text
//! beside the number is for people and changes, so only the number counts.

use crate::base::error::{Code, Error};

/// Why WeChat did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// WeChat is not set up here.
    #[error("wechat is not set up")]
    Off,
    #[error("the code is none or has run out")]
    CodeInvalid,
    #[error("the code was used before")]
    CodeUsed,
    /// The platform takes the person for an attacker.
    #[error("the platform blocks this person")]
    Risk,
    /// Too many calls for this minute.
    #[error("too many calls in a minute")]
    RateLimited,
    /// The day's calls are used up.
    #[error("the day's quota is used up")]
    QuotaUsedUp,
    /// Busy, away, too slow, or an answer that is none.
    #[error("wechat is busy or away")]
    Busy,
    /// The access token is not or no longer valid.
    #[error("the access token is stale")]
    TokenStale,
    /// The person refuses such messages, or has used up those accepted.
    #[error("the person takes no such message")]
    MessageRefused,
    /// Something in the message breaks a rule of its template.
    #[error("the message is not acceptable ({0})")]
    MessageInvalid(i64),
    #[error("the number is not one of the mainland")]
    ForeignPhone,
    /// Our own settings are wrong: somebody must look.
    #[error("the settings are wrong ({0})")]
    Misconfigured(i64),
    #[error("an unknown refusal ({0})")]
    Unknown(i64),
}

impl Refusal {
    /// The refusal behind an `errcode`; 0 and none at all are no refusal.
    pub(super) fn of(errcode: i64) -> Option<Self> {
        Some(match errcode {
            0 => return None,
            -1 => Self::Busy,
            40029 => Self::CodeInvalid,
            40163 => Self::CodeUsed,
            40226 => Self::Risk,
            45011 => Self::RateLimited,
            45009 => Self::QuotaUsedUp,
            40001 | 40014 | 42001 => Self::TokenStale,
            43101 | 43107 | 43108 => Self::MessageRefused,
            40003 | 40037 | 41030 | 47003 => Self::MessageInvalid(errcode),
            40013 | 40125 | 41002 | 41004 | 48001 => Self::Misconfigured(errcode),
            other => Self::Unknown(other),
        })
    }

    /// Whether the same call can succeed later.
    pub fn is_passing(self) -> bool {
        match self {
            Self::RateLimited | Self::QuotaUsedUp | Self::Busy | Self::TokenStale => true,
            Self::Off
            | Self::CodeInvalid
            | Self::CodeUsed
            | Self::Risk
            | Self::MessageRefused
            | Self::MessageInvalid(_)
            | Self::ForeignPhone
            | Self::Misconfigured(_)
            | Self::Unknown(_) => false,
        }
    }
}

/// Seconds after which to come back.
const AFTER_BUSY_S: u32 = 5;
const AFTER_RATE_S: u32 = 60;
const AFTER_QUOTA_S: u32 = 3600;

impl From<Refusal> for Error {
    /// For a code that is somebody's proof of who they are.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CodeInvalid => Self::Unauthenticated(Code::WechatCodeInvalid),
            Refusal::CodeUsed => Self::Unauthenticated(Code::WechatCodeUsed),
            Refusal::Risk => Self::Forbidden(Code::WechatRisk),
            Refusal::RateLimited => Self::TooMany(Code::RateLimited, AFTER_RATE_S),
            Refusal::QuotaUsedUp => Self::Unavailable(Code::WechatUnavailable, AFTER_QUOTA_S),
            Refusal::Busy | Refusal::TokenStale | Refusal::Off => {
                Self::Unavailable(Code::WechatUnavailable, AFTER_BUSY_S)
            }
            Refusal::ForeignPhone => Self::invalid("/phone_code", Code::PhoneFormat),
            Refusal::Misconfigured(_)
            | Refusal::MessageRefused
            | Refusal::MessageInvalid(_)
            | Refusal::Unknown(_) => {
                // The numbers are WeChat's and name nobody.
                tracing::error!(%refusal, "WeChat refuses us; check the settings");
                Self::Unavailable(Code::WechatUnavailable, AFTER_QUOTA_S)
            }
        }
    }
}
