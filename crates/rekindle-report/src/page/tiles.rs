//! The few figures that sum up a run, side by side.

/// A figure that sums up a run: its name, its value, and what to hold it against, which may hold markup.
pub(super) type Tile = (String, String, String);

/// Nothing where there are none.
pub(super) fn list(tiles: &[Tile]) -> String {
    if tiles.is_empty() {
        return String::new();
    }
    let tile = |(name, value, about): &Tile| {
        format!("<div><dt>{name}</dt><dd><b>{value}</b><span>{about}</span></dd></div>")
    };
    format!("<dl class=\"tiles\">{}</dl>\n", tiles.iter().map(tile).collect::<String>())
}
