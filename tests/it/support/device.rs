//! A vendor's device at the wire: sends bytes as its firmware would, and reads what comes back.
//! Samples are read where they are at hand.

use std::{io::Write as _, net::SocketAddr, path::Path};

use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

/// Bytes on their way, head and body apart.
#[derive(Clone, Debug)]
pub struct Bytes {
    pub head: String,
    pub body: Vec<u8>,
    in_chunks: bool,
}

/// Bytes of a chunk: coprime to everything, so that chunks end in every part of a row.
const CHUNK: usize = 7;

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl Bytes {
    /// A request with this body.
    pub fn new(method: &str, path: &str, body: &[u8]) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nAccept: */*");
        Self { head, body: body.to_vec(), in_chunks: false }
    }

    /// A request as it stands in a sample.
    pub fn read(sample: &[u8]) -> Self {
        let end = sample.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(sample[..end].to_vec()).unwrap();
        Self { head, body: sample[end + 4..].to_vec(), in_chunks: false }
    }

    /// The same with another header.
    pub fn with(mut self, header: &str) -> Self {
        self.head.push_str("\r\n");
        self.head.push_str(header);
        self
    }

    /// The same, its body in small pieces of which nobody says beforehand how many there are.
    pub fn in_chunks(mut self) -> Self {
        self.in_chunks = true;
        self
    }

    /// The same, its body packed.
    pub fn packed(mut self) -> Self {
        let mut packs = GzEncoder::new(Vec::new(), Compression::fast());
        packs.write_all(&self.body).unwrap();
        self.body = packs.finish().unwrap();
        self.with("Content-Encoding: gzip")
    }

    /// Ready to go to this server: its name, the body's length, and no other request behind.
    fn sealed(&self, address: SocketAddr) -> Vec<u8> {
        const OURS: [&str; 3] = ["host:", "connection:", "content-length:"];
        let is_ours = |line: &str| OURS.iter().any(|o| line.to_ascii_lowercase().starts_with(o));
        let lines: Vec<&str> = self.head.split("\r\n").filter(|line| !is_ours(line)).collect();
        let length = if self.in_chunks {
            "Transfer-Encoding: chunked".to_owned()
        } else {
            format!("Content-Length: {}", self.body.len())
        };
        let head = lines.join("\r\n");
        let own = format!("{head}\r\nHost: {address}\r\nConnection: close\r\n{length}\r\n\r\n");
        let mut bytes = own.into_bytes();
        if !self.in_chunks {
            bytes.extend(&self.body);
            return bytes;
        }
        for chunk in self.body.chunks(CHUNK) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend(chunk);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    /// Sends it from `from` and reads the whole answer.
    pub async fn sent_from(&self, from: &str, to: SocketAddr) -> Reply {
        let (status, body) = self.exchanged(from, to).await;
        Reply { status, body: String::from_utf8(body).unwrap() }
    }

    /// Sends it and gives the bytes of the answer, which must be a 200.
    pub async fn answered_in_bytes(&self, to: SocketAddr) -> Vec<u8> {
        let (status, body) = self.exchanged("127.0.0.1", to).await;
        assert_eq!(status, 200, "{}", self.head);
        body
    }

    async fn exchanged(&self, from: &str, to: SocketAddr) -> (u16, Vec<u8>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        let mut stream = socket.connect(to).await.unwrap();
        stream.write_all(&self.sealed(to)).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(!head.to_ascii_lowercase().contains("transfer-encoding"), "{head}");
        (status, bytes[end + 4..].to_vec())
    }

    /// Sends it and hears no answer: the line breaks once the bytes are out.
    pub async fn left(&self, to: SocketAddr) {
        let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
        stream.write_all(&self.sealed(to)).await.unwrap();
    }

    pub async fn sent(&self, to: SocketAddr) -> Reply {
        self.sent_from("127.0.0.1", to).await
    }

    /// Sends it and gives the body of the answer, which must be a 200.
    pub async fn answered(&self, to: SocketAddr) -> String {
        let reply = self.sent(to).await;
        assert_eq!(reply.status, 200, "{}: {}", self.head, reply.body);
        reply.body
    }
}

/// A vendor's sample; none, said aloud, where the samples are not at hand.
pub fn sample(family: &str, name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/protocols/fixtures");
    let found = std::fs::read(folder.join(family).join(name)).ok();
    if found.is_none() {
        println!("skipped: the sample {family}/{name} is not here");
    }
    found
}

/// All requests among a family's samples, by name.
pub fn requests(family: &str) -> Vec<(String, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/protocols/fixtures");
    let Ok(entries) = std::fs::read_dir(folder.join(family)) else {
        println!("skipped: the samples of {family} are not here");
        return Vec::new();
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names.retain(|name| name.ends_with(".req.http"));
    names
        .into_iter()
        .map(|name| (name.clone(), Bytes::read(&sample(family, &name).unwrap())))
        .collect()
}

/// What differs from server to server and from moment to moment, and so is not compared: codes of
/// registration and session, the clock, the sentence on the display, the blank after `OK:`.
const VARIABLE: [&str; 5] = ["RegistryCode=", "SessionID=", "DateTime=", "TIPS=", "OK:"];

/// An answer with its variable parts blanked.
pub fn fixed(answer: &str) -> String {
    let mut fixed = String::new();
    for line in answer.split_inclusive('\n') {
        let name = VARIABLE.iter().find(|name| line.starts_with(**name));
        match name {
            Some(&"OK:") => fixed.push_str(&line.replace("OK: ", "OK:")),
            Some(name) => {
                let rest = &line[name.len()..];
                // A sentence has commas of its own, and goes on to the end of its line.
                let ends: &[char] = if *name == "TIPS=" { &[] } else { &[','] };
                let end = rest.find(|c: char| matches!(c, '\r' | '\n') || ends.contains(&c));
                let end = end.unwrap_or(rest.len());
                fixed.push_str(name);
                fixed.push('*');
                fixed.push_str(&rest[end..]);
            }
            None => fixed.push_str(line),
        }
    }
    fixed
}
