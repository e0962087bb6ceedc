//! An axis whose places have names: which of them are written below it, and how much of a date is.

use super::{
    draw,
    scale::{Tick, nice},
};

/// How much of a date stands for its year, its month, its day and its minute.
const PARTS: [usize; 4] = [4, 7, 10, 16];
/// Fewest beginnings of years, months or days that an axis is divided by.
const FEWEST: usize = 3;
/// Room between two names.
const APART: f64 = 18.0;

/// The places that are written where there is so much room: beginnings of years, months, days or minutes of dates such as
/// `2024-01-31` or `2024-01-31 13:00:00`, else round numbers, else each so many places.
pub(super) fn ticks(names: &[String], room: f64) -> Vec<Tick> {
    let dates = names.iter().all(|name| is_date(name));
    let parts = PARTS.into_iter().filter(|_| dates);
    let begun = parts.map(|part| (part, beginnings(names, part)));
    match begun.into_iter().find(|(_, places)| places.len() >= FEWEST) {
        Some((part, places)) => {
            let label = |place: &usize| names[*place].get(..part).unwrap_or_default().to_owned();
            let width = places.iter().map(|place| draw::width(&label(place))).fold(0.0, f64::max);
            let every = places.len().div_ceil(fitting(room, width));
            // Years that are round numbers; months and days go on from the first.
            let every = if part == PARTS[0] { nice(every as f64) as usize } else { every };
            let tick = |(index, place): (usize, &usize)| {
                let label = label(place);
                let number = label.parse().unwrap_or(index);
                number.is_multiple_of(every).then_some(Tick { value: *place as f64, label })
            };
            places.iter().enumerate().filter_map(tick).collect()
        }
        None => round(names, room),
    }
}

/// Where what the first letters of a date say changes.
fn beginnings(names: &[String], part: usize) -> Vec<usize> {
    let changes = names.windows(2).enumerate();
    changes
        .filter(|(_, pair)| pair[0].get(..part) != pair[1].get(..part))
        .map(|(place, _)| place + 1)
        .collect()
}

/// Places of round numbers, or each so many where names are no numbers.
fn round(names: &[String], room: f64) -> Vec<Tick> {
    let width = names.iter().map(|name| draw::width(name)).fold(0.0, f64::max);
    let every = nice(names.len() as f64 / fitting(room, width) as f64).max(1.0) as usize;
    let is_round = |place: usize| {
        let number = names[place].parse().unwrap_or(place);
        number.is_multiple_of(every)
    };
    let places = (0..names.len()).filter(|place| is_round(*place));
    places.map(|place| Tick { value: place as f64, label: names[place].clone() }).collect()
}

/// How many names of a width there is room for.
fn fitting(room: f64, width: f64) -> usize {
    (room / (width + APART)).max(1.0) as usize
}

fn is_date(name: &str) -> bool {
    let letters = name.as_bytes();
    letters.len() >= 10
        && letters[..10].iter().enumerate().all(|(place, letter)| match place {
            4 | 7 => *letter == b'-',
            _ => letter.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_short_as_they_can_be() {
        let months = |count: usize| -> Vec<String> {
            (0..count).map(|at| format!("{}-{:02}-01", 1958 + at / 12, at % 12 + 1)).collect()
        };
        let hours: Vec<String> =
            (20..70).map(|at| format!("2024-01-{:02} {:02}:00:00", 1 + at / 24, at % 24)).collect();
        let numbers: Vec<String> = (95..131).map(|at| at.to_string()).collect();
        let other: Vec<String> = (0..30).map(|at| format!("day {at} é")).collect();
        for (names, room, expected) in [
            (months(48), 340.0, "12=1959 24=1960 36=1961"),
            (months(400), 340.0, "24=1960 84=1965 144=1970 204=1975 264=1980 324=1985 384=1990"),
            (months(13), 340.0, "1=1958-02 4=1958-05 7=1958-08 10=1958-11"),
            (hours, 340.0, "1=2024-01-01 21:00 26=2024-01-02 22:00"),
            (numbers, 200.0, "5=100 15=110 25=120 35=130"),
            (other, 200.0, "0=day 0 é 20=day 20 é"),
            (Vec::new(), 200.0, ""),
        ] {
            let found = ticks(&names, room);
            let found: Vec<String> =
                found.iter().map(|tick| format!("{}={}", tick.value, tick.label)).collect();
            assert_eq!(found.join(" "), expected);
        }
    }
}
