//! The connection below SMTP: plain, encrypted, and from the one to the other.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::destination::LONGEST_ANSWER;

/// A connection on which no answer of the server is read beyond [`LONGEST_ANSWER`]: neither a line
/// without an end nor lines without an end. What comes after something was sent is a new answer.
#[derive(Debug)]
pub(super) struct Bounded<S> {
    stream: S,
    /// Bytes of the answer so far.
    read: usize,
}

impl<S> Bounded<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, read: 0 }
    }
}

fn too_long() -> io::Error {
    let kibibytes = LONGEST_ANSWER / 1024;
    io::Error::other(format!("its answer has more than {kibibytes} KiB, which is no SMTP"))
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.read += buf.filled().len() - before;
        if self.read > LONGEST_ANSWER {
            return Poll::Ready(Err(too_long()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncTokioStream + Unpin> AsyncTokioStream for Bounded<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

/// An encrypted connection. After STARTTLS the server does not greet again, but the library waits
/// for a greeting, so it gets one from here.
#[derive(Debug)]
pub(super) struct Encrypted {
    greeting: &'static [u8],
    stream: TlsStream<TcpStream>,
}

impl Encrypted {
    /// Encrypted from the first byte: the server greets.
    pub(super) fn from_the_start(stream: TlsStream<TcpStream>) -> Self {
        Self { greeting: b"", stream }
    }

    pub(super) fn after_starttls(stream: TlsStream<TcpStream>) -> Self {
        Self { greeting: b"220 encrypted\r\n", stream }
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let (now, later) = self.greeting.split_at(self.greeting.len().min(buf.remaining()));
        buf.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

/// Why the connection can't be encrypted.
#[derive(Debug)]
pub(super) enum NoStartTls {
    /// The server doesn't offer it, or says no to it.
    NotOffered(String),
    /// It is no mail server, or hung up.
    Io(io::Error),
}

impl From<io::Error> for NoStartTls {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The dialogue before the encryption: greeting, EHLO, STARTTLS. Nothing of the mail is said.
pub(super) async fn starttls(tcp: &mut TcpStream, hello: &str) -> Result<(), NoStartTls> {
    let greeting = reply(tcp).await?;
    if greeting.code != 220 {
        return Err(NoStartTls::NotOffered(greeting.words()));
    }
    tcp.write_all(format!("EHLO {hello}\r\n").as_bytes()).await?;
    let offers = reply(tcp).await?;
    let offered = |line: &String| line.trim().eq_ignore_ascii_case("STARTTLS");
    if offers.code != 250 || !offers.lines.iter().any(offered) {
        return Err(NoStartTls::NotOffered("it is not among what the server offers".into()));
    }
    tcp.write_all(b"STARTTLS\r\n").await?;
    let ready = reply(tcp).await?;
    if ready.code != 220 {
        return Err(NoStartTls::NotOffered(ready.words()));
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Reply {
    code: u16,
    lines: Vec<String>,
}

impl Reply {
    fn words(&self) -> String {
        crate::destination::http::shorten(&format!("{} {}", self.code, self.lines.join(" ")), 200)
    }
}

async fn reply(tcp: &mut TcpStream) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    loop {
        if tcp.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(reply) = whole(&bytes)? {
            return Ok(reply);
        }
        if bytes.len() > LONGEST_ANSWER {
            return Err(too_long());
        }
    }
}

/// One reply, once it is complete. More than one reply is an error: what somebody in between puts
/// in before the encryption must not be taken for the server's word after it.
fn whole(bytes: &[u8]) -> io::Result<Option<Reply>> {
    let Some(text) = bytes.strip_suffix(b"\n") else { return Ok(None) };
    let text = String::from_utf8_lossy(text);
    let mut lines = Vec::new();
    let mut end = None;
    for line in text.split('\n').map(|line| line.trim_end_matches('\r')) {
        if end.is_some() {
            return Err(io::Error::other("it said more than it was asked"));
        }
        let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
        let Some(code) = code.filter(|code| (200..600).contains(code)) else {
            return Err(io::Error::other("its answer is no SMTP"));
        };
        match line.as_bytes().get(3) {
            Some(b'-') => {}
            None | Some(b' ') => end = Some(code),
            Some(_) => return Err(io::Error::other("its answer is no SMTP")),
        }
        lines.push(line.get(4..).unwrap_or_default().to_owned());
    }
    Ok(end.map(|code| Reply { code, lines }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers without an end.
    #[derive(Debug, Default)]
    struct Endless {
        read: usize,
    }

    impl AsyncRead for Endless {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let piece = buf.remaining().min(1000);
            buf.put_slice(&vec![b'x'; piece]);
            self.read += piece;
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Endless {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn no_answer_is_read_beyond_16_kib_and_each_command_begins_another() {
        let mut stream = Bounded::new(Endless::default());
        for _ in 0..3 {
            stream.write_all(b"NOOP\r\n").await.unwrap();
            let mut bytes = vec![0; 16 * 1024];
            stream.read_exact(&mut bytes).await.unwrap();
        }
        let error = stream.read_exact(&mut [0; 1]).await.unwrap_err();
        assert_eq!(error.to_string(), "its answer has more than 16 KiB, which is no SMTP");
        assert_eq!(stream.stream.read, 3 * 16 * 1024 + 1);
    }

    #[test]
    fn a_reply_is_read_to_its_end_and_not_beyond() {
        let lines = |bytes: &[u8]| whole(bytes).map(|reply| reply.map(|r| (r.code, r.lines)));
        let one = Some((220, vec!["mail.example.com ESMTP".to_owned()]));
        assert_eq!(lines(b"220 mail.example.com ESMTP\r\n").unwrap(), one);
        assert_eq!(lines(b"250\r\n").unwrap(), Some((250, vec![String::new()])));
        assert_eq!(lines(b"250-a\r\n250 STARTTLS\r\n").unwrap().unwrap().1, ["a", "STARTTLS"]);
        for unfinished in [&b""[..], b"220 mail", b"250-a\r\n", b"250-a\r\n250 b"] {
            assert_eq!(lines(unfinished).unwrap(), None);
        }
        for bad in [&b"220 ready\r\n250 injected\r\n"[..], b"HTTP/1.1 400 Bad\r\n", b"\r\n"] {
            assert!(lines(bad).is_err(), "{bad:?}");
        }
    }
}
