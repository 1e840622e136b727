//! The bytes of one connection, between the socket and the HTTP parser: the deadlines of a
//! request's head, of a connection that rests, and of a reader that takes nothing, the framing checks,
//! and bodies for the refusals that the parser writes by itself (400, 414, 431 without a word).

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use uuid::Uuid;

use super::{
    framing::Framing,
    problem::{PROBLEM_JSON, Problem},
    serve::Limits,
};
use crate::base::error::Language;

/// A socket that watches what passes.
pub struct Wire {
    socket: TcpStream,
    framing: Framing,
    head_timeout: Duration,
    idle_timeout: Duration,
    stall_timeout: Duration,
    /// Runs while a head is awaited or incomplete.
    head_deadline: Option<Pin<Box<Sleep>>>,
    /// Whether something was read since something was last written: an answer takes its own time.
    owes_answer: bool,
    written_at: Instant,
    /// When it is next looked at whether the connection rests for too long. It is left running while
    /// requests come and go: to set it anew for each would cost more than a poll's answer.
    idle_look: Pin<Box<Sleep>>,
    /// Runs while the peer takes nothing of what we have for it.
    stall_deadline: Option<Pin<Box<Sleep>>>,
    /// The parser's own refusal with a body put in, and how much of it has been written.
    refusal: Option<(Vec<u8>, usize)>,
    /// A refused head is cut off here, and ended so that the parser answers at once.
    poisoned: bool,
    peer_is_done: bool,
}

/// What follows a byte that no head may contain: the parser looks only at complete heads.
const END_OF_POISONED_HEAD: &[u8] = b"\r\n\r\n";

impl Wire {
    pub fn new(socket: TcpStream, limits: &Limits) -> Self {
        let Limits { head_timeout, idle_timeout, stall_timeout, .. } = *limits;
        Self {
            socket,
            framing: Framing::new(),
            head_timeout,
            idle_timeout,
            stall_timeout,
            // The first head is awaited from the beginning; later ones may take the idle time.
            head_deadline: Some(Box::pin(sleep(head_timeout))),
            owes_answer: false,
            written_at: Instant::now(),
            idle_look: Box::pin(sleep(idle_timeout)),
            stall_deadline: None,
            refusal: None,
            poisoned: false,
            peer_is_done: false,
        }
    }

