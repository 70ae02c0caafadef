//! The way to the app: each request on a connection of its own, over a Unix socket.

use std::path::Path;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
};
use hyper::{Request, Response, Uri, Version};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

type Error = Box<dyn std::error::Error>;

/// Have the app answer.
///
/// # Errors
///
/// It cannot be reached, or leaves before it has answered.
pub(super) async fn ask(
    socket: &Path,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Error> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    *request.uri_mut() = target.parse::<Uri>()?;
    *request.version_mut() = Version::HTTP_11;
    of_one_hop(request.headers_mut());
    // The body's length is known now, whatever its framing was.
    request.headers_mut().remove(CONTENT_LENGTH);
    if !request.headers().contains_key(HOST) {
        let host = host.as_deref().unwrap_or("localhost");
        request.headers_mut().insert(HOST, HeaderValue::from_str(host)?);
    }
    let mut response = sender.send_request(request).await?;
    of_one_hop(response.headers_mut());
    Ok(response)
}

/// Drop the headers that are about one connection.
fn of_one_hop(headers: &mut HeaderMap) {
    const OTHERS: [HeaderName; 3] = [
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("upgrade"),
    ];
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_owned()))
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in OTHERS.into_iter().chain([CONNECTION, TE, TRANSFER_ENCODING]) {
        headers.remove(name);
    }
}
