//! The words of this domain: what somebody may agree to, and how a member, a document check and a
//! credential stand. As text they are what SQL, JSON and CSV hold.

use serde::{Deserialize, Serialize};

/// What somebody may agree to, each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A face opens doors; templates live in terminals.
    DoorFace,
    /// The face leaves the device on which it was taken.
    OffDeviceFaceTransfer,
    /// Exercise is counted in minutes and ranks.
    MinutesStatistics,
    /// The sports bureau sees personal rows.
    BureauSharing,
    /// The name is checked against the real-name registry.
    RealnameCheck,
    /// A photo is compared with the registry's.
    FaceCheck,
    /// Others of the community see when one plays, to play together.
    PartnerSearch,
    /// What fitness tests measure is kept, and shown to those who test and advise.
    HealthData,
}

impl Purpose {
    pub const ALL: [Self; 8] = [
        Self::DoorFace,
        Self::OffDeviceFaceTransfer,
        Self::MinutesStatistics,
        Self::BureauSharing,
        Self::RealnameCheck,
        Self::FaceCheck,
        Self::PartnerSearch,
        Self::HealthData,
    ];

    /// The word in SQL, JSON and CSV.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DoorFace => "door_face",
            Self::OffDeviceFaceTransfer => "off_device_face_transfer",
            Self::MinutesStatistics => "minutes_statistics",
            Self::BureauSharing => "bureau_sharing",
            Self::RealnameCheck => "realname_check",
            Self::FaceCheck => "face_check",
            Self::PartnerSearch => "partner_search",
            Self::HealthData => "health_data",
        }
    }

    /// The purpose behind [`Purpose::as_str`].
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }

    /// Whether it is about a face or health: such a consent is given by itself, never beside
    /// another.
    pub fn is_separate(self) -> bool {
        match self {
            Self::DoorFace | Self::OffDeviceFaceTransfer | Self::FaceCheck | Self::HealthData => {
                true
            }
            Self::MinutesStatistics
            | Self::BureauSharing
            | Self::RealnameCheck
            | Self::PartnerSearch => false,
        }
    }

    /// Whether a photo lies here on the ground of it: without it, the photo goes.
    pub(super) fn keeps_a_photo(self) -> bool {
        match self {
            Self::DoorFace | Self::OffDeviceFaceTransfer => true,
            Self::FaceCheck
            | Self::HealthData
            | Self::MinutesStatistics
            | Self::BureauSharing
            | Self::RealnameCheck
            | Self::PartnerSearch => false,
        }
    }

    /// The text that is signed today.
    pub fn text(self) -> ConsentText {
        let zh = match self {
            Self::DoorFace => {
                "同意在运动场馆的入场终端上使用本人人脸信息开门。人脸信息保存在终端设备内；不同意时仍可用\
                 二维码、卡或前台登记入场。可随时撤回，撤回后删除。"
            }
            Self::OffDeviceFaceTransfer => {
                "同意将本人人脸照片经加密传输至本人所去场馆的入场终端。传输完成后按约定删除。可随时撤回。"
            }
            Self::MinutesStatistics => {
                "同意根据入场和离场时间统计本人运动时长，用于个人记录和排名。不同意时仍可入场。可随时撤回。"
            }
            Self::BureauSharing => {
                "同意向体育主管部门提供本人运动记录，用于公共体育服务。可随时撤回。"
            }
            Self::RealnameCheck => "同意核验本人姓名与证件号码是否一致。可随时撤回。",
            Self::FaceCheck => {
                "同意将为本次核验拍摄的本人人脸照片与姓名、证件号码一并提交实名核验机构比对。照片仅用于本次比对，\
                 本平台不保存；不同意时可选择其他核验方式或到服务台办理。可随时撤回。"
            }
            Self::PartnerSearch => {
                "同意向本社区同样寻找运动伙伴的居民显示本人隐去名字的姓名、运动项目和时段，并接收其邀约消息。\
                 不显示联系方式；不同意时其他功能照常使用。可随时撤回，撤回后不再显示。"
            }
            Self::HealthData => {
                "同意加密保存本人体质测试的各项数据和得分，由测试人员录入、由体育指导员据以制订锻炼计划，并在满十人的\
                 分组中用于统计。不同意时不影响入场和运动。可随时撤回，撤回后删除全部测试数据和计划。"
            }
        };
        ConsentText { version: "1", zh }
    }
}

/// What somebody signs. A changed text is a new version, and is signed again.
#[derive(Clone, Copy, Debug)]
pub struct ConsentText {
    pub version: &'static str,
    pub zh: &'static str,
}

/// Whether somebody is let in, as far as the person goes; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Suspended,
    /// What linked the id to a person is destroyed.
    Erased,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Erased => "erased",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Erased].into_iter().find(|s| s.as_str() == text)
    }
}

/// Who has seen that document and person belong together; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    Unverified,
    /// Staff at a desk saw both.
    Desk,
    /// A register says that name and number belong together.
    Registry,
    /// A register says that a photo is of whom name and number say.
    RegistryPhoto,
    /// WeChat compared the face with the document's.
    WechatFace,
    /// The platform that was taken over did.
    CarriedOver,
}

impl Verification {
    const ALL: [Self; 6] = [
        Self::Unverified,
        Self::Desk,
        Self::Registry,
        Self::RegistryPhoto,
        Self::WechatFace,
        Self::CarriedOver,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Desk => "desk",
            Self::Registry => "registry",
            Self::RegistryPhoto => "registry_photo",
            Self::WechatFace => "wechat_face",
            Self::CarriedOver => "carried_over",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == text)
    }
}

/// What a credential is; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// The number under which terminals keep a face.
    Face,
    Card,
    Qr,
    /// A code that the desk gave.
    Code,
}

impl CredentialKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Face => "face",
            Self::Card => "card",
            Self::Qr => "qr",
            Self::Code => "code",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_json() {
        for purpose in Purpose::ALL {
            assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.as_str());
            assert_eq!(Purpose::from_text(purpose.as_str()), Some(purpose));
        }
        for kind in
            [CredentialKind::Face, CredentialKind::Card, CredentialKind::Qr, CredentialKind::Code]
        {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for status in [Status::Active, Status::Suspended, Status::Erased] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(Status::from_text(status.as_str()), Some(status));
        }
    }
}
