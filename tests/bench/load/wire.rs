//! HTTP/1.1 over one kept-alive socket, just enough for our own server: answers have a
//! `Content-Length`, or none where the status allows no body.

use std::{io, ops::Range, time::Duration};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// No answer takes longer; a hung server must not hang the load.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// An answer's head is never longer.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// `http://host:port/path` in its parts.
#[derive(Clone)]
pub struct Target {
    pub host: String,
    pub path: String,
}

impl Target {
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").context("only http:// is spoken")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self { host: host.to_owned(), path: format!("/{path}") })
    }

    /// A GET of this target, with `more` header lines, each ending in `\r\n`.
    pub fn get(&self, more: &str) -> Vec<u8> {
        format!("GET {} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", self.path, self.host).into_bytes()
    }
}

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// One answer; body and head lie in the connection's buffer until the next exchange.
pub struct Answer<'a> {
    pub status: u16,
    pub head: &'a str,
    pub body: &'a [u8],
}

impl Answer<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

impl Connection {
    pub async fn open(host: &str) -> io::Result<Self> {
        let stream = timeout(ANSWER_TIMEOUT, TcpStream::connect(host)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends one request and reads its whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        timeout(ANSWER_TIMEOUT, self.send_and_read(request)).await?
    }

    async fn send_and_read(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        let (status, head, length) = self.read_head().await?;
        let body = head.end..head.end + length;
        while self.buffer.len() < body.end {
            self.read_more().await?;
        }
        Ok(Answer { status, head: text(&self.buffer[head])?, body: &self.buffer[body] })
    }

    /// Sends a request whose answer's body never ends; gives the status.
    pub async fn open_stream(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        let (status, ..) = timeout(ANSWER_TIMEOUT, self.read_head()).await??;
        Ok(status)
    }

    /// The next piece of a stream, without what came before; empty when it ended.
    pub async fn next_piece(&mut self) -> io::Result<&[u8]> {
        self.buffer.clear();
        let length = self.stream.read_buf(&mut self.buffer).await?;
        Ok(&self.buffer[..length])
    }

    /// Reads up to the blank line; gives status, the head's place and the body's length.
    async fn read_head(&mut self) -> io::Result<(u16, Range<usize>, usize)> {
        self.buffer.clear();
        let mut searched = 0;
        let end = loop {
            self.read_more().await?;
            if let Some(at) = find(&self.buffer[searched..], b"\r\n\r\n") {
                break searched + at + 4;
            }
            searched = self.buffer.len().saturating_sub(3);
            if searched > HEAD_BYTES_MAX {
                return Err(malformed("the head is too long"));
            }
        };
        let head = text(&self.buffer[..end])?;
        let status: u16 = head
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| malformed("no status"))?;
        let length = match header(head, "content-length") {
            Some(digits) => digits.parse().map_err(|_| malformed("no length"))?,
            None => 0,
        };
        let bodyless = status == 304 || status == 204;
        Ok((status, 0..end, if bodyless { 0 } else { length }))
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn text(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| malformed("the head is not text"))
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
