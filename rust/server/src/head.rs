//! Heads of requests, as workers and fallbacks allow them.

use std::mem::MaybeUninit;

use httparse::{Error, Status};
use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::{Request, Version};

use crate::options::{MAX_HEAD_BYTES, MAX_HEADERS};

/// Why a request is rejected: a status, and the text of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rejection(pub(crate) u16, pub(crate) &'static str);

/// A head comes to its end too late, or its body does.
pub(crate) const LATE: Rejection = Rejection(408, "The request did not come to its end in time.");
const TOO_LONG: Rejection = Rejection(431, "The head of the request is too long.");
const TOO_MANY: Rejection = Rejection(431, "The request has too many headers.");
const NO_VERSION: Rejection =
    Rejection(400, "The first line of the request does not end with HTTP/1.1.");
const FRAGMENT: Rejection = Rejection(400, "The target of a request has no fragment.");
const HOSTS: Rejection = Rejection(400, "A request has one host header.");
const ENCODING: Rejection =
    Rejection(400, "The only transfer-encoding is chunked, and of HTTP/1.1.");
const MALFORMED: Rejection = Rejection(400, "The head of the request is malformed.");

/// Room for the headers of one.
pub(crate) type Headers<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_HEADERS];

pub(crate) const NO_HEADERS: Headers<'_> = [const { MaybeUninit::uninit() }; MAX_HEADERS];

/// The head of a request of HTTP/1.
#[derive(Debug)]
pub(crate) struct Head<'h, 'b> {
    /// How many bytes it is, with the empty line behind it.
    pub(crate) length: usize,
    pub(crate) target: &'b [u8],
    /// Whether it is of HTTP/1.0.
    pub(crate) is_old: bool,
    pub(crate) headers: &'h [httparse::Header<'b>],
    pub(crate) framing: Framing,
}

/// What a head says about the body and the connection.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    /// How many bytes the body is; none where it comes in chunks.
    pub(crate) length: Option<usize>,
    /// The connection ends with it.
    pub(crate) close: bool,
    /// Something is expected of the server before the body comes.
    pub(crate) expects: bool,
}

/// Whether a head of `bytes` may come to its end, or be refused, by what came after the first
/// `seen` of them: one that comes byte by byte is not read again before a line has ended.
pub(crate) fn may_end(bytes: &[u8], seen: usize) -> bool {
    bytes.len() >= MAX_HEAD_BYTES || bytes[seen..].contains(&b'\n')
}

/// Read the head that `bytes` begin with; none where it has not come to its end.
///
/// # Errors
///
/// It is none, or beyond a bound.
pub(crate) fn read<'h, 'b>(
    bytes: &'b [u8],
    headers: &'h mut Headers<'b>,
) -> Result<Option<Head<'h, 'b>>, Rejection> {
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(bytes, headers) {
        Ok(Status::Complete(length)) if length <= MAX_HEAD_BYTES => length,
        Ok(Status::Partial) if bytes.len() < MAX_HEAD_BYTES => return Ok(None),
        Ok(_) => return Err(TOO_LONG),
        Err(Error::TooManyHeaders) => return Err(TOO_MANY),
        Err(Error::Version) => return Err(NO_VERSION),
        Err(_) => return Err(MALFORMED),
    };
    let is_old = parsed.version == Some(0);
    let target = parsed.path.unwrap_or_default().as_bytes();
    if target.contains(&b'#') {
        return Err(FRAGMENT);
    }
    Ok(Some(Head {
        length,
        target,
        is_old,
        framing: Framing::of(parsed.headers, is_old)?,
        headers: parsed.headers,
    }))
}

