//! Calls to addresses that somebody typed in: never into our own network, whatever a host name
//! says at the moment of the call. The address that is connected to is the one that was checked.

use std::{
    error::Error as _,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// To reach the other side at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// From the call to the head of its answer; what follows is not read.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that calls public addresses over https only, follows nobody elsewhere and knows no
/// proxy. `anywhere` is for trying out.
pub fn client(anywhere: bool) -> anyhow::Result<reqwest::Client> {
    // Every server makes one; where the process has a provider already, that one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .https_only(!anywhere)
        // Connections that are kept lead to addresses that were checked when they were made.
        .pool_max_idle_per_host(1)
        .user_agent(concat!("fitgate/", env!("CARGO_PKG_VERSION")));
    let client = if anywhere { client } else { client.dns_resolver(Arc::new(PublicOnly)) };
    Ok(client.build()?)
}

/// Gives the public addresses of a name.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let all = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = all.filter(|one| is_public(one.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(ForbiddenAddress) as Box<_>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// A name leads to no public address.
#[derive(Debug)]
struct ForbiddenAddress;

impl fmt::Display for ForbiddenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no public address")
    }
}

impl std::error::Error for ForbiddenAddress {}

/// Whether an address is one of the open network: not private, loopback, link-local (where clouds
/// keep their metadata), shared, reserved or multicast, nor one that wraps such an address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // This network, private, loopback; shared by carriers, where one cloud keeps its metadata;
    // link-local; protocols, examples, relays, benchmarks; multicast and what is reserved.
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Of all that is global unicast: without tunnels that wrap IPv4, and without examples.
    let is_global = a & 0xe000 == 0x2000;
    let is_special =
        (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || a & 0xfff0 == 0x3ff0;
    is_global && !is_special
}

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The status of the answer; 3xx is followed by nobody.
    Status(u16),
    Timeout,
    Unreachable,
    /// The address is none that may be called.
    Forbidden,
}

impl Outcome {
    pub fn of(answer: reqwest::Result<reqwest::Response>) -> Self {
        match answer {
            Ok(answer) => Self::Status(answer.status().as_u16()),
            Err(error) if is_forbidden(&error) => Self::Forbidden,
            Err(error) if error.is_timeout() => Self::Timeout,
            Err(_) => Self::Unreachable,
        }
    }

    pub fn is_success(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<ForbiddenAddress>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::Timeout => f.write_str("timeout"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Forbidden => f.write_str("forbidden_address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_open_network_is_public() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "223.5.5.5", "2400:3200::1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_called() {
        let client = client(false).unwrap();
        let answer = client.post("https://localhost/").send().await;
        assert_eq!(Outcome::of(answer), Outcome::Forbidden);
        let plain = client.post("http://1.1.1.1/").send().await;
        assert_eq!(Outcome::of(plain), Outcome::Unreachable, "https only");
    }
}
