//! The words of the fold as SQL and the API spell them.

use super::{Effect, EndedBy, Provenance};

impl Effect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
            Self::Repeat => "repeat",
            Self::Orphan => "orphan",
        }
    }
}

impl Provenance {
    /// In the order in which roll-ups keep them.
    pub const ALL: [Self; 4] =
        [Self::Measured, Self::SelfDeclared, Self::Estimated, Self::Corrected];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::SelfDeclared => "self_declared",
            Self::Estimated => "estimated",
            Self::Corrected => "corrected",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provenance| provenance.as_str() == text)
    }
}

impl EndedBy {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Limit => "limit",
            Self::NextEntry => "next_entry",
            Self::Declared => "declared",
            Self::Correction => "correction",
        }
    }
}
