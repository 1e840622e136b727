//! The families of vendors' terminals. Pure.

/// A vendor's protocol.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// `ZKTeco` PUSH for access control.
    ZktecoAcc,
    /// `ZKTeco` PUSH for attendance.
    ZktecoAtt,
    /// Hikvision ISAPI.
    Hikvision,
    /// FCARD FC-8200H.
    Fcard,
    /// Dahua and Intelbras.
    Dahua,
    /// Uniubi 宇泛.
    Uniubi,
    /// 海清, `HFSecurity` and relatives.
    Hq,
}

impl Family {
    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ZktecoAcc => "zkteco_acc",
            Self::ZktecoAtt => "zkteco_att",
            Self::Hikvision => "hikvision",
            Self::Fcard => "fcard",
            Self::Dahua => "dahua",
            Self::Uniubi => "uniubi",
            Self::Hq => "hq",
        }
    }

    /// Whether staff can set the path to which its devices post, so that a token can stand in it.
    pub fn carries_path_token(self) -> bool {
        match self {
            Self::ZktecoAcc | Self::ZktecoAtt | Self::Fcard => false,
            Self::Hikvision | Self::Dahua | Self::Uniubi | Self::Hq => true,
        }
    }

    /// Those whose devices are called at addresses of their own, which staff set.
    pub const CALLED: [Self; 4] = [Self::Hikvision, Self::Dahua, Self::Uniubi, Self::Hq];

    /// Those whose devices can be listened to.
    pub const STREAMING: [Self; 2] = [Self::Hikvision, Self::Dahua];

    /// The called family of a word in SQL.
    pub fn called(word: &str) -> Option<Self> {
        Self::CALLED.into_iter().find(|family| family.as_str() == word)
    }

    /// Whether its devices fetch whom they are to hold from us.
    pub fn fetches_roster(self) -> bool {
        match self {
            Self::ZktecoAcc | Self::ZktecoAtt | Self::Fcard => true,
            Self::Hikvision | Self::Dahua | Self::Uniubi | Self::Hq => false,
        }
    }
}
