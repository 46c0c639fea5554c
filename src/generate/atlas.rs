//! Where an address is: a place of its own choosing among real cities, or a look-up in a geographic database.
//!
//! It opens no files: a database comes as bytes.

use std::fmt;
use std::net::Ipv4Addr;

use maxminddb::{MaxMindDbError, Reader, geoip2};

use super::cities;
use crate::error::{Error, Result};

/// Degrees north and east.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    /// -90 to 90.
    pub lat: f64,
    /// -180 to 180.
    pub lng: f64,
}

/// What tells where an address is.
#[derive(Debug)]
pub enum Atlas {
    /// A city by a hash of the address, the same on every machine; about one address in ten is nowhere.
    Cities,
    /// A look-up of the real place.
    Database(GeoDb),
}

impl Atlas {
    /// **Errors**: [`Error::Input`] if the database is broken at this address.
    pub(super) fn locate(&self, address: Ipv4Addr) -> Result<Option<Coordinates>> {
        match self {
            Self::Cities => Ok(cities::locate(address)),
            Self::Database(database) => database.locate(address),
        }
    }
}

/// A city database in MaxMind's format, such as GeoLite2-City.
pub struct GeoDb {
    name: String,
    /// Boxed because it is large beside `Atlas::Cities`.
    reader: Box<Reader<Vec<u8>>>,
}

impl fmt::Debug for GeoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeoDb").field("name", &self.name).finish_non_exhaustive()
    }
}

impl GeoDb {
    /// Reads the bytes of a whole database; `name` is for messages.
    ///
    /// **Errors**: [`Error::Input`] if they are no such database.
    pub fn try_new(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self> {
        let name = name.into();
        match Reader::from_source(bytes) {
            Ok(reader) => Ok(Self { name, reader: Box::new(reader) }),
            Err(source) => Err(Error::input(format!("`{name}` is not a geographic database"))
                .with_source(source)
                .with_hint("it takes a city database in MaxMind's format, such as `GeoLite2-City.mmdb`")),
        }
    }

    /// Coordinates outside of the globe count as not found.
    fn locate(&self, address: Ipv4Addr) -> Result<Option<Coordinates>> {
        let city = self.city(address).map_err(|source| {
            Error::input(format!("`{}` is broken at the address {address}", self.name)).with_source(source)
        })?;
        let Some(geoip2::City { location, .. }) = city else { return Ok(None) };
        let (Some(lat), Some(lng)) = (location.latitude, location.longitude) else { return Ok(None) };
        let on_globe = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng);
        Ok(on_globe.then_some(Coordinates { lat, lng }))
    }

    fn city(&self, address: Ipv4Addr) -> Result<Option<geoip2::City<'_>>, MaxMindDbError> {
        self.reader.lookup(address.into())?.decode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, a number and a map in the format's own encoding, all short.
    fn text(value: &str) -> Vec<u8> {
        let mut out = vec![0x40 | u8::try_from(value.len()).unwrap()];
        out.extend_from_slice(value.as_bytes());
        out
    }

    fn double(value: f64) -> Vec<u8> {
        [&[0x68], value.to_be_bytes().as_slice()].concat()
    }

    fn uint(value: u8) -> Vec<u8> {
        vec![0xc1, value]
    }

    fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut out = vec![0xe0 | u8::try_from(pairs.len()).unwrap()];
        for (key, value) in pairs {
            out.extend(text(key));
            out.extend_from_slice(value);
        }
        out
    }

    /// A database of one node: addresses below 128.0.0.0 have the `record`, the others none.
    fn database(record: Vec<u8>) -> GeoDb {
        let mut bytes = vec![0, 0, 17, 0, 0, 1];
        bytes.extend([0; 16]);
        bytes.extend(record);
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.extend(map(&[
            ("binary_format_major_version", vec![0xa1, 2]),
            ("binary_format_minor_version", vec![0xa1, 0]),
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("database_type", text("Tiny-City")),
            ("description", map(&[])),
            ("ip_version", vec![0xa1, 4]),
            ("languages", vec![0x00, 0x04]),
            ("node_count", uint(1)),
            ("record_size", vec![0xa1, 24]),
        ]));
        GeoDb::try_new("tiny.mmdb", bytes).unwrap()
    }

    fn located(lat: f64, lng: f64) -> Option<Coordinates> {
        let record = map(&[("location", map(&[("latitude", double(lat)), ("longitude", double(lng))]))]);
        database(record).locate(Ipv4Addr::new(1, 2, 3, 4)).unwrap()
    }

    #[test]
    fn a_database_tells_the_real_place() {
        assert_eq!(located(52.52, -13.405), Some(Coordinates { lat: 52.52, lng: -13.405 }));
        assert_eq!(located(91.0, 0.0), None);
        assert_eq!(located(0.0, f64::NAN), None);
    }

    #[test]
    fn an_address_or_a_place_that_it_does_not_know_is_not_found() {
        let record = map(&[("location", map(&[("latitude", double(1.0))]))]);
        let database = database(record);
        assert_eq!(database.locate(Ipv4Addr::new(1, 2, 3, 4)).unwrap(), None);
        assert_eq!(database.locate(Ipv4Addr::new(200, 2, 3, 4)).unwrap(), None);
    }

    #[test]
    fn other_files_and_broken_records_are_named() {
        let error = GeoDb::try_new("inputs/a.out", b"{}".to_vec()).unwrap_err();
        assert_eq!((error.exit_code(), error.to_string().as_str()), (3, "`inputs/a.out` is not a geographic database"));
        let broken = database(map(&[("location", text("here"))]));
        let error = broken.locate(Ipv4Addr::new(1, 2, 3, 4)).unwrap_err();
        assert_eq!(error.to_string(), "`tiny.mmdb` is broken at the address 1.2.3.4");
    }
}
