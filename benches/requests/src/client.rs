//! Enough of an HTTP client to see whether a program does its work.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use crate::{Result, data};

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// The session's cookie as the next request presents it: `name=value`.
    pub cookie: Option<String>,
    /// Names of all headers, in lower case.
    pub headers: Vec<String>,
}

/// One request on a connection of its own.
pub fn get(address: SocketAddr, path: &str, cookie: Option<&str>) -> Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let cookie = cookie.map_or(String::new(), |cookie| format!("Cookie: {cookie}\r\n"));
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}Connection: close\r\n\r\n"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| format!("not a response: {text:?}").into())
}

/// A response with a `Content-Length` or no body, as all programs send.
fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let cookie = headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .filter_map(|(_, value)| value.split(';').next())
        .find(|pair| pair.split('=').next() == Some(data::COOKIE));
    Some(Answer {
        status,
        body: body.to_owned(),
        cookie: cookie.map(str::to_owned),
        headers: headers.into_iter().map(|(name, _)| name).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_s_cookie_is_found_among_the_headers() {
        let text = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\n\
                    SET-COOKIE: __Host-session=x; Secure\r\n\r\nhello";
        let answer = parse(text).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
        assert_eq!(answer.cookie.as_deref(), Some("__Host-session=x"));
        assert!(parse("HTTP/1.1").is_none());
    }
}
