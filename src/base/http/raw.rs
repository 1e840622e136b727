//! A client that sends raw bytes and reads raw answers, for what no proper client would send.
//! It knows nothing of the server, so that any test may use it.

use std::{net::SocketAddr, time::Duration};

use axum::http::HeaderMap;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// An answer, read off the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's code; empty if the body is no problem.
    pub fn code(&self) -> String {
        if self.header("content-type") != "application/problem+json" {
            return String::new();
        }
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        body["code"].as_str().unwrap().to_owned()
    }
}

/// Longest wait for anything in a test; only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Sends `bytes` and reads answers until the server closes or `expected` of them are complete.
pub async fn speak(addr: SocketAddr, bytes: &[u8], expected: usize) -> Vec<Answer> {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    let (mut reader, mut writer) = socket.split();
    let mut received = Vec::new();
    let read = async {
        while answers(&received).len() < expected {
            match reader.read_buf(&mut received).await {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
    };
    // The server may refuse before it has read everything: a failed write is no failed test.
    let both = async {
        tokio::select! {
            biased;
            () = read => {}
            () = async { let _ = writer.write_all(bytes).await; std::future::pending().await } => {}
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("the server answers or closes");
    answers(&received)
}

/// The complete answers at the beginning of `bytes`; all of ours have a length.
pub fn answers(mut bytes: &[u8]) -> Vec<Answer> {
    let mut all = Vec::new();
    while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let name = axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, value.parse().unwrap());
        }
        bytes = &bytes[end + 4..];
        if status == 100 {
            continue;
        }
        let length =
            headers.get("content-length").map_or(0, |v| v.to_str().unwrap().parse().unwrap());
        let Some((body, rest)) = bytes.split_at_checked(length) else { break };
        bytes = rest;
        all.push(Answer { status, headers, body: body.to_vec() });
    }
    all
}
