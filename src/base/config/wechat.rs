//! The settings of the mini-program: who it is at WeChat's, and the templates of its messages.

use anyhow::bail;
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret as _, SecretString};

/// The settings of the WeChat mini-program.
#[derive(Clone, Debug, Default, Args)]
pub struct WechatConfig {
    /// `platform` speaks to WeChat; `pretend` takes codes that say who signs in, for trying out.
    #[arg(
        id = "wechat",
        long = "wechat",
        env = "FITGATE_WECHAT",
        value_enum,
        default_value = "off"
    )]
    pub way: WechatWay,
    /// The mini-program's id.
    #[arg(long = "wechat-app-id", env = "FITGATE_WECHAT_APP_ID")]
    pub app_id: Option<String>,
    /// The mini-program's secret.
    #[arg(long = "wechat-secret", env = "FITGATE_WECHAT_SECRET", hide_env_values = true)]
    pub app_secret: Option<SecretString>,
    /// Where WeChat's servers are (default `https://api.weixin.qq.com`).
    #[arg(id = "wechat_base_url", long = "wechat-base-url", env = "FITGATE_WECHAT_BASE_URL")]
    pub address: Option<String>,
    /// The token of the platform's pushes, as its console shows it.
    #[arg(long = "wechat-push-token", env = "FITGATE_WECHAT_PUSH_TOKEN", hide_env_values = true)]
    pub push_token: Option<SecretString>,
    /// The 43 characters of the pushes' key (`EncodingAESKey`); pushes come as JSON, encrypted.
    #[arg(long = "wechat-push-key", env = "FITGATE_WECHAT_PUSH_KEY", hide_env_values = true)]
    pub push_key: Option<SecretString>,
    /// The template of the message that asks when somebody left; without it nobody is asked.
    #[arg(long = "wechat-left-template", env = "FITGATE_WECHAT_LEFT_TEMPLATE")]
    pub left_template: Option<String>,
    /// Templates of the other messages by their kind (`closure=ID,booking=ID`); what has none is
    /// said to nobody. Fields: `closure`, `activity` and `partner` have thing1, time2 and thing3;
    /// `group` has thing1 and phrase2.
    #[arg(
        long = "wechat-templates",
        env = "FITGATE_WECHAT_TEMPLATES",
        value_delimiter = ',',
        value_parser = template
    )]
    pub templates: Vec<Template>,
}

/// The id of the template of one kind of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub kind: String,
    pub id: String,
}

/// `kind=id`; an empty setting is a kind that nothing is of.
fn template(text: &str) -> Result<Template, &'static str> {
    let (kind, id) = match text {
        "" => ("", ""),
        _ => text.split_once('=').ok_or("a template is written kind=ID")?,
    };
    Ok(Template { kind: kind.trim().to_owned(), id: id.trim().to_owned() })
}

/// How the mini-program is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WechatWay {
    #[default]
    Off,
    Pretend,
    Platform,
}

/// Where WeChat's servers are.
const WECHAT_URL: &str = "https://api.weixin.qq.com";

/// The kind of message that has a setting of its own.
const LEFT: &str = "left";

impl WechatConfig {
    pub fn base_url(&self) -> &str {
        self.address.as_deref().filter(|address| !address.is_empty()).unwrap_or(WECHAT_URL)
    }

    pub fn secret(&self) -> Option<&SecretString> {
        self.app_secret.as_ref().filter(|secret| !secret.expose_secret().is_empty())
    }

    /// The template of the message about a missing exit; an empty setting is none.
    pub fn left_template(&self) -> Option<&str> {
        self.left_template.as_deref().filter(|id| !id.is_empty())
    }

    /// The template of a kind of message.
    pub fn template(&self, kind: &str) -> Option<&str> {
        if kind == LEFT {
            return self.left_template();
        }
        let found = self.templates.iter().find(|template| template.kind == kind);
        found.map(|template| template.id.as_str()).filter(|id| !id.is_empty())
    }

    /// Refuses what must not reach production.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.way == WechatWay::Pretend {
            bail!("production lets nobody pretend to come from WeChat: --wechat platform or off");
        }
        if !self.base_url().starts_with("https://") {
            bail!("production speaks to WeChat over https only");
        }
        Ok(())
    }
}
