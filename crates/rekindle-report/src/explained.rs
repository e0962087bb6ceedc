//! Items that were named, each with what a model takes it for and what in it spoke for that.

use crate::{
    Gallery, ItemKind,
    markup::escape,
    page::{card, document, layout, marked, section},
};

/// Items and what in them spoke for an answer as one page of HTML. It fetches nothing and reads the same with scripts turned off.
pub fn explained(title: &str, gallery: &Gallery, items: ItemKind) -> String {
    let lead = format!("<p class=\"lead\">{}</p>\n", escape(&gallery.text));
    let shown: String = gallery.pictures.iter().map(|it| card(it, items)).collect();
    let shown = format!("<div class=\"{}\">{shown}</div>\n", layout(items));
    let key = marked(&gallery.pictures);
    document(title, &lead, &[section("explained", "Answers", &(key.to_owned() + &shown))])
}