/// Check what hyper leaves to its user: the bounds of a head, and over HTTP/1 that it has one host
/// and a body without another encoding. The size is reckoned as RFC 9113, 6.5.2 has it, or as the
/// head's fields and first line are at least long over HTTP/1.
///
/// # Errors
///
/// The request is malformed, or beyond a bound.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Rejection> {
    const OVERHEAD: usize = 32;
    const SEPARATORS: usize = ": \r\n".len();
    const REST_OF_LINE: usize = "  HTTP/1.1\r\n\r\n".len();
    let headers = request.headers();
    let target = request.uri().path_and_query().map_or(1, |target| target.as_str().len());
    let http2 = request.version() == Version::HTTP_2;
    let (line, each) = if http2 {
        (target, OVERHEAD)
    } else {
        (request.method().as_str().len() + target + REST_OF_LINE, SEPARATORS)
    };
    let fields = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + each);
    if line + fields.sum::<usize>() > MAX_HEAD_BYTES {
        return Err(TOO_LONG);
    }
    if headers.len() > MAX_HEADERS {
        return Err(TOO_MANY);
    }
    if http2 {
        return Ok(());
    }
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || hosts == 0 && request.version() == Version::HTTP_11 {
        return Err(HOSTS);
    }
    let encodings = headers.get_all(TRANSFER_ENCODING);
    if encodings.iter().count() > 1 || !encodings.iter().all(|value| is_chunked(value.as_bytes())) {
        return Err(ENCODING);
    }
    Ok(())
}

