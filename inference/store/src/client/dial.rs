//! Connections: direct, through a proxy's tunnel (`https`), or to a proxy that forwards requests (`http`).

use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::guard::{Guard, Resolver};

type BoxError = Box<dyn Error + Send + Sync>;

/// Opens the connection that carries TLS to the server, or plain http.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    proxies: Arc<Matcher>,
    guard: Guard,
    tcp: HttpConnector<Resolver>,
    /// To a proxy, whose own address may begin with `https`.
    to_proxy: HttpsConnector<HttpConnector<Resolver>>,
}

impl Dial {
    pub(super) fn new(proxies: Arc<Matcher>, tls: Arc<rustls::ClientConfig>, guard: Guard) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver::new(guard));
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        Self {
            proxies,
            guard,
            to_proxy: HttpsConnector::from((tcp.clone(), tls)),
            tcp,
        }
    }
}

impl Service<Uri> for Dial {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        // Only the proxy can check a name that the proxy resolves. Check literal IP addresses here.
        if let Err(refused) = self.guard.check_host(&to) {
            return Box::pin(async move { Err(refused.into()) });
        }
        let Some(proxy) = self.proxies.intercept(&to) else {
            let connecting = self.tcp.call(to);
            return Box::pin(async move { Ok(Stream::new(MaybeHttpsStream::Http(connecting.await?), false)) });
        };
        if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
            let problem = format!("the proxy {} is neither http:// nor https://", proxy.uri());
            return Box::pin(async move { Err(io::Error::other(problem).into()) });
        }
        if let Err(refused) = self.guard.check_host(proxy.uri()) {
            return Box::pin(async move { Err(refused.into()) });
        }
        if to.scheme_str() != Some("https") {
            let connecting = self.to_proxy.call(proxy.uri().clone());
            return Box::pin(async move { Ok(Stream::new(connecting.await?, true)) });
        }
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(login) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(login.clone());
        }
        Box::pin(async move { Ok(Stream::new(tunnel.call(to).await?, false)) })
    }
}

/// A connection that knows whether a proxy forwards its requests. Forwarded requests need absolute URIs.
#[derive(Debug)]
pub(super) struct Stream {
    io: MaybeHttpsStream<TokioIo<TcpStream>>,
    relayed: bool,
}

impl Stream {
    fn new(io: MaybeHttpsStream<TokioIo<TcpStream>>, relayed: bool) -> Self {
        Self { io, relayed }
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.relayed)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, parts)
    }
}
