//! Opens what there is: folders, a list, or packed files, as training reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rekindle_data::manifest::{self, Manifest};
use rekindle_data::{Part, Sample};
use rekindle_images::{Source, packed};

use crate::{
    Error, Layout,
    contents::{Contents, Item, relative, start},
    folder,
    list::List,
};

/// What a part has: a picture, its name, the place of its label.
type Named = (Source, PathBuf, usize);

pub(crate) fn open(data: &Path) -> Result<Contents, Error> {
    if manifest::is_manifest(data) {
        return listed(data);
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

fn listed(list: &Path) -> Result<Contents, Error> {
    let Manifest { classes, train, val, test, .. } = manifest::open(list)?;
    let start = start(list, Layout::List);
    let named = |sample: Sample| {
        let file = relative(&sample.item, start);
        (Source::File(sample.item), file, sample.label)
    };
    let parts = [(Part::Train, train), (Part::Val, val), (Part::Test, test)]
        .map(|(part, samples)| (part, samples.into_iter().map(named).collect()));
    let mut contents = of(Layout::List, classes, parts.into());
    let lines = List::open(list)?;
    let groups: BTreeMap<PathBuf, &str> =
        lines.lines().map(|line| (lines.file(line), lines.group(line))).collect();
    for item in &mut contents.items {
        item.group = groups.get(&item.file).map_or_else(String::new, |group| (*group).to_owned());
    }
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
