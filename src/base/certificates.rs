//! When certificates run out: files that the operator names are read every hour, and a gauge tells
//! the end of each, so that somebody hears of it before whoever connects. Parsed only: whether a
//! certificate is good is the affair of who connects by it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;
use x509_cert::{Certificate, der::Decode as _};

use super::metrics::Metrics;

/// How often the files are read; alarms speak of days.
const READ_EVERY: Duration = Duration::from_hours(1);
/// A system's list of all authorities has a quarter of it.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// What the gauge says of a file that cannot be read. An absent value would look like a setting that
/// nobody made; this one has an alarm of its own.
const UNREADABLE: i64 = 0;

/// Reads the files until `stop`.
pub async fn watch(files: Vec<PathBuf>, metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut last = HashMap::new();
    while !files.is_empty() {
        look(&files, &metrics, &mut last).await;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(READ_EVERY) => {}
        }
    }
}

/// Sets the gauge of each file; one that has just become unreadable is said once. `last` is what was
/// read the time before. Of files with one name the one that ends first counts.
async fn look(files: &[PathBuf], metrics: &Metrics, last: &mut HashMap<PathBuf, i64>) {
    let mut ends: HashMap<String, i64> = HashMap::new();
    for file in files {
        let end = match read(file).await {
            Ok(end) => end,
            Err(error) => {
                if last.get(file) != Some(&UNREADABLE) {
                    let error = format!("{error:#}");
                    tracing::warn!(file = %file.display(), error, "a certificate cannot be read");
                }
                UNREADABLE
            }
        };
        last.insert(file.clone(), end);
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        ends.entry(name).and_modify(|first| *first = end.min(*first)).or_insert(end);
    }
    for (name, end) in ends {
        metrics.certificates.with_label_values(&[&name]).set(end);
    }
}

async fn read(file: &Path) -> anyhow::Result<i64> {
    let mut bytes = Vec::new();
    let opened = tokio::fs::File::open(file).await.context("it cannot be opened")?;
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!("it is larger than {FILE_BYTES_MAX} bytes");
    }
    first_end(&bytes)
}

/// The second of the epoch at which the first of a file's certificates runs out: a chain is as good
/// as its weakest link. Keys beside them are passed over.
fn first_end(pem: &[u8]) -> anyhow::Result<i64> {
    let mut first = None;
    for der in CertificateDer::pem_slice_iter(pem) {
        let der = der.map_err(|error| anyhow::anyhow!("it is no PEM: {error}"))?;
        let certificate = Certificate::from_der(&der).context("it holds no X.509 certificate")?;
        let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
        let end = i64::try_from(end.as_secs())?;
        first = Some(first.map_or(end, |first: i64| first.min(end)));
    }
    first.context("it holds no certificate")
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    /// 2030-01-01 and 2060-01-01, which two different forms of time in certificates tell.
    const IN_2030: i64 = 1_893_456_000;
    const IN_2060: i64 = 2_840_140_800;

    /// A certificate that ends on New Year's Day, with its key.
    fn until(year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn of_a_chain_the_first_end_counts() {
        let ((early, key), (late, _)) = (until(2030), until(2060));
        assert_eq!(first_end(early.as_bytes()).unwrap(), IN_2030);
        assert_eq!(first_end(late.as_bytes()).unwrap(), IN_2060);
        let whole = format!("subject: somebody\n{late}{key}{early}{late}");
        assert_eq!(first_end(whole.as_bytes()).unwrap(), IN_2030);
    }

    #[test]
    fn what_is_no_certificate_is_said() {
        let (good, key) = until(2030);
        let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for bad in ["", "hello", &key, no_der, &good[..good.len() / 2], &format!("{good}{no_der}")]
        {
            assert!(first_end(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_gauge_follows_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let [chain, authority] = ["fullchain.pem", "ca.crt"].map(|name| folder.path().join(name));
        std::fs::write(&chain, until(2030).0).unwrap();
        let (files, metrics) = ([chain.clone(), authority.clone()], Metrics::new());
        let mut last = HashMap::new();
        let told = |name: &str| metrics.certificates.with_label_values(&[name]).get();
        look(&files, &metrics, &mut last).await;
        assert_eq!((told("fullchain.pem"), told("ca.crt")), (IN_2030, UNREADABLE));
        std::fs::write(&chain, until(2060).0).unwrap();
        std::fs::write(&authority, vec![b'-'; 2 * 1024 * 1024]).unwrap();
        look(&files, &metrics, &mut last).await;
        assert_eq!((told("fullchain.pem"), told("ca.crt")), (IN_2060, UNREADABLE));
        std::fs::write(&authority, until(2030).0).unwrap();
        look(&files, &metrics, &mut last).await;
        assert_eq!(told("ca.crt"), IN_2030, "a file that is there again is read again");
        let text = metrics.text().unwrap();
        let line = r#"fitgate_certificate_expires_timestamp_seconds{file="ca.crt"} 1893456000"#;
        assert!(text.contains(line), "{text}");
    }
}
