//! Bytes to a request, or to what else they are.

use std::mem::MaybeUninit;

use httparse::{Error, Status};

use crate::options::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::route::is_bedrock;

/// What bytes of a connection are.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// The beginning of a request; there is no need to look again before it has so many bytes.
    Partial { wanted: usize, in_body: bool },
    /// A request that is answered here.
    Request(Request<'a>),
    /// Anything that hyper has to see.
    Foreign,
    /// No request: the status and the text of the error.
    Bad(u16, &'static str),
}

/// A request to one of Bedrock's paths.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) target: &'a [u8],
    pub(super) headers: Vec<(&'a [u8], &'a [u8])>,
    pub(super) body: &'a [u8],
    /// The connection ends with it.
    pub(super) close: bool,
    /// How many bytes it was.
    pub(super) length: usize,
}

const METHOD: &[u8] = b"POST ";

/// Read the first request in `bytes`. Bodies above `max_body` are for hyper.
pub(super) fn read(bytes: &[u8], max_body: usize) -> Read<'_> {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let start = &bytes[blank..];
    let seen = start.len().min(METHOD.len());
    if start[..seen] != METHOD[..seen] {
        return Read::Foreign;
    }
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut []);
    let head = match parsed.parse_with_uninit_headers(bytes, &mut headers) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => {
            return Read::Partial { wanted: bytes.len() + 1, in_body: false };
        }
        Ok(Status::Partial) => return Read::Bad(431, "The head of the request is too long."),
        Err(Error::TooManyHeaders) => return Read::Bad(431, "The request has too many headers."),
        Err(Error::Version) => return Read::Foreign,
        Err(_) => return Read::Bad(400, "The head of the request is malformed."),
    };
    if head > MAX_HEAD_BYTES {
        return Read::Bad(431, "The head of the request is too long.");
    }
    let target = parsed.path.unwrap_or_default().as_bytes();
    if parsed.version != Some(1) || !is_bedrock(target) {
        return Read::Foreign;
    }
    let framing = match Framing::of(parsed.headers) {
        Ok(Some(framing)) if framing.length <= max_body => framing,
        Ok(_) => return Read::Foreign,
        Err(why) => return Read::Bad(400, why),
    };
    let length = head + framing.length;
    let Some(body) = bytes.get(head..length) else {
        return Read::Partial { wanted: length, in_body: true };
    };
    let headers = parsed.headers.iter().map(|header| (header.name.as_bytes(), header.value));
    Read::Request(Request {
        target,
        headers: headers.collect(),
        body,
        close: framing.close,
        length,
    })
}

/// What the head says about the body and the connection.
#[derive(Debug, Default)]
struct Framing {
    length: usize,
    close: bool,
}

impl Framing {
    /// None where the framing is one that hyper has to see to.
    fn of(headers: &[httparse::Header<'_>]) -> Result<Option<Self>, &'static str> {
        let mut framing = Self::default();
        let mut length = None;
        let (mut encoding, mut encodings): (&[u8], _) = (b"", 0);
        let mut foreign = false;
        let mut hosts = 0;
        for header in headers {
            // Few lengths matter, so that most headers cost one comparison.
            match header.name.len() {
                4 if header.name.eq_ignore_ascii_case("host") => hosts += 1,
                6 if header.name.eq_ignore_ascii_case("expect") => foreign = true,
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    framing.close |= has_token(header.value, b"close");
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    let found = number(header.value);
                    if found.is_none() || length.is_some_and(|length| Some(length) != found) {
                        return Err("The content-length is not one number.");
                    }
                    length = found;
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                    encodings += 1;
                    encoding = header.value;
                }
                _ => {}
            }
        }
        if hosts != 1 {
            return Err("A request has one host header.");
        }
        if encodings > 0 {
            // Whoever stands between may have gone by the other one: RFC 9112, 6.1.
            if length.is_some() {
                return Err("A request has a content-length or a transfer-encoding, not both.");
            }
            if encodings > 1 || !encoding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err("The only transfer-encoding that is read is chunked.");
            }
            foreign = true;
        }
        framing.length = length.unwrap_or(0);
        Ok((!foreign).then_some(framing))
    }
}

fn number(value: &[u8]) -> Option<usize> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] =
        b"POST /model/m/converse HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}";

    fn with(line: &str) -> Vec<u8> {
        format!("POST /model/m/converse HTTP/1.1\r\nhost: h\r\n{line}\r\n\r\n").into_bytes()
    }

    #[test]
    fn a_request_is_read_wherever_it_is_cut() {
        for end in 0..WHOLE.len() {
            assert!(matches!(read(&WHOLE[..end], 100), Read::Partial { .. }), "{end}");
        }
        let more = [b"\r\n", WHOLE, WHOLE].concat();
        let Read::Request(request) = read(&more, 100) else { panic!("a whole request") };
        assert_eq!((request.target, request.body), (&b"/model/m/converse"[..], &b"{}"[..]));
        assert_eq!(request.length, WHOLE.len() + 2);
        assert!(!request.close);
    }

    #[test]
    fn a_body_is_waited_for_to_its_end() {
        let Read::Partial { wanted, in_body } = read(&WHOLE[..WHOLE.len() - 1], 100) else {
            panic!("a part")
        };
        assert_eq!((wanted, in_body), (WHOLE.len(), true));
    }

    #[test]
    fn what_is_not_for_a_worker_is_foreign_at_once() {
        let others: [&[u8]; 6] = [
            b"G",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"\x16\x03\x01",
            b"POST /health HTTP/1.1\r\nhost: h\r\n\r\n",
            b"POST /model/m/converse HTTP/1.0\r\nhost: h\r\n\r\n",
            b"POST http://h/model/m/converse HTTP/1.1\r\nhost: h\r\n\r\n",
        ];
        for other in others {
            assert!(matches!(read(other, 100), Read::Foreign), "{}", other.escape_ascii());
        }
        for line in ["Expect: 100-continue", "transfer-encoding: chunked", "content-length: 101"] {
            assert!(matches!(read(&with(line), 100), Read::Foreign), "{line}");
        }
    }

    #[test]
    fn what_is_no_request_is_bad() {
        let lines = [
            ("content-length: +1", 400),
            ("content-length: 1\r\ncontent-length: 2", 400),
            ("content-length: 99999999999999999999999", 400),
            ("host: again", 400),
            ("content-length: 1\r\ntransfer-encoding: chunked", 400),
            ("transfer-encoding: chunked\r\ncontent-length: 1", 400),
            ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", 400),
            ("transfer-encoding: gzip, chunked", 400),
            ("x: folded\r\n y", 400),
            ("a b: c", 400),
            ("x: \x01", 400),
        ];
        for (line, status) in lines {
            let bytes = with(line);
            assert!(matches!(read(&bytes, 100), Read::Bad(found, _) if found == status), "{line}");
        }
        let many = with(&vec!["x: y"; MAX_HEADERS].join("\r\n"));
        assert!(matches!(read(&many, 100), Read::Bad(431, _)));
        let long = with(&format!("x: {}", "y".repeat(MAX_HEAD_BYTES)));
        assert!(matches!(read(&long, 100), Read::Bad(431, _)));
        assert!(matches!(read(&long[..MAX_HEAD_BYTES], 100), Read::Bad(431, _)));
    }

    #[test]
    fn close_is_a_token_in_a_list() {
        for (line, close) in
            [("connection: Keep-Alive, Close", true), ("connection: closed", false)]
        {
            let bytes = with(line);
            let Read::Request(request) = read(&bytes, 100) else { panic!("a request") };
            assert_eq!(request.close, close, "{line}");
        }
    }
}
