//! Where requests go.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::options::Operation;

/// An endpoint, resolved once.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its addresses; connections take turns.
    pub addresses: Vec<SocketAddr>,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Its name, for certificates.
    pub host: String,
    /// The `Host` header.
    pub authority: String,
    /// The path of every request.
    pub path: String,
}

impl Target {
    /// Read a URL and look its host up.
    ///
    /// # Errors
    ///
    /// It is no URL of an endpoint, or its host is not known.
    pub fn new(url: &str, operation: Operation, model: &str) -> Result<Self, String> {
        let wrong = || format!("url: must be http://host[:port][/path] or https://…, got {url:?}");
        let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(wrong()),
        };
        if rest.contains(['?', '#', '@', ' ']) {
            return Err(wrong());
        }
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let default = if tls { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => {
                (host, port.parse().map_err(|_| wrong())?)
            }
            _ => (authority, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong());
        }
        let addresses: Vec<_> = (host, port)
            .to_socket_addrs()
            .map_err(|error| format!("url: cannot look up {host:?}: {error}"))?
            .collect();
        let prefix = prefix.trim_end_matches('/');
        let path = format!("{prefix}/model/{}/{}", encode(model), operation.path());
        let authority = authority.to_owned();
        Ok(Self { addresses, tls, host: host.to_owned(), authority, path })
    }
}

/// Percent-encode a model id as the AWS SDKs do; one that is encoded already is left alone.
fn encode(model: &str) -> String {
    use std::fmt::Write;

    let mut text = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte) {
            text.push(byte as char);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
