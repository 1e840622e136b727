//! Tells Linux to send what goes to PostgreSQL at once. sqlx does not (0.9 offers no way to its
//! sockets), and over TLS a large statement is several records: the last one then waits for the
//! acknowledgement of those before it, which the other end delays by 40 ms.

use std::{fs, os::fd::OwnedFd};

use rustix::{
    net::{SocketAddrAny, SocketType, getpeername, sockopt},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};

/// Sets `TCP_NODELAY` on this process's connections to `port`, and says on how many. Where the
/// system forbids looking at them nothing changes: they are only slower.
pub fn send_to(port: u16) -> usize {
    let is_sent = |socket: &OwnedFd| {
        peer_port(socket) == Some(port) && sockopt::set_tcp_nodelay(socket, true).is_ok()
    };
    sockets().iter().filter(|socket| is_sent(socket)).count()
}

/// Second handles of this process's sockets, which close when they are dropped.
fn sockets() -> Vec<OwnedFd> {
    let Ok(this) = pidfd_open(getpid(), PidfdFlags::empty()) else { return Vec::new() };
    let Ok(open) = fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers
        .filter_map(|number| pidfd_getfd(&this, number, PidfdGetfdFlags::empty()).ok())
        .filter(|handle| sockopt::socket_type(handle) == Ok(SocketType::STREAM))
        .collect()
}

fn peer_port(socket: &OwnedFd) -> Option<u16> {
    let peer: SocketAddrAny = getpeername(socket).ok()??;
    Some(std::net::SocketAddr::try_from(peer).ok()?.port())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn only_connections_to_that_port_send_at_once() {
        let [database, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let address = database.local_addr().unwrap();
        let to_database = TcpStream::connect(address).unwrap();
        let to_other = TcpStream::connect(other.local_addr().unwrap()).unwrap();
        assert!(!to_database.nodelay().unwrap());
        assert_eq!(send_to(address.port()), 1);
        assert!(to_database.nodelay().unwrap() && !to_other.nodelay().unwrap());
    }
}
