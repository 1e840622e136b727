//! The page that says what is published, for people, with the same for machines inside it.

use serde_json::{Value, json};

use super::Feed;
use crate::base::config::OpenData;

/// What the page may do: nothing. The description inside is data, which no browser runs.
pub const POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What is published, as JSON-LD.
pub fn dataset(settings: &OpenData) -> Value {
    let distribution: Vec<Value> = Feed::ALL
        .into_iter()
        .map(|feed| {
            json!({
                "@type": "DataDownload", "name": feed.kind(),
                "additionalType": format!("https://openactive.io/{}", feed.kind()),
                "encodingFormat": "application/vnd.openactive.rpde+json; version=1",
                "contentUrl": format!("{}/open/v1/feeds/{}", settings.url, feed.as_str()),
            })
        })
        .collect();
    json!({
        "@context": ["https://schema.org/", "https://openactive.io/"],
        "@type": "Dataset",
        "@id": format!("{}/open/v1", settings.url),
        "url": format!("{}/open/v1", settings.url),
        "name": "智慧体育社区开放数据",
        "description": "场馆、赛事活动与可预约时段，按变更顺序发布；不含任何个人信息。",
        "keywords": ["体育场馆", "赛事活动", "场地预约", "全民健身", "OpenActive"],
        "inLanguage": ["zh-CN"],
        "license": settings.license,
        "documentation": "https://openactive.io/realtime-paged-data-exchange/",
        "schemaVersion": "https://openactive.io/modelling-opportunity-data/2.0/",
        "distribution": distribution,
    })
}

/// The page.
pub fn html(settings: &OpenData) -> String {
    // In JSON, `<` can be written so that no text ends the element.
    let data = dataset(settings).to_string().replace('<', "\\u003c");
    let license = escaped(&settings.license);
    let feed = |feed: Feed, name: &str| {
        let path = feed.as_str();
        format!("<li><a href=\"/open/v1/feeds/{path}\">{name}</a></li>")
    };
    let feeds = Feed::ALL.map(|one| match one {
        Feed::Venues => feed(one, "场馆"),
        Feed::Activities => feed(one, "赛事活动"),
        Feed::Slots => feed(one, "可预约时段"),
    });
    let feeds = feeds.concat();
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>智慧体育社区开放数据</title>\
         <script type=\"application/ld+json\">{data}</script></head><body>\
         <h1>智慧体育社区开放数据</h1><p>场馆、赛事活动与可预约时段，按变更顺序发布；不含任何个人信息。</p>\
         <ul>{feeds}<li><a href=\"/open/v1/busyness\">场馆忙闲</a></li></ul>\
         <p>许可：<a href=\"{license}\">{license}</a></p>\
         <p lang=\"en\">Open data of venues, activities and slots, in the order of changes (RPDE).</p>\
         </body></html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_setting_becomes_markup() {
        let settings =
            OpenData { url: "https://a.test".to_owned(), license: "</script><b>\"x".to_owned() };
        let page = html(&settings);
        assert!(!page.contains("<b>") && page.matches("</script>").count() == 1, "{page}");
        assert_eq!(dataset(&settings)["distribution"].as_array().map(Vec::len), Some(3));
    }
}
