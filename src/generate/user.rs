//! A visitor: what stays the same in all events of one user, as ready JSON.
//!
//! It knows nothing of single events.

use std::net::Ipv4Addr;

use fake::Fake;
use fake::faker::internet::en::{IPv4, UserAgent};
use serde_json::Value;

use super::atlas::{Atlas, Coordinates};
use super::dice::Dice;
use crate::error::Result;

const AGE_BRACKETS: [&str; 4] = ["18-25", "26-40", "41-55", "55+"];

pub(super) struct User {
    /// The event up to and with `"opted_into_marketing":…`, without a comma behind it.
    pub(super) json: Box<[u8]>,
    /// Whether the atlas knows where the address is.
    pub(super) located: bool,
}

impl User {
    pub(super) fn draw(dice: &mut Dice, atlas: &Atlas) -> Result<Self> {
        let address: Ipv4Addr = IPv4().fake_with_rng(dice.rng());
        let user_agent: &str = UserAgent().fake_with_rng(dice.rng());
        let id = dice.below(u64::MAX).cast_signed();
        let age_bracket = dice.pick(&AGE_BRACKETS);
        let opted_in = dice.below(2) == 1;
        let place = atlas.locate(address)?;
        let json = format!(
            r#"{{"ip":"{address}","id":"{id}",{place},"user_agent":{user_agent},"age_bracket":"{age_bracket}","opted_into_marketing":{opted_in}"#,
            place = place_json(place),
            user_agent = Value::from(user_agent),
        );
        Ok(Self { json: json.into_bytes().into(), located: place.is_some() })
    }
}

fn place_json(place: Option<Coordinates>) -> String {
    match place {
        Some(Coordinates { lat, lng }) => format!(r#""lat":{},"lng":{}"#, four_decimals(lat), four_decimals(lng)),
        None => r#""lat":"","lng":"""#.into(),
    }
}

/// Adding a positive zero turns a negative one, which rounding makes of `-0.00001`, into it.
fn four_decimals(degrees: f64) -> String {
    format!("{:.4}", (degrees * 1e4).round() / 1e4 + 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::dice::Stream;
    use super::*;

    #[test]
    fn coordinates_have_four_decimals_or_are_both_empty() {
        let check = |place, json| assert_eq!(place_json(place), json);
        check(Some(Coordinates { lat: 52.52, lng: -0.12776 }), r#""lat":52.5200,"lng":-0.1278"#);
        check(Some(Coordinates { lat: -0.00001, lng: -180.0 }), r#""lat":0.0000,"lng":-180.0000"#);
        check(None, r#""lat":"","lng":"""#);
    }

    #[test]
    fn users_are_varied() {
        let mut dice = Dice::new(1, Stream::Users);
        let users: Vec<User> = (0..1_000).map(|_| User::draw(&mut dice, &Atlas::Cities).unwrap()).collect();
        let holding =
            |part: &str| users.iter().filter(|user| std::str::from_utf8(&user.json).unwrap().contains(part)).count();
        assert!(AGE_BRACKETS.iter().all(|bracket| holding(&format!("\"age_bracket\":\"{bracket}\"")) > 150));
        assert!((400..600).contains(&holding("\"opted_into_marketing\":true")));
        assert!((50..150).contains(&holding("\"lat\":\"\",\"lng\":\"\"")), "about one in ten is not found");
        assert!((400..600).contains(&holding("\"id\":\"-")), "half of the ids are negative");
    }
}
