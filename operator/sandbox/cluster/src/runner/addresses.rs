//! Loopback addresses of Pods: each Pod has its own, so that several Pods can listen on the same port.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Mutex;

/// First two octets of all Pod addresses.
const NETWORK: [u8; 2] = [127, 80];
/// Number of addresses, without the network's first and last.
const SIZE: u16 = u16::MAX - 1;

/// The addresses that one runner uses.
///
/// It starts at a random address, because several sandboxes on one machine share the loopback network.
#[derive(Debug)]
pub struct Addresses {
    state: Mutex<(HashSet<u16>, u16)>,
}

impl Addresses {
    /// Starts at a random address.
    pub fn new() -> Self {
        Self::from(rand::random_range(0..SIZE))
    }

    fn from(start: u16) -> Self {
        Self {
            state: Mutex::new((HashSet::new(), start)),
        }
    }

    /// Allocates an address; `None` if all 65,534 are in use.
    pub fn take(&self) -> Option<Ipv4Addr> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (used, next) = &mut *state;
        for _ in 0..SIZE {
            let candidate = *next;
            *next = (*next + 1) % SIZE;
            if used.insert(candidate) {
                let [high, low] = (candidate + 1).to_be_bytes();
                return Some(Ipv4Addr::new(NETWORK[0], NETWORK[1], high, low));
            }
        }
        None
    }

    /// Releases an address.
    pub fn release(&self, address: Ipv4Addr) {
        let [_, _, high, low] = address.octets();
        let number = u16::from_be_bytes([high, low]).wrapping_sub(1);
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .0
            .remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_distinct_and_come_back() {
        let addresses = Addresses::from(SIZE - 1);
        let first = addresses.take().expect("an address");
        assert_eq!(first, Ipv4Addr::new(127, 80, 255, 254));
        assert_eq!(addresses.take(), Some(Ipv4Addr::new(127, 80, 0, 1)));
        addresses.release(first);
        let rest: HashSet<Ipv4Addr> = std::iter::from_fn(|| addresses.take()).collect();
        assert_eq!(rest.len(), usize::from(SIZE) - 1);
        assert!(rest.contains(&first));
    }
}
