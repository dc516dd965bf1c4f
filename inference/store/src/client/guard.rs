//! Which addresses connections may lead to.
//!
//! The check applies to the resolved addresses right before the connection to them, so a name that resolves to another
//! address the next time can't bypass it.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use complaint_contract::Reach;
use http::{HeaderMap, Method, Uri};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

const EC2_OVER_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254));
const EKS_OVER_IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23));
/// Addresses where pods of the large clouds get their own identity.
const IDENTITY_SERVICES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    EC2_OVER_IPV6,
    EKS_OVER_IPV6,
];
/// Metadata services outside the link-local ranges: Alibaba's, Azure's, Oracle's, and those of AWS and Google over IPv6.
const METADATA_SERVICES: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    EC2_OVER_IPV6,
    EKS_OVER_IPV6,
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// A connection or redirect that the rules forbid. Trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Refused {}

impl Refused {
    /// The refusal among the causes of an error.
    pub(crate) fn among<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(refused) = error.downcast_ref() {
                return Some(refused);
            }
            // `io::Error` reports the source of its inner error, not the inner error itself.
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if let Some(refused) = inner.and_then(|inner| inner.downcast_ref()) {
                return Some(refused);
            }
            cause = error.source();
        }
        None
    }
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    /// A transfer from or to an address that a user chooses.
    Bytes,
    /// A request for the pod's own identity from its cloud.
    Identity,
}

/// Checks addresses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    pub(super) reach: Reach,
    pub(super) errand: Errand,
}

impl Guard {
    /// Checks an address that a name resolves to, or that is given literally.
    fn check(self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let address = unwrapped(address);
        let is_identity = self.errand == Errand::Identity && IDENTITY_SERVICES.contains(&address);
        match kind(address) {
            Some(kind) if self.reach != Reach::Anywhere && !is_identity => Err(Refused(format!(
                "{host} is {kind}, which downloads in a cluster must not reach"
            ))),
            _ => Ok(()),
        }
    }

    /// Checks a host that is a literal IP address, because such hosts are not resolved.
    pub(super) fn check_host(self, uri: &Uri) -> Result<(), Refused> {
        let Some(host) = uri.host() else { return Ok(()) };
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(address) => self.check(host, address),
            Err(_) => Ok(()),
        }
    }
}

/// The IPv4 address inside an IPv6 address: mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(long) = address else { return address };
    let inner = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match long.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        _ => address,
    }
}

/// Describes a forbidden address, as the rest of a sentence.
fn kind(address: IpAddr) -> Option<&'static str> {
    if METADATA_SERVICES.contains(&address) {
        return Some("a metadata service of a cloud");
    }
    match address {
        IpAddr::V4(short) if short.is_loopback() => Some("a loopback address"),
        IpAddr::V4(short) if short.is_link_local() => Some("a link-local address"),
        IpAddr::V4(short) if short.octets()[0] == 0 || short.is_broadcast() || short.is_multicast() => {
            Some("no address of a server")
        }
        IpAddr::V6(long) if long.is_loopback() => Some("a loopback address"),
        IpAddr::V6(long) if long.is_unicast_link_local() => Some("a link-local address"),
        IpAddr::V6(long) if long.is_unspecified() || long.is_multicast() => Some("no address of a server"),
        _ => None,
    }
}

/// Whether a request asks a cloud for the pod's identity. Such requests carry a header that transfers can't have,
/// because the only credentials of transfers are signatures.
pub(super) fn errand_of(method: &Method, headers: &HeaderMap) -> Errand {
    let has = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let aws = headers.contains_key("x-aws-ec2-metadata-token")
        || (*method == Method::PUT && headers.contains_key("x-aws-ec2-metadata-token-ttl-seconds"));
    // Requests to EKS Pod Identity carry the token of a mounted file without a scheme. Signatures and bearer tokens
    // begin with a scheme.
    let signed = |login: &str| {
        ["AWS", "Bearer ", "Basic ", "SharedKey"]
            .iter()
            .any(|scheme| login.starts_with(scheme))
    };
    let token = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|login| login.to_str().ok())
        .is_some_and(|login| !signed(login));
    if aws || token || has("metadata-flavor", "Google") || has("metadata", "true") {
        Errand::Identity
    } else {
        Errand::Bytes
    }
}

/// Resolves names, and returns only addresses that are allowed.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    system: GaiResolver,
    guard: Guard,
}

impl Resolver {
    pub(super) fn new(guard: Guard) -> Self {
        Self {
            system: GaiResolver::new(),
            guard,
        }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.system.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (guard, resolving) = (self.guard, self.system.call(name.clone()));
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            for address in &found {
                guard.check(name.as_str(), address.ip())?;
            }
            Ok(found.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reach: Reach, errand: Errand, address: &str) -> bool {
        Guard { reach, errand }
            .check_host(&format!("http://{address}/").parse().unwrap())
            .is_err()
    }

    #[test]
    fn addresses_of_the_machine_its_link_and_its_cloud_are_refused() {
        let forbidden = [
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "0.0.0.0",
            "[::]",
            "169.254.169.254",
            "169.254.170.2",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:169.254.169.254]",
            "[::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:7f00:1::]",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "168.63.129.16",
            "255.255.255.255",
            "224.0.0.1",
        ];
        for address in forbidden {
            for reach in [Reach::SameHost, Reach::AnyHost] {
                assert!(refused(reach, Errand::Bytes, address), "{address}");
            }
            assert!(!refused(Reach::Anywhere, Errand::Bytes, address), "{address}");
        }
        for address in ["10.0.0.1", "192.168.1.1", "[fd12::1]", "93.184.216.34", "example.org"] {
            assert!(!refused(Reach::SameHost, Errand::Bytes, address), "{address}");
        }
    }

    #[test]
    fn only_requests_for_an_identity_reach_a_metadata_service() {
        for address in ["169.254.169.254", "169.254.170.23", "[fd00:ec2::254]"] {
            assert!(!refused(Reach::SameHost, Errand::Identity, address), "{address}");
        }
        for address in ["127.0.0.1", "169.254.170.2", "[fe80::1]"] {
            assert!(refused(Reach::SameHost, Errand::Identity, address), "{address}");
        }
        let errand = |method: Method, name: &'static str, value: &str| {
            errand_of(
                &method,
                &HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())]),
            )
        };
        assert_eq!(
            errand(Method::PUT, "x-aws-ec2-metadata-token-ttl-seconds", "600"),
            Errand::Identity
        );
        assert_eq!(errand(Method::GET, "metadata-flavor", "Google"), Errand::Identity);
        assert_eq!(errand(Method::GET, "metadata", "true"), Errand::Identity);
        assert_eq!(errand(Method::GET, "authorization", "eyJhbGciOi"), Errand::Identity);
        for login in ["AWS4-HMAC-SHA256 Credential=key", "Basic dTpw", "Bearer abc"] {
            assert_eq!(errand(Method::GET, "authorization", login), Errand::Bytes);
        }
        assert_eq!(errand_of(&Method::GET, &HeaderMap::new()), Errand::Bytes);
    }

    #[tokio::test]
    async fn a_name_is_checked_by_what_it_resolves_to() {
        let guard = |reach| Guard {
            reach,
            errand: Errand::Bytes,
        };
        let name: Name = "localhost".parse().unwrap();
        let error = Resolver::new(guard(Reach::SameHost))
            .call(name.clone())
            .await
            .unwrap_err();
        assert!(Refused::among(&*error).is_some(), "{error}");
        assert!(Resolver::new(guard(Reach::Anywhere)).call(name).await.is_ok());
    }
}
