//! Distances on the earth.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Builder};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_err};
use geographiclib_rs::{Geodesic, InverseGeodesic};

use super::documented;
use super::scalar::{Scalar, double};

/// `geo_distance_km(lat1, lng1, lat2, lng2)`: the length of the shortest way along the ground.
///
/// **Units**: degrees in, kilometres out. **Errors**: for a latitude outside of ±90, or a longitude that is no number.
/// **Source**: Karney, *Algorithms for geodesics*, J. Geodesy 87 (2013), on the ellipsoid WGS84; good to a micrometre.
pub(super) fn geo_distance_km() -> Scalar {
    let documentation = documented(
        "geo_distance_km(lat1, lng1, lat2, lng2)",
        "The distance between two places in kilometres. It is that of the shortest way on the ellipsoid WGS84, at \
         height 0. A latitude outside of -90 to 90 is an error.",
        &[
            ("lat1", "Latitude of one place, in degrees, north positive."),
            ("lng1", "Its longitude, in degrees, east positive; any full turns may be in it."),
            ("lat2", "Latitude of the other place."),
            ("lng2", "Its longitude."),
        ],
        "SELECT round(geo_distance_km(52.52, 13.405, 48.137, 11.576), 1)\n-- 504.6",
    );
    Scalar::new("geo_distance_km", vec![double(); 4], DataType::Float64, distances, documentation)
}

fn distances(args: &[ArrayRef]) -> Result<ArrayRef> {
    static WGS84: LazyLock<Geodesic> = LazyLock::new(Geodesic::wgs84);
    let [lat1, lng1, lat2, lng2] = [0, 1, 2, 3].map(|at| args[at].as_primitive::<Float64Type>());
    let mut distances = Float64Builder::with_capacity(lat1.len());
    for row in 0..lat1.len() {
        if [lat1, lng1, lat2, lng2].iter().any(|degrees| degrees.is_null(row)) {
            distances.append_null();
            continue;
        }
        let [lat1, lng1, lat2, lng2] = [lat1, lng1, lat2, lng2].map(|degrees| degrees.value(row));
        if let Some(latitude) = [lat1, lat2].iter().find(|latitude| !(-90.0..=90.0).contains(*latitude)) {
            return exec_err!("`{latitude}` is no latitude: it has to be between -90 and 90");
        }
        if let Some(longitude) = [lng1, lng2].iter().find(|longitude| !longitude.is_finite()) {
            return exec_err!("`{longitude}` is no longitude");
        }
        let metres: f64 = WGS84.inverse(lat1, lng1, lat2, lng2);
        distances.append_value(metres / 1000.0);
    }
    Ok(Arc::new(distances.finish()))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Float64Array;

    use super::*;

    fn distance(places: [f64; 4]) -> Result<f64> {
        let args: Vec<ArrayRef> =
            places.iter().map(|degrees| Arc::new(Float64Array::from(vec![*degrees])) as _).collect();
        distances(&args).map(|distances| distances.as_primitive::<Float64Type>().value(0))
    }

    fn check(places: [f64; 4], km: f64) {
        let found = distance(places).unwrap();
        assert!((found - km).abs() < 1e-6, "{places:?}: {found}");
    }

    #[test]
    fn known_lengths() {
        check([10.0, 20.0, 10.0, 20.0], 0.0);
        check([40.0, 30.0, 40.0, 30.0 + 720.0], 0.0);
        // A quarter of a meridian; JFK to Heathrow; nearly antipodal points, from the tests of GeographicLib.
        check([0.0, 0.0, 90.0, 0.0], 10_001.965_729_230);
        check([40.6, -73.8, 51.6, -0.5], 5_551.759_400_318_679);
        check([88.202_499_451_857, 0.0, -88.202_499_451_857, 179.981_022_032_992_86], 20_003.898_214);
    }

    #[test]
    fn what_is_no_place_is_an_error() {
        for places in [[90.1, 0.0, 0.0, 0.0], [0.0, 0.0, -91.0, 0.0], [f64::NAN, 0.0, 0.0, 0.0]] {
            assert!(distance(places).is_err(), "{places:?}");
        }
        for longitude in [f64::INFINITY, f64::NAN] {
            assert!(distance([0.0, longitude, 0.0, 0.0]).is_err());
        }
        assert!(distance([0.0, 1e300, 0.0, 0.0]).is_ok());
    }
}
