//! HTTP/1.1 answers.

use load::Failure;
use load::wire::{Http1, Piece};

/// A body, and whether the connection could be used again; `None` where it did not end.
type Body = (Vec<u8>, Option<bool>);

/// The bodies of the answers in `bytes`, cut into pieces of `size`, and how they ended.
fn bodies(bytes: &[u8], size: usize) -> Result<Vec<Body>, Failure> {
    let (mut http, mut all) = (Http1::default(), Vec::new());
    for mut data in bytes.chunks(size) {
        loop {
            match http.next(&mut data)? {
                Piece::Head(_) => all.push((Vec::new(), None)),
                Piece::Body(bytes) => all.last_mut().unwrap().0.extend(bytes),
                Piece::End { reusable } => all.last_mut().unwrap().1 = Some(reusable),
                Piece::More => break,
            }
        }
    }
    Ok(all)
}

fn same_at_every_size(bytes: &str) -> Result<Vec<Body>, Failure> {
    let whole = bodies(bytes.as_bytes(), bytes.len());
    for size in 1..bytes.len() {
        assert_eq!(bodies(bytes.as_bytes(), size), whole, "in pieces of {size}");
    }
    whole
}

#[test]
fn answers_follow_one_another() {
    let two = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc\
        HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n0A\r\n0123456789\r\n0\r\nx: y\r\n\r\n\
        HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let read = same_at_every_size(two).unwrap();

    assert_eq!(read[0], (b"abc".to_vec(), Some(true)));
    assert_eq!(read[1], (b"de0123456789".to_vec(), Some(true)));
    assert_eq!(read[2], (Vec::new(), Some(false)));
}

#[test]
fn interim_answers_are_passed_over() {
    let read = same_at_every_size(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
    );
    assert_eq!(read.unwrap(), [(b"x".to_vec(), Some(true))]);
}

#[test]
fn a_body_of_unknown_length_ends_with_the_connection() {
    let mut http = Http1::default();
    let mut data: &[u8] = b"HTTP/1.1 200 OK\r\n\r\nabc";
    assert!(matches!(http.next(&mut data), Ok(Piece::Head(_))));
    assert!(matches!(http.next(&mut data), Ok(Piece::Body(b"abc"))));
    assert_eq!(http.closed(), Ok(()));
}

#[test]
fn what_is_not_http_is_refused() {
    for wrong in [
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    ] {
        assert_eq!(same_at_every_size(wrong), Err(Failure::BadHttp), "{wrong:?}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(70_000));
    assert_eq!(bodies(endless.as_bytes(), 1000), Err(Failure::BadHttp));
}
