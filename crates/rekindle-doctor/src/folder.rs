//! Which files there are: as the loader reads a folder, but what the loader refuses is kept to be reported.

use std::path::{Path, PathBuf};

use rekindle_data::{Part, Target};
use rekindle_images::{Error as ImageError, Listing, MAX_DEPTH, Parts, Source, label_of};

use crate::{
    DataLayout, Error,
    contents::{Content, Contents, Item, relative},
    noun::PICTURES,
};

/// A label's folder: the part, the label, the pictures.
type Labelled = (Part, String, Vec<PathBuf>);

pub(crate) fn open<L: Target>(folder: &Path) -> Result<Contents<L>, Error> {
    let found = Parts::find(folder)?;
    let parts: Vec<(Part, PathBuf)> =
        found.each().into_iter().map(|(part, path)| (part, path.to_owned())).collect();
    let mut walk = Walk::default();
    let mut unread = Vec::new();
    let mut labelled: Vec<Labelled> = Vec::new();
    for (part, path) in &parts {
        let mut above = vec![canonical(path)?];
        let inside = Listing::of_labels(path)?;
        walk.others.extend(inside.others);
        walk.loose.extend(inside.files);
        for class in inside.folders {
            let label = label_of(&class);
            let mut pictures = Vec::new();
            walk.descend(&class, &mut above, &mut pictures)?;
            labelled.push((*part, label, pictures));
        }
    }
    if parts.iter().all(|(_, path)| path != folder) {
        let beside = Listing::of(folder)?;
        walk.others.extend(beside.others);
        walk.loose.extend(beside.files);
        for path in found.unlabelled.iter().chain(&found.beside) {
            let mut pictures = Vec::new();
            Walk::default().descend(path, &mut Vec::new(), &mut pictures)?;
            unread.push((relative(path, folder), pictures.len()));
        }
    }
    if labelled.iter().all(|(_, _, pictures)| pictures.is_empty()) {
        let (path, loose) = (folder.to_owned(), walk.loose.len() + walk.others.len());
        return Err(Error::Nothing { path, loose });
    }
    let mut labels: Vec<String> = labelled.iter().map(|(_, label, _)| label.clone()).collect();
    labels.sort_unstable();
    labels.dedup();
    let has = |part: Part| {
        let there = |label: &String| {
            labelled.iter().any(|(other, name, _)| *other == part && name == label)
        };
        labels.iter().map(there).collect()
    };
    let has: Vec<(Part, Vec<bool>)> = parts.iter().map(|(part, _)| (*part, has(*part))).collect();
    let both = |path: PathBuf| {
        let file = relative(&path, folder);
        (path, file)
    };
    let items = labelled.into_iter().flat_map(|(part, label, pictures)| {
        let label = labels.binary_search(&label).unwrap_or_default();
        pictures.into_iter().map(move |path| (part, label, path))
    });
    let items = items
        .map(|(part, label, path)| {
            let (file, source) = (relative(&path, folder), Source::File(path));
            let target = L::of(vec![label], Vec::new());
            Item { content: Content::Picture(source), file, part, target, group: String::new() }
        })
        .collect();
    let loose = walk.loose.into_iter().map(both).collect();
    let others = walk.others.into_iter().map(both).collect();
    let (layout, names) = (DataLayout::Folders, labels);
    Ok(Contents { layout, noun: PICTURES, names, parts: has, items, loose, others, unread })
}

#[derive(Default)]
struct Walk {
    loose: Vec<PathBuf>,
    others: Vec<PathBuf>,
}

impl Walk {
    /// Adds the pictures below a folder; `above` are the folders that it is in, links resolved.
    fn descend(
        &mut self,
        folder: &Path,
        above: &mut Vec<PathBuf>,
        pictures: &mut Vec<PathBuf>,
    ) -> Result<(), Error> {
        let real = canonical(folder)?;
        if above.contains(&real) {
            return Err(Error::Loop { link: folder.to_owned(), to: real });
        }
        if above.len() > MAX_DEPTH {
            let problem = format!("more than {MAX_DEPTH} folders deep; move the pictures up");
            return Err(ImageError::Folder { path: folder.to_owned(), problem }.into());
        }
        above.push(real);
        let inside = Listing::of(folder)?;
        pictures.extend(inside.files);
        self.others.extend(inside.others);
        for inner in inside.folders {
            self.descend(&inner, above, pictures)?;
        }
        above.pop();
        Ok(())
    }
}

fn canonical(path: &Path) -> Result<PathBuf, Error> {
    Ok(path.canonicalize().map_err(|source| ImageError::Read { path: path.to_owned(), source })?)
}
