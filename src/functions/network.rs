//! Addresses of the internet, which are text in events.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanBuilder, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use ipnet::IpNet;

use super::scalar::{Scalar, bigint, text};
use super::{documented, text as texts};

/// `ip_network(text, bits)`: the network that an address is in, as `10.1.2.0/24`.
///
/// **Shape**: text, as RFC 4632 and RFC 5952 write it; NULL for what is no address. **Errors**: for bits that no address
/// of the family has.
pub(super) fn ip_network() -> Scalar {
    let documentation = documented(
        "ip_network(address, bits)",
        "The network of so many bits that an address is in, such as `10.1.2.0/24`. NULL for a text that is no address. \
         Bits outside of 0 to 32 for IPv4, or 0 to 128 for IPv6, are an error.",
        &[
            ("address", "Text of an IPv4 or IPv6 address, without port or zone."),
            ("bits", "How many bits of the address are the network's."),
        ],
        "SELECT ip_network('10.1.2.3', 24)\n-- 10.1.2.0/24",
    );
    Scalar::new("ip_network", vec![text(), bigint()], DataType::Utf8View, networks, documentation)
}

/// `ip_is_private(text)`: whether an address is of no use outside of where it stands.
///
/// **Shape**: boolean; NULL for what is no address. **Source**: RFC 1918, RFC 1122 §3.2.1.3, RFC 3927 (IPv4); RFC 4193,
/// RFC 4291 §2.5.3 and §2.5.6 (IPv6).
pub(super) fn ip_is_private() -> Scalar {
    let documentation = documented(
        "ip_is_private(address)",
        "Whether an address means nothing on the public internet. True for IPv4 private, loopback and link-local \
         addresses, for IPv6 unique local, loopback and link-local ones, and for an IPv4 address that is written as \
         IPv6 (`::ffff:10.0.0.1`) as for itself. NULL for a text that is no address.",
        &[("address", "Text of an IPv4 or IPv6 address, without port or zone.")],
        "SELECT ip_is_private('192.168.0.1')\n-- true",
    );
    Scalar::new("ip_is_private", vec![text()], DataType::Boolean, privacy, documentation)
}

fn networks(args: &[ArrayRef]) -> Result<ArrayRef> {
    let bits = args[1].as_primitive::<Int64Type>();
    let mut networks = StringViewBuilder::with_capacity(bits.len());
    let mut written = String::new();
    texts::each(&args[0], |row, text| {
        let address = text.and_then(|text| text.parse::<IpAddr>().ok()).filter(|_| bits.is_valid(row));
        let Some(address) = address else {
            networks.append_null();
            return Ok(());
        };
        let bits = bits.value(row);
        let Some(network) = u8::try_from(bits).ok().and_then(|bits| IpNet::new(address, bits).ok()) else {
            let (family, most) = if address.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
            return exec_err!("`{bits}` bits are no network of `{address}`: in {family} they are from 0 to {most}");
        };
        written.clear();
        // A string takes whatever is written.
        let _ = write!(written, "{}", network.trunc());
        networks.append_value(&written);
        Ok(())
    })?;
    Ok(Arc::new(networks.finish()))
}

fn privacy(args: &[ArrayRef]) -> Result<ArrayRef> {
    let mut privacy = BooleanBuilder::with_capacity(args[0].len());
    texts::each(&args[0], |_, text| {
        privacy.append_option(text.and_then(|text| text.parse().ok()).map(is_private));
        Ok(())
    })?;
    Ok(Arc::new(privacy.finish()))
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: bool) {
        assert_eq!(is_private(address.parse().unwrap()), expected, "{address}");
    }

    #[test]
    fn the_edges_of_private_ranges() {
        for address in ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"]
        {
            check(address, true);
        }
        for address in ["127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.255.255", "::ffff:10.0.0.1"] {
            check(address, true);
        }
        for address in ["::1", "fc00::", "fdff::1", "fe80::", "febf:ffff::1"] {
            check(address, true);
        }
        for address in ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.0.1", "169.253.1.1"] {
            check(address, false);
        }
        for address in
            ["0.0.0.0", "8.8.8.8", "100.64.0.1", "::", "::2", "fe00::", "fec0::", "2001:db8::1", "::ffff:8.8.8.8"]
        {
            check(address, false);
        }
    }
}
