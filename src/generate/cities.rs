//! Cities of the world, so that events have likely coordinates without a network or a database.
//!
//! Which address lies in which city is made up; where a city lies is not.

use std::net::Ipv4Addr;

use super::atlas::Coordinates;

/// A city for `address`, always the same one; `None` for about one address in ten.
pub(super) fn locate(address: Ipv4Addr) -> Option<Coordinates> {
    let hash = mix(address.to_bits().into());
    if hash.is_multiple_of(10) {
        return None;
    }
    let (_, lat, lng) = CITIES[(hash / 10) as usize % CITIES.len()];
    Some(Coordinates { lat, lng })
}

/// The output step of SplitMix64: of our own, because the standard library's hasher may change.
///
/// **Source**: Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014.
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Name, degrees north, degrees east. The order is part of what a seed means: add at the end.
#[rustfmt::skip]
const CITIES: [(&str, f64, f64); 128] = [
    ("Tokyo", 35.6762, 139.6503), ("Delhi", 28.7041, 77.1025), ("Shanghai", 31.2304, 121.4737),
    ("Sao Paulo", -23.5505, -46.6333), ("Mexico City", 19.4326, -99.1332), ("Cairo", 30.0444, 31.2357),
    ("Mumbai", 19.0760, 72.8777), ("Beijing", 39.9042, 116.4074), ("Dhaka", 23.8103, 90.4125),
    ("Osaka", 34.6937, 135.5023), ("New York", 40.7128, -74.0060), ("Karachi", 24.8607, 67.0011),
    ("Buenos Aires", -34.6037, -58.3816), ("Istanbul", 41.0082, 28.9784), ("Kolkata", 22.5726, 88.3639),
    ("Lagos", 6.5244, 3.3792), ("Kinshasa", -4.4419, 15.2663), ("Manila", 14.5995, 120.9842),
    ("Rio de Janeiro", -22.9068, -43.1729), ("Guangzhou", 23.1291, 113.2644), ("Los Angeles", 34.0522, -118.2437),
    ("Moscow", 55.7558, 37.6173), ("Shenzhen", 22.5431, 114.0579), ("Lahore", 31.5204, 74.3587),
    ("Bangalore", 12.9716, 77.5946), ("Paris", 48.8566, 2.3522), ("Bogota", 4.7110, -74.0721),
    ("Jakarta", -6.2088, 106.8456), ("Chennai", 13.0827, 80.2707), ("Lima", -12.0464, -77.0428),
    ("Bangkok", 13.7563, 100.5018), ("Seoul", 37.5665, 126.9780), ("Nagoya", 35.1815, 136.9066),
    ("Hyderabad", 17.3850, 78.4867), ("London", 51.5074, -0.1278), ("Tehran", 35.6892, 51.3890),
    ("Chicago", 41.8781, -87.6298), ("Ho Chi Minh City", 10.8231, 106.6297), ("Luanda", -8.8390, 13.2894),
    ("Ahmedabad", 23.0225, 72.5714), ("Kuala Lumpur", 3.1390, 101.6869), ("Hong Kong", 22.3193, 114.1694),
    ("Riyadh", 24.7136, 46.6753), ("Baghdad", 33.3152, 44.3661), ("Santiago", -33.4489, -70.6693),
    ("Madrid", 40.4168, -3.7038), ("Toronto", 43.6532, -79.3832), ("Dar es Salaam", -6.7924, 39.2083),
    ("Singapore", 1.3521, 103.8198), ("Khartoum", 15.5007, 32.5599), ("Johannesburg", -26.2041, 28.0473),
    ("Barcelona", 41.3851, 2.1734), ("Saint Petersburg", 59.9311, 30.3609), ("Yangon", 16.8409, 96.1735),
    ("Alexandria", 31.2001, 29.9187), ("Guadalajara", 20.6597, -103.3496), ("Ankara", 39.9334, 32.8597),
    ("Melbourne", -37.8136, 144.9631), ("Sydney", -33.8688, 151.2093), ("Monterrey", 25.6866, -100.3161),
    ("Nairobi", -1.2921, 36.8219), ("Hanoi", 21.0278, 105.8342), ("Cape Town", -33.9249, 18.4241),
    ("Jeddah", 21.4858, 39.1925), ("Accra", 5.6037, -0.1870), ("Rome", 41.9028, 12.4964),
    ("Kabul", 34.5553, 69.2075), ("Montreal", 45.5017, -73.5673), ("Amman", 31.9454, 35.9284),
    ("Casablanca", 33.5731, -7.5898), ("Berlin", 52.5200, 13.4050), ("Algiers", 36.7538, 3.0588),
    ("Kyiv", 50.4501, 30.5234), ("Addis Ababa", 9.0320, 38.7469), ("Medellin", 6.2442, -75.5812),
    ("Houston", 29.7604, -95.3698), ("Dubai", 25.2048, 55.2708), ("Phoenix", 33.4484, -112.0740),
    ("Philadelphia", 39.9526, -75.1652), ("San Francisco", 37.7749, -122.4194), ("Seattle", 47.6062, -122.3321),
    ("Boston", 42.3601, -71.0589), ("Miami", 25.7617, -80.1918), ("Atlanta", 33.7490, -84.3880),
    ("Denver", 39.7392, -104.9903), ("Dallas", 32.7767, -96.7970), ("Washington", 38.9072, -77.0369),
    ("Vancouver", 49.2827, -123.1207), ("Calgary", 51.0447, -114.0719), ("Honolulu", 21.3069, -157.8583),
    ("Anchorage", 61.2181, -149.9003), ("Havana", 23.1136, -82.3666), ("Caracas", 10.4806, -66.9036),
    ("Quito", -0.1807, -78.4678), ("La Paz", -16.4897, -68.1193), ("Montevideo", -34.9011, -56.1645),
    ("Brasilia", -15.7975, -47.8919), ("Reykjavik", 64.1466, -21.9426), ("Dublin", 53.3498, -6.2603),
    ("Lisbon", 38.7223, -9.1393), ("Amsterdam", 52.3676, 4.9041), ("Brussels", 50.8503, 4.3517),
    ("Hamburg", 53.5511, 9.9937), ("Munich", 48.1351, 11.5820), ("Zurich", 47.3769, 8.5417),
    ("Vienna", 48.2082, 16.3738), ("Prague", 50.0755, 14.4378), ("Warsaw", 52.2297, 21.0122),
    ("Budapest", 47.4979, 19.0402), ("Bucharest", 44.4268, 26.1025), ("Athens", 37.9838, 23.7275),
    ("Copenhagen", 55.6761, 12.5683), ("Oslo", 59.9139, 10.7522), ("Stockholm", 59.3293, 18.0686),
    ("Helsinki", 60.1699, 24.9384), ("Tallinn", 59.4370, 24.7536), ("Belgrade", 44.7866, 20.4489),
    ("Tel Aviv", 32.0853, 34.7818), ("Tbilisi", 41.7151, 44.8271), ("Tashkent", 41.2995, 69.2401),
    ("Almaty", 43.2220, 76.8512), ("Novosibirsk", 55.0084, 82.9357), ("Ulaanbaatar", 47.8864, 106.9057),
    ("Kathmandu", 27.7172, 85.3240), ("Colombo", 6.9271, 79.8612), ("Taipei", 25.0330, 121.5654),
    ("Perth", -31.9505, 115.8605), ("Auckland", -36.8485, 174.7633),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn cities_are_distinct_places_on_the_globe_to_four_decimals() {
        let names: BTreeSet<&str> = CITIES.iter().map(|city| city.0).collect();
        assert_eq!(names.len(), CITIES.len());
        let places: BTreeSet<String> = CITIES.iter().map(|city| format!("{:.0} {:.0}", city.1, city.2)).collect();
        assert!(places.len() > 120, "a repeated pair would be a slip of the pen");
        for (name, lat, lng) in CITIES {
            assert!((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng), "{name}");
            assert!([lat, lng].iter().all(|degrees| format!("{degrees:.4}").parse() == Ok(*degrees)), "{name}");
        }
    }

    #[test]
    fn every_city_is_reached_and_one_address_in_ten_is_nowhere() {
        let places: Vec<_> = (0..20_000).map(|bits| locate(Ipv4Addr::from_bits(bits * 214_013))).collect();
        let nowhere = places.iter().filter(|place| place.is_none()).count();
        assert!((1_800..2_200).contains(&nowhere), "{nowhere} of 20000");
        let cities: BTreeSet<String> = places.iter().flatten().map(|place| format!("{place:?}")).collect();
        assert_eq!(cities.len(), CITIES.len());
    }

    #[test]
    fn an_address_stays_where_it_is() {
        let check = |address: [u8; 4], place| assert_eq!(locate(address.into()).map(|c| (c.lat, c.lng)), place);
        check([8, 8, 8, 8], Some((39.7392, -104.9903)));
        check([10, 0, 0, 5], Some((51.5074, -0.1278)));
        check([127, 0, 0, 1], None);
    }
}