    /// Closes so that the peer can still read the answer: a socket closed with unread bytes is
    /// reset, and a reset may destroy what the peer has not read yet.
    pub async fn linger(mut self) {
        if self.peer_is_done || self.socket.shutdown().await.is_err() {
            return;
        }
        let drain = async {
            let mut scratch = [0_u8; 8 * 1024];
            let mut left = LINGER_BYTES_MAX;
            while let Ok(n @ 1..) = self.socket.read(&mut scratch).await {
                left = left.saturating_sub(n);
                if left == 0 {
                    break;
                }
            }
        };
        // Whether the peer closed in time or not, the socket is dropped now.
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    /// Looks at bytes just read; on a violation makes the parser refuse them.
    fn inspect(&mut self, buf: &mut ReadBuf<'_>, start: usize) {
        let filled = buf.filled_mut();
        if let Err(at) = self.framing.advance(&filled[start..]) {
            filled[start + at] = 0;
            self.poisoned = true;
            buf.set_filled(start + at + 1);
        }
        self.owes_answer = true;
        if !self.framing.is_within_head() {
            self.head_deadline = None;
        } else if self.head_deadline.is_none() {
            self.head_deadline = Some(Box::pin(sleep(self.head_timeout)));
        }
    }

    /// An error once a head is overdue, or the connection has rested for too long.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(deadline) = &mut self.head_deadline {
            ready!(deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        loop {
            // Also while an answer is owed: nobody reads again just because it was given.
            ready!(self.idle_look.as_mut().poll(cx));
            let now = Instant::now();
            let rests_since = if self.owes_answer { now } else { self.written_at };
            let ends_at = rests_since + self.idle_timeout;
            if ends_at <= now {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.idle_look.as_mut().reset(ends_at);
        }
    }

    /// The outcome of a write, or an error once nothing has been taken for too long.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stall_deadline = None;
            (self.owes_answer, self.written_at) = (false, Instant::now());
            return outcome;
        }
        let timeout = self.stall_timeout;
        let deadline = self.stall_deadline.get_or_insert_with(|| Box::pin(sleep(timeout)));
        ready!(deadline.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Writes the parser's refusal with our body in place of the original of `len` bytes.
    fn poll_refusal(&mut self, cx: &mut Context<'_>, len: usize) -> Poll<io::Result<usize>> {
        while let Some((bytes, written)) = &mut self.refusal {
            let n = ready!(Pin::new(&mut self.socket).poll_write(cx, &bytes[*written..]))?;
            *written += n;
            if n == 0 || *written == bytes.len() {
                self.refusal = None;
            }
        }
        Poll::Ready(Ok(len))
    }
}

/// How long, and for how many bytes, a closing connection is read on.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 4 * 1024 * 1024;

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.poisoned {
            let n = END_OF_POISONED_HEAD.len().min(buf.remaining());
            buf.put_slice(&END_OF_POISONED_HEAD[..n]);
            return Poll::Ready(Ok(()));
        }
        let start = buf.filled().len();
        match Pin::new(&mut self.socket).poll_read(cx, buf) {
            Poll::Pending => self.poll_overdue(cx),
            Poll::Ready(Ok(())) if buf.filled().len() == start => {
                self.peer_is_done = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(())) => {
                self.inspect(buf, start);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                self.peer_is_done = true;
                Poll::Ready(Err(error))
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.refusal.is_none()
            && let Some(bytes) = with_body(buf)
        {
            self.refusal = Some((bytes, 0));
        }
        let outcome = if self.refusal.is_some() {
            self.poll_refusal(cx, buf.len())
        } else {
            Pin::new(&mut self.socket).poll_write(cx, buf)
        };
        self.watch(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [only] = bufs {
            return self.poll_write(cx, only);
        }
        let outcome = Pin::new(&mut self.socket).poll_write_vectored(cx, bufs);
        self.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// The longest head that the parser writes for its own refusals; ours are longer, since the
/// middleware adds headers to all of them.
const BARE_REFUSAL_MAX: usize = 160;

/// The parser's own refusal with a problem as its body; nothing for any other bytes.
fn with_body(head: &[u8]) -> Option<Vec<u8>> {
    if head.len() > BARE_REFUSAL_MAX || !head.ends_with(b"\r\n\r\n") {
        return None;
    }
    let status = StatusCode::from_bytes(head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()?;
    let is_parsers_own = matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::URI_TOO_LONG
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
    let text = std::str::from_utf8(head).ok()?;
    if !is_parsers_own || !text.contains(EMPTY_BODY) {
        return None;
    }
    let trace_id = Uuid::now_v7();
    tracing::debug!(%trace_id, status = status.as_u16(), "the parser refused a request");
    let body = Problem::of_status(status).render(Language::Chinese, trace_id);
    let headers = format!(
        "content-type: {PROBLEM_JSON}\r\ncache-control: no-store\r\ncontent-length: {}\r\n",
        body.len()
    );
    let mut bytes = text.replacen(EMPTY_BODY, &headers, 1).into_bytes();
    bytes.extend_from_slice(&body);
    Some(bytes)
}

const EMPTY_BODY: &str = "content-length: 0\r\n";

/// The whole answer to a connection over the limit, made once.
pub fn refusal_of_connection() -> Vec<u8> {
    let problem =
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, crate::base::error::Code::Overloaded);
    let body = problem.render(Language::Chinese, Uuid::now_v7());
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_JSON}\r\nretry-after: 1\r\n\
         cache-control: no-store\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// Answers a connection over the limit and closes it, within `deadline`.
pub async fn refuse(mut socket: TcpStream, answer: &[u8], deadline: Instant) {
    let talk = async {
        if socket.write_all(answer).await.is_ok() && socket.shutdown().await.is_ok() {
            let mut scratch = [0_u8; 4 * 1024];
            while let Ok(1..) = socket.read(&mut scratch).await {}
        }
    };
    // A peer that does not read its refusal is cut off; there is nobody to tell.
    let _ = tokio::time::timeout_at(deadline, talk).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_parsers_own_refusals_get_a_body() {
        let own = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\
            content-length: 0\r\n\r\n";
        let text = String::from_utf8(with_body(own).unwrap()).unwrap();
        assert!(text.starts_with("HTTP/1.1 431 ") && text.contains("headers_too_large"), "{text}");
        assert!(with_body(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").is_none());
        assert!(with_body(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 9\r\n\r\n").is_none());
        assert!(with_body(b"{\"a\": \"HTTP/1.1 400 \"}").is_none());
    }
}
