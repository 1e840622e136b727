//! Whose request it is, as far as the network says: the peer of the connection, and the client's
//! address, which differs from the peer only behind a proxy that the settings trust.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use axum::http::HeaderMap;

/// The other end of the connection; put on every request by `serve`.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Where the request came from; put on every request by `edge`. Absent only in tests that call a
/// router without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// A network of proxies, as `10.0.0.0/8`, `::1/128` or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix_bits: u32,
}

/// The text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or an address and a prefix length as in 10.0.0.0/8")]
pub struct BadNetwork;

impl FromStr for Network {
    type Err = BadNetwork;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (base, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let base = base.parse::<IpAddr>().map_err(|_| BadNetwork)?.to_canonical();
        let most = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits.map_or(Ok(most), str::parse).map_err(|_| BadNetwork)?;
        (prefix_bits <= most).then_some(Self { base, prefix_bits }).ok_or(BadNetwork)
    }
}

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(other)) => {
                let shift = 32 - self.prefix_bits;
                let cut = |a: u32| a.checked_shr(shift).unwrap_or(0);
                cut(base.to_bits()) == cut(other.to_bits())
            }
            (IpAddr::V6(base), IpAddr::V6(other)) => {
                let shift = 128 - self.prefix_bits;
                let cut = |a: u128| a.checked_shr(shift).unwrap_or(0);
                cut(base.to_bits()) == cut(other.to_bits())
            }
            _ => false,
        }
    }
}

/// The client's address: the peer, or, if the peer is a trusted proxy, the nearest address in
/// `X-Forwarded-For` that is not one. What stands further left was written by the client.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> ClientAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    if !is_trusted(client) {
        return ClientAddr(client);
    }
    let hops = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = hops.flat_map(|line| line.split(',')).map(str::trim).collect();
    for hop in hops.iter().rev().take(HOPS_MAX) {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        client = address.to_canonical();
        if !is_trusted(client) {
            break;
        }
    }
    ClientAddr(client)
}

/// Proxies in a row that are looked through.
const HOPS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).0.to_string()
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        assert_eq!(seen("9.9.9.9", &["1.1.1.1"], &[]), "9.9.9.9");
        assert_eq!(seen("9.9.9.9", &["1.1.1.1"], &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(seen("10.1.2.3", &["1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(seen("::ffff:10.1.2.3", &["1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(
            seen("::1", &["6.6.6.6, 1.1.1.1", "10.0.0.2"], &["::1", "10.0.0.0/8"]),
            "1.1.1.1"
        );
        assert_eq!(seen("10.1.2.3", &["6.6.6.6, nonsense"], &["10.0.0.0/8"]), "10.1.2.3");
    }

    #[test]
    fn a_network_is_read_strictly() {
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("10.0.0/8".parse::<Network>().is_err());
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("8.8.8.8".parse().unwrap()));
        assert!("::/0".parse::<Network>().unwrap().contains("::2".parse().unwrap()));
    }
}
