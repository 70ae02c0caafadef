//! Certificates: a given one, or one made at the start that its clients are told to trust.

use std::io;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a server shows its clients.
#[derive(Debug, Clone)]
pub struct Identity(Arc<ServerConfig>);

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Pems {
    /// The certificate, or a chain of them.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

impl Pems {
    /// Make a certificate that is signed by itself, for these host names and addresses.
    ///
    /// # Errors
    ///
    /// A name is not a valid host name.
    pub fn self_signed(names: Vec<String>) -> io::Result<Self> {
        let made = generate_simple_self_signed(names).map_err(io::Error::other)?;
        let CertifiedKey { cert, signing_key } = made;
        Ok(Self { certificate: cert.pem(), key: signing_key.serialize_pem() })
    }
}

impl Identity {
    /// Read a certificate and its key. HTTP/2 is offered before HTTP/1.1.
    ///
    /// # Errors
    ///
    /// One of them is missing or malformed, or they do not belong together.
    pub fn new(pems: &Pems) -> io::Result<Self> {
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(pems.certificate.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| invalid(format!("the certificate cannot be read: {error}")))?;
        let key = PrivateKeyDer::from_pem_slice(pems.key.as_bytes())
            .map_err(|error| invalid(format!("the key cannot be read: {error}")))?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| invalid(format!("the certificate cannot be used: {error}")))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }
}
