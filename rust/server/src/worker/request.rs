//! Bytes to a request, or to what else they are.

use crate::head::{self, NO_HEADERS, Rejection};
use crate::route::is_bedrock;
use crate::shared::unix_time;

/// What bytes of a connection are.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// The beginning of a request; there is no need to look again before it has so many bytes. Of
    /// one that is in its body, the target is known.
    Partial { wanted: usize, in_body: Option<&'a [u8]> },
    /// A request that is answered here.
    Request(Request<'a>),
    /// Anything that hyper has to see.
    Foreign,
    /// A malformed request.
    Rejected(Rejection),
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

impl Request<'_> {
    /// As the engine is asked, now.
    pub(super) fn asked(&self) -> replay::Request<'_> {
        replay::Request {
            method: "POST",
            target: self.target,
            headers: &self.headers,
            body: self.body,
            arrived: unix_time(),
        }
    }
}

const METHOD: &[u8] = b"POST ";

/// Read the first request in `bytes`. Bodies above `max_body` are for hyper.
pub(super) fn read(bytes: &[u8], max_body: usize) -> Read<'_> {
    let seen = bytes.len().min(METHOD.len());
    if bytes[..seen] != METHOD[..seen] {
        return Read::Foreign;
    }
    let mut headers = NO_HEADERS;
    let head = match head::read(bytes, &mut headers) {
        Ok(Some(head)) => head,
        Ok(None) => return Read::Partial { wanted: bytes.len() + 1, in_body: None },
        Err(rejection) => return Read::Rejected(rejection),
    };
    let framing = head.framing;
    let length = framing.length.filter(|length| *length <= max_body && !framing.expects);
    let Some(length) = length.filter(|_| !head.is_old && is_bedrock(head.target)) else {
        return Read::Foreign;
    };
    let length = head.length + length;
    let Some(body) = bytes.get(head.length..length) else {
        return Read::Partial { wanted: length, in_body: Some(head.target) };
    };
    let headers = head.headers.iter().map(|header| (header.name.as_bytes(), header.value));
    Read::Request(Request {
        target: head.target,
        headers: headers.collect(),
        body,
        close: framing.close,
        length,
    })
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
        let more = [WHOLE, WHOLE].concat();
        let Read::Request(request) = read(&more, 100) else { panic!("a whole request") };
        assert_eq!((request.target, request.body), (&b"/model/m/converse"[..], &b"{}"[..]));
        assert_eq!(request.length, WHOLE.len());
        assert!(!request.close);
    }

    #[test]
    fn a_body_is_waited_for_to_its_end() {
        let Read::Partial { wanted, in_body } = read(&WHOLE[..WHOLE.len() - 1], 100) else {
            panic!("a part")
        };
        assert_eq!((wanted, in_body), (WHOLE.len(), Some(&b"/model/m/converse"[..])));
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
    fn malformed_requests_are_rejected() {
        for (line, status) in [("host: again", 400), ("content-length: x", 400), ("a b: c", 400)] {
            let bytes = with(line);
            let Read::Rejected(Rejection(found, _)) = read(&bytes, 100) else { panic!("{line}") };
            assert_eq!(found, status, "{line}");
        }
    }
}