impl Framing {
    fn of(headers: &[httparse::Header<'_>], is_old: bool) -> Result<Self, Rejection> {
        let mut framing = Self::default();
        let mut length = None;
        let (mut encoding, mut encodings): (&[u8], _) = (b"", 0);
        let mut hosts = 0;
        for header in headers {
            // Few lengths matter, so that most headers cost one comparison.
            match header.name.len() {
                4 if header.name.eq_ignore_ascii_case("host") => hosts += 1,
                6 if header.name.eq_ignore_ascii_case("expect") => framing.expects = true,
                10 if header.name.eq_ignore_ascii_case("connection") => {
                    framing.close |= has_token(header.value, b"close");
                }
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    let found = number(header.value);
                    if found.is_none() || length.is_some_and(|length| Some(length) != found) {
                        return Err(Rejection(400, "The content-length is not one number."));
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
        if hosts > 1 || hosts == 0 && !is_old {
            return Err(HOSTS);
        }
        if encodings == 0 {
            framing.length = Some(length.unwrap_or(0));
            return Ok(framing);
        }
        // A proxy in between may have used the other one: RFC 9112, 6.1.
        if length.is_some() {
            let why = "A request has a content-length or a transfer-encoding, not both.";
            return Err(Rejection(400, why));
        }
        if is_old || encodings > 1 || !is_chunked(encoding) {
            return Err(ENCODING);
        }
        Ok(framing)
    }
}

/// Parse a Content-Length. Rejects values above `isize::MAX`.
fn number(value: &[u8]) -> Option<usize> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(value).ok().filter(|_| digits)?.parse::<isize>().ok()?;
    usize::try_from(number).ok()
}

fn is_chunked(value: &[u8]) -> bool {
    value.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(line: &str) -> Vec<u8> {
        format!("POST /model/m/converse HTTP/1.1\r\nhost: h\r\n{line}\r\n\r\n").into_bytes()
    }

    fn refused(bytes: &[u8]) -> Option<u16> {
        let mut headers = NO_HEADERS;
        read(bytes, &mut headers).err().map(|Rejection(status, _)| status)
    }

    #[test]
    fn a_head_says_how_its_body_comes() {
        for (line, length, expects) in [
            ("content-length: 7", Some(7), false),
            ("content-length: 7\r\ncontent-length: 7", Some(7), false),
            ("x: y", Some(0), false),
            ("Transfer-Encoding: Chunked", None, false),
            ("Expect: 100-continue\r\ncontent-length: 7", Some(7), true),
        ] {
            let bytes = with(line);
            let mut headers = NO_HEADERS;
            let head = read(&bytes, &mut headers).unwrap().expect("a head");
            assert_eq!((head.target, head.length), (&b"/model/m/converse"[..], bytes.len()));
            assert_eq!((head.framing.length, head.framing.expects), (length, expects), "{line}");
        }
    }

    #[test]
    fn close_is_a_token_in_a_list() {
        for (line, close) in
            [("connection: Keep-Alive, Close", true), ("connection: closed", false)]
        {
            let bytes = with(line);
            let mut headers = NO_HEADERS;
            let head = read(&bytes, &mut headers).unwrap().expect("a head");
            assert_eq!(head.framing.close, close, "{line}");
        }
    }

    #[test]
    fn malformed_heads_are_rejected() {
        for line in [
            "content-length: +1",
            "content-length: 1\r\ncontent-length: 2",
            "content-length: 99999999999999999999999",
            "content-length: 18446744073709551615",
            "host: again",
            "content-length: 1\r\ntransfer-encoding: chunked",
            "transfer-encoding: chunked\r\ncontent-length: 1",
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
            "transfer-encoding: gzip, chunked",
            "x: folded\r\n y",
            "a b: c",
            "x: \x01",
        ] {
            assert_eq!(refused(&with(line)), Some(400), "{line}");
        }
        assert_eq!(refused(b"GET / HTTP/1.1\r\n\r\n"), Some(400));
        assert_eq!(refused(b"GET / HTTP/1.0\r\n\r\n"), None);
        assert_eq!(refused(b"GET / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n"), Some(400));
        assert_eq!(refused(b"GET / HTTP/3.0\r\n\r\n"), Some(400));
        assert_eq!(refused(b"\x16\x03\x01\x02"), Some(400));
        assert_eq!(refused(b"GET /#top HTTP/1.1\r\nhost: h\r\n\r\n"), Some(400));
    }

    #[test]
    fn heads_beyond_a_bound_are_rejected() {
        let fits = with(&format!("x: {}", "y".repeat(MAX_HEAD_BYTES - with("x: ").len())));
        assert_eq!((fits.len(), refused(&fits)), (MAX_HEAD_BYTES, None));
        let long = with(&format!("x: {}", "y".repeat(MAX_HEAD_BYTES)));
        assert_eq!(refused(&long), Some(431));
        assert_eq!(refused(&long[..MAX_HEAD_BYTES]), Some(431));
        assert_eq!(refused(&long[..MAX_HEAD_BYTES - 1]), None);
        let lines = |count| with(&vec!["x: y"; count].join("\r\n"));
        assert_eq!(refused(&lines(MAX_HEADERS - 1)), None);
        assert_eq!(refused(&lines(MAX_HEADERS)), Some(431));
    }

    fn request(version: Version, headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri("/m").version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_head_over_http_2_has_the_same_bounds() {
        let two = |headers: &[(&str, &str)]| check(&request(Version::HTTP_2, headers));
        let value = "y".repeat(MAX_HEAD_BYTES - 33 - 2);
        assert_eq!(two(&[("x", &value)]), Ok(()));
        assert_eq!(two(&[("xy", &value)]), Err(TOO_LONG));
        assert_eq!(two(&[("x", "y"); MAX_HEADERS]), Ok(()));
        assert_eq!(two(&[("x", "y"); MAX_HEADERS + 1]), Err(TOO_MANY));
    }

    #[test]
    fn a_head_that_hyper_read_has_one_host_and_one_encoding() {
        let one = |headers: &[(&str, &str)]| check(&request(Version::HTTP_11, headers));
        let (host, chunked) = (("host", "h"), ("transfer-encoding", "Chunked"));
        assert_eq!(one(&[host, chunked]), Ok(()));
        assert_eq!(one(&[]), Err(HOSTS));
        assert_eq!(one(&[host, host]), Err(HOSTS));
        assert_eq!(check(&request(Version::HTTP_10, &[])), Ok(()));
        assert_eq!(one(&[host, chunked, chunked]), Err(ENCODING));
        assert_eq!(one(&[host, ("transfer-encoding", "gzip, chunked")]), Err(ENCODING));
        // A head of this many bytes: those of the line and of the host are 28.
        let value = "y".repeat(MAX_HEAD_BYTES - 28 - 5);
        assert_eq!(one(&[host, ("x", &value)]), Ok(()));
        assert_eq!(one(&[host, ("xy", &value)]), Err(TOO_LONG));
    }

    #[test]
    fn a_head_is_read_again_where_a_line_has_ended() {
        assert!(!may_end(b"a\nb", 2));
        assert!(may_end(b"a\nb", 1));
        assert!(may_end(&vec![b'x'; MAX_HEAD_BYTES], MAX_HEAD_BYTES - 1));
    }
}
