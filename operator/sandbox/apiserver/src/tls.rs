//! One port for HTTP and HTTPS.
//!
//! kubectl and helm send a token over HTTPS only, so the kubeconfig has an HTTPS address with a self-made certificate.
//! Clients in the process use plain HTTP on the same port. The first byte of a connection tells them apart.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// The first byte of a TLS handshake.
const HANDSHAKE: u8 = 0x16;
/// A connection without data is closed after this time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a certificate cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Making the certificate failed.
    #[error("making the API server's certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// Reading it back failed.
    #[error("reading the API server's certificate: {0}")]
    Read(#[from] pem::Error),
    /// Using it failed.
    #[error("using the API server's certificate: {0}")]
    Use(#[from] tokio_rustls::rustls::Error),
}

/// A certificate for loopback with its key and its authority, all in PEM.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Certificates {
    /// The authority's certificate, for kubeconfigs. Its key is not kept.
    pub(crate) authority: String,
    certificate: String,
    key: String,
}

impl Certificates {
    /// Makes new certificates.
    ///
    /// # Errors
    /// [`CertificateError`] if the cryptography fails.
    pub(crate) fn make() -> Result<Self, CertificateError> {
        // rustls does not accept an authority as a server certificate, so the authority signs a separate one.
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "sandbox");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        params.distinguished_name.push(DnType::CommonName, "sandbox API server");
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Self {
            authority: authority_pem,
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// The TLS acceptor with these certificates.
    ///
    /// # Errors
    /// [`CertificateError`] if they are invalid.
    fn acceptor(&self) -> Result<TlsAcceptor, CertificateError> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes())?;
        let private = PrivateKeyDer::from_pem_slice(self.key.as_bytes())?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], private)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

type Connection = Either<TcpStream, TlsStream<TcpStream>>;

/// A listener for both protocols.
pub(crate) struct Listener {
    address: SocketAddr,
    ready: mpsc::Receiver<(Connection, SocketAddr)>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Starts accepting.
    ///
    /// # Errors
    /// [`CertificateError`] if the certificates cannot be used.
    pub(crate) fn new(
        listener: TcpListener,
        address: SocketAddr,
        certificates: &Certificates,
    ) -> Result<Self, CertificateError> {
        let acceptor = certificates.acceptor()?;
        let (sender, ready) = mpsc::channel(64);
        let accepting = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, peer)) => {
                        tokio::spawn(greet(stream, peer, acceptor.clone(), sender.clone()));
                    }
                    Err(error) => {
                        // Usually too many open files: wait until some are closed.
                        tracing::warn!(%error, "accepting a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            }
        });
        Ok(Self {
            address,
            ready,
            accepting,
        })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn greet(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(Connection, SocketAddr)>,
) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    let connection = match tokio::time::timeout(PATIENCE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == HANDSHAKE => match tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Either::Right(stream),
            _ => return,
        },
        Ok(Ok(1)) => Either::Left(stream),
        _ => return,
    };
    // The receiver is gone only when the server stops.
    let _ = sender.send((connection, peer)).await;
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}
