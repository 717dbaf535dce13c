//! The way through an HTTP proxy by CONNECT (RFC 9110, section 9.3.6).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest answer of a proxy up to the empty line that ends it.
const MAX_ANSWER_BYTES: usize = 8 << 10;

/// The proxy's port where none is named.
const DEFAULT_PORT: u16 = 3128;

/// An HTTP proxy: `HOST:PORT` or `http://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
}

/// A proxy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The text is not the address of one.
    #[error("this is not the address of a proxy: write HOST:PORT, or http://HOST:PORT")]
    Address,
    /// Nobody takes the connection.
    #[error("the proxy {proxy} cannot be reached ({cause}): check its address")]
    Unreachable {
        /// The proxy.
        proxy: String,
        /// What the system said.
        cause: io::Error,
    },
    /// It answers with something else than 200.
    #[error(
        "the proxy {proxy} does not connect to {target} (it answered {status}): ask who runs it to allow that"
    )]
    Refused {
        /// The proxy.
        proxy: String,
        /// Where to.
        target: SocketAddr,
        /// The status code, 0 if its answer was none of HTTP.
        status: u16,
    },
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let place = text.trim().strip_prefix("http://").unwrap_or(text.trim());
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !place.ends_with(']') => {
                (host, port.parse().map_err(|_| ProxyError::Address)?)
            }
            _ => (place, DEFAULT_PORT),
        };
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || port == 0 || !host.chars().all(is_name) {
            return Err(ProxyError::Address);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Proxy {
    /// Connects to `target` through the proxy.
    pub(super) async fn connect(&self, target: SocketAddr) -> Result<TcpStream, ProxyError> {
        let unreachable = |cause| ProxyError::Unreachable { proxy: self.to_string(), cause };
        let mut stream =
            TcpStream::connect((self.host.as_str(), self.port)).await.map_err(unreachable)?;
        let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(unreachable)?;
        let status = read_status(&mut stream).await.map_err(unreachable)?;
        if (200..300).contains(&status) {
            return Ok(stream);
        }
        Err(ProxyError::Refused { proxy: self.to_string(), target, status })
    }
}

/// Reads the answer to its end, and not a byte of what follows.
async fn read_status(stream: &mut TcpStream) -> io::Result<u16> {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MAX_ANSWER_BYTES {
            return Ok(0);
        }
        answer.push(stream.read_u8().await?);
    }
    Ok(status_of(&answer))
}

/// The status code of an answer; 0 if it is none of HTTP.
fn status_of(answer: &[u8]) -> u16 {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let is_http = words.next().is_some_and(|version| version.starts_with(b"HTTP/1."));
    let code = words.next().and_then(|code| std::str::from_utf8(code).ok());
    code.filter(|code| is_http && code.len() == 3).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_written_in_several_ways() {
        for (text, shown) in [
            ("proxy.example:8080", "proxy.example:8080"),
            ("http://proxy.example:8080/", "proxy.example:8080"),
            ("proxy.example", "proxy.example:3128"),
            ("http://[2001:db8::1]:80", "[2001:db8::1]:80"),
            ("[2001:db8::1]", "[2001:db8::1]:3128"),
        ] {
            assert_eq!(text.parse::<Proxy>().expect(text).to_string(), shown);
        }
        for bad in ["", "http://", "a:0", "a:b", "a b:1", "https://a:1", "user:secret@a:1", "a\n:1"]
        {
            assert!(bad.parse::<Proxy>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_an_answer_of_http_has_a_status() {
        assert_eq!(status_of(b"HTTP/1.1 200 Connection established\r\n\r\n"), 200);
        assert_eq!(status_of(b"HTTP/1.0 407 Proxy Authentication Required\r\nA: b\r\n\r\n"), 407);
        for bad in
            [&b"SSH-2.0-x\r\n\r\n"[..], b"HTTP/1.1\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b""]
        {
            assert_eq!(status_of(bad), 0);
        }
    }
}
