//! The pen that all charts share: text and its width, the palette, dashes and markers.

use crate::markup::escape;

/// The size of a chart's text, in pixels.
pub(super) const TEXT: f64 = 12.0;

/// Colors that a page may replace, by its variables `--series-0` to `--series-7`. Each is told from
/// white and from near-black at a contrast of three to one.
const COLORS: [&str; 8] =
    ["#2a78d6", "#d9570d", "#16877a", "#8250c4", "#c93a76", "#8f6d00", "#3f7d20", "#b4483f"];
/// As many as colors and markers leave no two of the first twenty series alike.
const DASHES: [&str; 4] = ["", "6 3", "2 2.5", "8 3 2 3"];
/// Paths around the point that they mark.
const MARKERS: [&str; 4] = [
    "m-2.8 0a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0",
    "m-2.5-2.5h5v5h-5z",
    "m0-3.4l3.2 5.8h-6.4z",
    "m0-3.6l3.4 3.6l-3.4 3.6l-3.4-3.6z",
];

/// Where a text stands from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// The whole chart, with what a screen reader says in its place.
pub(super) fn svg(width: f64, height: f64, spoken: &str, content: &str) -> String {
    let spoken = escape(spoken);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{spoken}\" \
         font-family=\"system-ui,sans-serif\" font-size=\"{TEXT}\" fill=\"currentColor\">{content}</svg>"
    )
}

/// A line of text in full ink.
pub(super) fn text(x: f64, y: f64, anchor: Anchor, words: &str) -> String {
    written(x, y, anchor, "", words)
}

/// A line of text in less ink.
pub(super) fn faint(x: f64, y: f64, anchor: Anchor, words: &str) -> String {
    written(x, y, anchor, " fill-opacity=\".68\"", words)
}

/// The title of a chart.
pub(super) fn heading(words: &str, width: f64) -> String {
    let words = shortened(words, width * 0.9);
    written(0.0, 14.0, Anchor::Start, " font-weight=\"600\" font-size=\"13\"", &words)
}

fn written(x: f64, y: f64, anchor: Anchor, attributes: &str, words: &str) -> String {
    let anchor = match anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\"{anchor}{attributes}>{}</text>", escape(words))
}

/// A straight line of the frame, in this share of full ink.
pub(super) fn rule(from: (f64, f64), to: (f64, f64), ink: f64) -> String {
    let ((x1, y1), (x2, y2)) = (from, to);
    format!(
        "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"currentColor\" stroke-opacity=\"{ink}\"/>"
    )
}

/// Something that shows `words` while it is pointed at; `shape` is what is pointed at.
pub(super) fn hint(words: &str, shape: &str) -> String {
    format!("<g class=\"hit\"><title>{}</title>{shape}</g>", escape(words))
}

/// The color of a place in the palette, as a presentation attribute takes it: pages forbid styles in attributes.
pub(super) fn color(place: usize) -> String {
    let place = place % COLORS.len();
    format!("var(--series-{place},{})", COLORS[place])
}

/// The attributes of a line of this place in the palette.
pub(super) fn stroke(place: usize) -> String {
    // Shifted by one every turn of the colors, so that the same pair comes back late.
    let dash = DASHES[(place + place / COLORS.len()) % DASHES.len()];
    let color = color(place);
    let dash =
        if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
    format!("fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-linejoin=\"round\"{dash}")
}

/// Markers of this place in the palette, at all of these points.
pub(super) fn markers(place: usize, points: &[(f64, f64)]) -> String {
    if points.is_empty() {
        return String::new();
    }
    let marker = MARKERS[(place + place / COLORS.len()) % MARKERS.len()];
    let path: String = points.iter().map(|(x, y)| format!("M{x:.1} {y:.1}{marker}")).collect();
    format!("<path d=\"{path}\" fill=\"{}\"/>", color(place))
}

/// A piece of a line of this place in the palette, from `x` on at height `y`.
pub(super) fn sample(x: f64, y: f64, place: usize) -> String {
    let line = format!("<path d=\"M{x:.1} {y:.1}h24\" {}/>", stroke(place));
    line + &markers(place, &[(x + 12.0, y)])
}

/// The sample as a picture of its own, to stand in a line of text.
pub(crate) fn swatch(place: usize) -> String {
    let content = sample(1.0, 6.0, place);
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 26 12\" width=\"26\" height=\"12\" aria-hidden=\"true\">{content}</svg>"
    )
}

/// The attributes of an area of this place in the palette, as dark as so many of them over each other.
pub(super) fn shade(place: usize, layers: usize) -> String {
    const OPACITY: f64 = 0.17;
    let opacity = 1.0 - (1.0 - OPACITY).powi(layers.min(20) as i32);
    format!("fill=\"{}\" fill-opacity=\"{opacity:.2}\"", color(place))
}

/// A piece of such an area as a picture of its own.
pub(crate) fn area_swatch(place: usize, layers: usize) -> String {
    let shade = shade(place, layers);
    format!(
        "<svg class=\"swatch\" viewBox=\"0 0 26 12\" width=\"26\" height=\"12\" aria-hidden=\"true\"><rect width=\"26\" height=\"12\" {shade}/></svg>"
    )
}

/// About how wide a text is. No font is at hand, so it goes by DejaVu Sans, a wide one.
pub(super) fn width(words: &str) -> f64 {
    let share = |letter: char| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.34,
        'f' | 't' | 'r' => 0.41,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.97,
        'A'..='Z' => 0.70,
        _ if letter.is_ascii() => 0.63,
        '\u{300}'..='\u{36f}' => 0.0,
        '\u{80}'..='\u{2e7f}' => 0.66,
        _ => 1.05,
    };
    words.chars().map(share).sum::<f64>() * TEXT
}

/// The text, cut where it would be wider than `limit`.
pub(super) fn shortened(words: &str, limit: f64) -> String {
    if width(words) <= limit {
        return words.to_owned();
    }
    let mut short = String::new();
    for letter in words.chars() {
        short.push(letter);
        if width(&short) + TEXT > limit {
            short.pop();
            break;
        }
    }
    format!("{}…", short.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_twenty_series_look_alike() {
        let mut looks: Vec<String> = (0..20).map(|place| sample(0.0, 0.0, place)).collect();
        looks.sort();
        looks.dedup();
        assert_eq!(looks.len(), 20);
    }

    /// The Web Content Accessibility Guidelines 2.2 ask for 3:1, success criterion 1.4.11.
    #[test]
    fn every_color_is_told_from_light_and_from_dark_ground() {
        let light = |color: &str| {
            let channel = |place: usize| {
                let share =
                    f64::from(u8::from_str_radix(&color[place..place + 2], 16).unwrap()) / 255.0;
                if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        for color in COLORS {
            let color = light(color);
            assert!((light("#ffffff") + 0.05) / (color + 0.05) >= 3.0, "{color} on white");
            assert!((color + 0.05) / (light("#131518") + 0.05) >= 3.0, "{color} on dark");
        }
    }

    #[test]
    fn texts_are_cut_to_fit() {
        assert_eq!(shortened("cat", 100.0), "cat");
        let long = shortened(&"wide ".repeat(40), 100.0);
        assert!(long.ends_with('…') && width(&long) <= 100.0, "{long}");
        assert_eq!(shortened("猫猫猫", 0.0), "…");
    }
}
