//! Cluster addresses and node ports.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// The first of the sandboxes' Service addresses: loopback, so that they can be listened on without privileges.
const FIRST: u32 = u32::from_be_bytes([127, 96, 0, 1]);
/// How many addresses there are (127.96.0.0/12).
const COUNT: u32 = 1 << 20;
/// Node ports, as upstream hands them out.
const PORTS: std::ops::Range<u16> = 30000..32768;

/// Addresses and node ports in use.
#[derive(Debug, Default)]
pub(crate) struct AddressPool {
    addresses: BTreeSet<u32>,
    ports: BTreeSet<u16>,
}

impl AddressPool {
    /// A free address. Random, so that sandboxes side by side seldom meet.
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

    /// Gives an address back.
    pub(crate) fn release(&mut self, address: Ipv4Addr) {
        self.addresses.remove(&u32::from(address));
    }

    /// A free node port.
    pub(crate) fn port(&mut self) -> Option<u16> {
        let free = PORTS.clone().find(|p| !self.ports.contains(p))?;
        self.ports.insert(free);
        Some(free)
    }

    /// Marks a node port that a client chose.
    pub(crate) fn claim_port(&mut self, port: u16) -> bool {
        self.ports.insert(port)
    }

    /// Gives a node port back.
    pub(crate) fn release_port(&mut self, port: u16) {
        self.ports.remove(&port);
    }
}
