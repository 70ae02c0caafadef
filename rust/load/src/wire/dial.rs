//! Connections, made.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::Target;
use crate::failure::Failure;

/// A connection, with or without TLS.
#[derive(Debug)]
pub enum Stream {
    /// Without.
    Plain(TcpStream),
    /// With.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether HTTP/2 was negotiated.
    pub fn negotiated_h2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Clone)]
pub struct Refused {
    /// What it is counted as.
    pub failure: Failure,
    /// In words.
    pub why: String,
}

/// Makes connections to one target.
#[derive(Debug)]
pub struct Dialer {
    addresses: Vec<SocketAddr>,
    sources: Vec<IpAddr>,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    turn: Cell<usize>,
}

impl Dialer {
    /// A dialer; `turn` is which address and source it begins with.
    ///
    /// # Errors
    ///
    /// The host is none that a certificate can name, or a source is no address of this machine.
    pub fn new(
        target: &Target,
        sources: &[IpAddr],
        tls: Option<Arc<ClientConfig>>,
        turn: usize,
    ) -> Result<Self, String> {
        let name = || {
            ServerName::try_from(target.host.clone())
                .map_err(|_| format!("url: no certificate can name {:?}", target.host))
        };
        let tls = tls.map(|config| Ok::<_, String>((config, name()?)));
        for source in sources {
            // Not to be told apart, later, from a port that is not free.
            UdpSocket::bind((*source, 0))
                .map_err(|error| format!("sources: {source} cannot be used: {error}"))?;
        }
        Ok(Self {
            addresses: target.addresses.clone(),
            sources: sources.to_vec(),
            tls: tls.transpose()?,
            turn: Cell::new(turn),
        })
    }

    /// Make a connection. Of a host with several addresses, each is tried: it may listen on one.
    ///
    /// # Errors
    ///
    /// As the system says of the last address, or TLS of the first that it let connect to.
    pub async fn dial(&self) -> Result<Stream, Refused> {
        let turn = self.turn.replace(self.turn.get().wrapping_add(1));
        let count = self.addresses.len();
        let none: io::Error = io::ErrorKind::AddrNotAvailable.into();
        let mut refused = Refused { failure: Failure::from(&none), why: none.to_string() };
        for address in self.addresses.iter().cycle().skip(turn % count.max(1)).take(count) {
            match self.connect(*address, turn).await {
                Ok(stream) => {
                    return self.secure(stream).await.map_err(|error| Refused {
                        failure: Failure::Tls,
                        why: format!("{address}: {error}"),
                    });
                }
                Err(error) => {
                    let failure = Failure::from(&error);
                    refused = Refused { failure, why: format!("{address}: {error}") };
                }
            }
        }
        Err(refused)
    }

    async fn connect(&self, address: SocketAddr, turn: usize) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        let matching = |source: &&IpAddr| source.is_ipv4() == address.is_ipv4();
        let sources = self.sources.iter().filter(matching).count();
        if sources > 0 {
            let source = self.sources.iter().filter(matching).nth(turn % sources);
            source.map_or(Ok(()), |source| bind(&socket, *source))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn secure(&self, stream: TcpStream) -> io::Result<Stream> {
        let Some((config, name)) = &self.tls else {
            return Ok(Stream::Plain(stream));
        };
        let connector = TlsConnector::from(Arc::clone(config));
        Ok(Stream::Tls(Box::new(connector.connect(name.clone(), stream).await?)))
    }
}

/// Connect from an address, and from any of its ports.
fn bind(socket: &TcpSocket, source: IpAddr) -> io::Result<()> {
    // Chosen with the connection, a port need only be free towards its own destination.
    #[cfg(target_os = "linux")]
    nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::IpBindAddressNoPort, &true)?;
    socket.bind((source, 0).into())
}

impl AsyncRead for Stream {
    #[inline]
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
