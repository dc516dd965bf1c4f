//! Cluster IPs and node ports.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The first Service address. Service addresses are loopback addresses, which need no privileges to listen on.
const FIRST: u32 = u32::from_be_bytes([127, 96, 0, 1]);
/// Number of addresses (127.96.0.0/12).
const COUNT: u32 = 1 << 20;
/// Upstream's range of node ports.
const PORTS: std::ops::Range<u16> = 30000..32768;

/// Addresses and node ports in use.
#[derive(Debug, Default)]
pub(crate) struct AddressPool {
    addresses: BTreeSet<u32>,
    ports: BTreeSet<u16>,
}

impl AddressPool {
    /// Allocates a random free address, so that sandboxes on one machine rarely collide.
    pub(crate) fn address(&mut self) -> Option<Ipv4Addr> {
        let start = rand::random::<u32>() % COUNT;
        let free = (0..COUNT)
            .map(|i| FIRST + (start + i) % (COUNT - 1))
            .find(|a| !self.addresses.contains(a))?;
        self.addresses.insert(free);
        Some(Ipv4Addr::from(free))
    }

    /// Marks an address that a client chose.
    pub(crate) fn claim(&mut self, address: Ipv4Addr) -> bool {
        self.addresses.insert(u32::from(address))
    }

    /// Whether an address is one of the Service addresses.
    pub(crate) fn contains(address: Ipv4Addr) -> bool {
        let n = u32::from(address);
        (FIRST..FIRST + COUNT).contains(&n)
    }

    /// Releases an address.
    pub(crate) fn release(&mut self, address: Ipv4Addr) {
        self.addresses.remove(&u32::from(address));
    }

    /// Allocates a free node port.
    pub(crate) fn port(&mut self) -> Option<u16> {
        let free = PORTS.clone().find(|p| !self.ports.contains(p))?;
        self.ports.insert(free);
        Some(free)
    }

    /// Marks a node port that a client chose.
    pub(crate) fn claim_port(&mut self, port: u16) -> bool {
        self.ports.insert(port)
    }

    /// Releases a node port.
    pub(crate) fn release_port(&mut self, port: u16) {
        self.ports.remove(&port);
    }
}
