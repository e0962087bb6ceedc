//! Opens what there is: folders, a list, or packed files, as training reads them.

use std::path::{Path, PathBuf};

use rekindle_data::{DataConfig, Gathered, Part, Row, Target, TargetKind, manifest};
use rekindle_images::{Parts, Source, lists, offer, packed, read_pictures};

use crate::{
    DataLayout, Error,
    contents::{Content, Contents, Item, relative, start},
    folder,
    noun::PICTURES,
};

/// What a part has: a picture, its name, the place of its label.
type Named = (Source, PathBuf, usize);

/// What is learned of the pictures: numbers of columns that are named, else labels.
pub(crate) fn kind(data: &Path, targets: &[String]) -> Result<TargetKind, Error> {
    if !targets.is_empty() {
        return Ok(TargetKind::Numbers);
    }
    let offer = offer(data)?;
    match (offer.kind(), offer.numbers.first()) {
        (TargetKind::Numbers, Some(column)) => {
            Err(Error::Unnamed { path: data.to_owned(), column: column.clone() })
        }
        (kind, _) => Ok(kind),
    }
}

/// All pictures of a data set with what is learned of them.
pub(crate) fn open<L: Target>(data: &Path, targets: &[String]) -> Result<Contents<L>, Error> {
    if manifest::is_manifest(data) {
        return listed(data, DataLayout::List, targets);
    }
    if data.is_file() {
        return Err(manifest::no_list(data).into());
    }
    let in_folders = || Parts::find(data).is_ok_and(|parts| parts.train != data);
    let has_lists = data.is_dir() && !lists(data)?.is_empty() && !in_folders();
    // Numbers are on lists alone.
    if has_lists || !targets.is_empty() {
        return listed(data, DataLayout::Folders, targets);
    }
    match packed::read(data)? {
        Some(packed::Rows { classes, train, test }) => Ok(of(
            DataLayout::Packed,
            classes,
            vec![(Part::Train, named(data, train)), (Part::Test, named(data, test))],
        )),
        None => folder::open(data),
    }
}

/// The pictures of a list, or of the lists in a folder.
fn listed<L: Target>(
    data: &Path,
    layout: DataLayout,
    targets: &[String],
) -> Result<Contents<L>, Error> {
    let config = DataConfig { targets: targets.to_vec(), ..DataConfig::new(data) };
    let Gathered { rows, names, .. } = read_pictures(&config, L::KIND)?;
    let names = names.unwrap_or_else(|| labels_of(&rows));
    let start = start(data, layout);
    let items = rows.into_iter().map(|row| {
        let target = target(&names, &row.labels, row.numbers);
        let (part, group) = (row.part, row.group);
        let file = rekindle_data::Item::path(&row.item);
        let file = file.map_or_else(PathBuf::new, |path| relative(path, start));
        Item { content: Content::Picture(row.item), file, part, target, group }
    });
    let items: Vec<Item<L>> = items.collect();
    let mut contents = of(layout, names, Vec::new());
    contents.fill(items);
    Ok(contents)
}

/// The labels of rows, each once and in byte order.
pub(crate) fn labels_of<I>(rows: &[Row<I>]) -> Vec<String> {
    let mut labels: Vec<String> = rows.iter().flat_map(|row| &row.labels).cloned().collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// What is learned of a row, by the names of what is learned.
pub(crate) fn target<L: Target>(names: &[String], labels: &[String], numbers: Vec<f32>) -> L {
    let search = |label| names.iter().position(|name| name == label).unwrap_or_default();
    // Most names are in byte order.
    let place = |label| names.binary_search(label).unwrap_or_else(|_| search(label));
    L::of(labels.iter().map(place).collect(), numbers)
}

impl<L> Contents<L> {
    /// Takes items in the order of their parts, of which there are those that have some, and one to train on.
    pub(crate) fn fill(&mut self, mut items: Vec<Item<L>>) {
        items.sort_by_key(|item| item.part);
        for part in [Part::Train, Part::Val, Part::Test] {
            if part == Part::Train || items.iter().any(|item| item.part == part) {
                self.parts.push((part, vec![true; self.names.len()]));
            }
        }
        self.items = items;
    }
}

fn named(folder: &Path, rows: Vec<packed::Row>) -> Vec<Named> {
    let named = rows.into_iter().map(|packed::Row { file, row, sample }| {
        let mut name = relative(&file, folder).into_os_string();
        name.push(format!("#{row}"));
        (sample.item, name.into(), sample.label)
    });
    named.collect()
}

/// All names are known in all parts, of which there are those that have pictures, and one to train on.
pub(crate) fn of<L: Target>(
    layout: DataLayout,
    names: Vec<String>,
    parts: Vec<(Part, Vec<Named>)>,
) -> Contents<L> {
    let mut contents = Contents {
        layout,
        noun: PICTURES,
        parts: Vec::new(),
        items: Vec::new(),
        loose: Vec::new(),
        others: Vec::new(),
        unread: Vec::new(),
        names,
    };
    for (part, pictures) in parts {
        if part == Part::Train || !pictures.is_empty() {
            contents.parts.push((part, vec![true; contents.names.len()]));
        }
        let item = |(source, file, label)| {
            let target = L::of(vec![label], Vec::new());
            Item { content: Content::Picture(source), file, part, target, group: String::new() }
        };
        contents.items.extend(pictures.into_iter().map(item));
    }
    contents
}
