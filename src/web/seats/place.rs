//! Where a page of seats ended, in an address.

use crate::license::SeatType;
use crate::store::{SeatKey, SeatPlace};

pub(super) fn write(place: &SeatPlace) -> String {
    let of = format!("{}.{}", place.seat_type.as_str(), place.seat);
    match &place.key {
        SeatKey::Number(number) => format!("n.{of}.{number}"),
        SeatKey::Text(text) => format!("t.{of}.{text}"),
    }
}

pub(super) fn read(text: &str) -> Option<SeatPlace> {
    let mut parts = text.splitn(4, '.');
    let (kind, seat_type, seat, key) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(SeatPlace {
        key: match kind {
            "n" => SeatKey::Number(key.parse().ok()?),
            "t" => SeatKey::Text(key.into()),
            _ => return None,
        },
        seat_type: SeatType::ALL.into_iter().find(|of| of.as_str() == seat_type)?,
        seat: seat.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_address() {
        for key in [SeatKey::Number(-5), SeatKey::Text("corp\\a.b c".into())] {
            let place =
                SeatPlace { key, seat_type: SeatType::Analyzer, seat: uuid::Uuid::from_u128(7) };
            assert_eq!(read(&write(&place)), Some(place));
        }
        for wrong in ["", "n", "n.analyzer", "n.analyzer.x.5", "n.analyzer.0.x", "x.y.z.1", "...."]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
