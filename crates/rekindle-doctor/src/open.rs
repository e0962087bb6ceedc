//! Opens what there is: folders, a list, or packed files, as training reads them.

use std::path::{Path, PathBuf};

use rekindle_data::{DataConfig, Gathered, Part, TargetKind, manifest};
use rekindle_images::{Parts, Source, lists, packed, read_pictures};

use crate::{
    Error, Layout,
    contents::{Contents, Item, relative, start},
    folder,
};

/// What a part has: a picture, its name, the place of its label.
type Named = (Source, PathBuf, usize);

pub(crate) fn open(data: &Path) -> Result<Contents, Error> {
    if manifest::is_manifest(data) {
        return listed(data, Layout::List);
    }
    if data.is_file() {
        return Err(manifest::no_list(data).into());
    }
    let in_folders = || Parts::find(data).is_ok_and(|parts| parts.train != data);
    if data.is_dir() && !lists(data)?.is_empty() && !in_folders() {
        return listed(data, Layout::Folders);
    }
    match packed::read(data)? {
        Some(packed::Rows { classes, train, test }) => Ok(of(
            Layout::Packed,
            classes,
            vec![(Part::Train, named(data, train)), (Part::Test, named(data, test))],
        )),
        None => folder::open(data),
    }
}

/// The pictures of a list, or of the lists in a folder.
fn listed(data: &Path, layout: Layout) -> Result<Contents, Error> {
    let Gathered { rows, .. } = read_pictures(&DataConfig::new(data), TargetKind::Label)?;
    let mut labels: Vec<String> = rows.iter().flat_map(|row| &row.labels).cloned().collect();
    labels.sort_unstable();
    labels.dedup();
    let start = start(data, layout);
    let items = rows.into_iter().map(|row| {
        let label = row.labels.first().and_then(|label| labels.binary_search(label).ok());
        let (part, group, label) = (row.part, row.group, label.unwrap_or_default());
        let file = match &row.item {
            Source::File(path) => relative(path, start),
            Source::Memory(_) => PathBuf::new(),
        };
        Item { source: row.item, file, part, label, group }
    });
    let mut items: Vec<Item> = items.collect();
    items.sort_by_key(|item| item.part);
    let mut contents = of(layout, labels, Vec::new());
    for part in [Part::Train, Part::Val, Part::Test] {
        if part == Part::Train || items.iter().any(|item| item.part == part) {
            contents.parts.push((part, vec![true; contents.labels.len()]));
        }
    }
    contents.items = items;
    Ok(contents)
}

fn named(folder: &Path, rows: Vec<packed::Row>) -> Vec<Named> {
    let named = rows.into_iter().map(|packed::Row { file, row, sample }| {
        let mut name = relative(&file, folder).into_os_string();
        name.push(format!("#{row}"));
        (sample.item, name.into(), sample.label)
    });
    named.collect()
}

/// All labels are known in all parts, of which there are those that have pictures, and one to train on.
fn of(layout: Layout, labels: Vec<String>, parts: Vec<(Part, Vec<Named>)>) -> Contents {
    let mut contents = Contents {
        layout,
        parts: Vec::new(),
        items: Vec::new(),
        loose: Vec::new(),
        others: Vec::new(),
        unread: Vec::new(),
        labels,
    };
    for (part, pictures) in parts {
        if part == Part::Train || !pictures.is_empty() {
            contents.parts.push((part, vec![true; contents.labels.len()]));
        }
        let item = |(source, file, label)| Item { source, file, part, label, group: String::new() };
        contents.items.extend(pictures.into_iter().map(item));
    }
    contents
}
