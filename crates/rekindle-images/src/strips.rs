//! Data sets of small pictures in strips: PNG files in which each row of pixels is a picture.
//!
//! | file | what is in it |
//! |---|---|
//! | `classes.txt` | the labels, one a line, in the order of their numbers |
//! | `train_*.png` | a square picture a row: its pixels, row by row, `[side * side]` of a row's width |
//! | `train_*.labels.txt` | the number of each picture's label, one a line |
//! | `test_*.png`, `test_*.labels.txt` | the same, to measure on; may be missing |
//!
//! A browser can read such a file, which is why demonstrations in JavaScript have CIFAR-10 in this form:
//! <https://github.com/karpathy/convnetjs>.

use std::path::{Path, PathBuf};

use crate::{
    Error, Picture, decode,
    rows::{MAX_PACKED, Row, Rows, by_label, lines, rows},
};

const CLASSES: &str = "classes.txt";

/// The pictures of a folder, if it holds strips to train on and the names of their labels.
pub(crate) fn open(folder: &Path) -> Result<Option<Rows>, Error> {
    let names = folder.join(CLASSES);
    if !names.is_file() || files(folder, "train")?.is_empty() {
        return Ok(None);
    }
    let classes = lines(&names)?;
    if classes.len() < 2 {
        return Err(wrong(&names, "names fewer than two labels; write one a line".to_owned()));
    }
    let part = |part: &str| -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for file in files(folder, part)? {
            rows.extend(strip(&file, classes.len())?);
        }
        Ok(by_label(rows))
    };
    let (train, test) = (part("train")?, part("test")?);
    Ok(Some(Rows { classes, train, test }))
}

/// The strips of a part, in the order of their names.
fn files(folder: &Path, part: &str) -> Result<Vec<PathBuf>, Error> {
    let read = |source| Error::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let inside = name.strip_prefix(part).is_some_and(|rest| rest.starts_with('_'));
        if inside && name.ends_with(".png") && labels_of(&path).is_file() {
            found.push(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn labels_of(strip: &Path) -> PathBuf {
    strip.with_extension("labels.txt")
}

/// The pictures of a file, a row each.
fn strip(path: &Path, classes: usize) -> Result<Vec<Row>, Error> {
    let labels = labels_of(path);
    let numbers = lines(&labels)?;
    if numbers.len() > MAX_PACKED {
        let count = numbers.len();
        return Err(wrong(
            &labels,
            format!("has {count} labels, more than the limit of {MAX_PACKED}"),
        ));
    }
    let sheet = decode(path)?;
    let (width, channels) = (sheet.width(), sheet.channels());
    let side = width.isqrt();
    if side * side != width {
        let problem = format!(
            "its rows have {width} pixels, which are no square; give one square picture a row"
        );
        return Err(wrong(path, problem));
    }
    if numbers.len() != sheet.height() {
        let problem = format!(
            "has {} labels for {} pictures; give one a line",
            numbers.len(),
            sheet.height()
        );
        return Err(wrong(&labels, problem));
    }
    let lines = sheet.pixels().chunks_exact(width * channels);
    let picture = |(row, number): (&[u8], String)| {
        let label = number.parse().ok().filter(|&label: &usize| label < classes);
        let label = label.ok_or_else(|| {
            wrong(&labels, format!("`{number}` is no label; {CLASSES} names 0 to {}", classes - 1))
        })?;
        Ok((Picture::of(side, side, channels, row.to_vec()), label))
    };
    let pictures: Result<Vec<_>, Error> = lines.zip(numbers).map(picture).collect();
    Ok(rows(path, pictures?))
}

fn wrong(path: &Path, problem: String) -> Error {
    Error::Folder { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use rekindle_data::{DataConfig, Part};

    use crate::{Error, Measurable, measure_pictures, open_pictures};

    fn measurable(folder: &Path, part: Option<Part>) -> Result<Measurable, Error> {
        measure_pictures(&DataConfig::new(folder), part)
    }

    /// Strips of 2 x 2 pictures, which are as bright as their number.
    fn folder(train: usize, test: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CLASSES), "even\nodd\n").unwrap();
        for (part, count) in [("train_0", train), ("test_0", test)] {
            if count == 0 {
                continue;
            }
            let pixels = (0..count).flat_map(|k| [k as u8; 12]).collect();
            let image = image::RgbImage::from_raw(4, count as u32, pixels).unwrap();
            image.save(folder.path().join(format!("{part}.png"))).unwrap();
            let labels: String = (0..count).map(|k| format!("{}\n", k % 2)).collect();
            fs::write(folder.path().join(format!("{part}.labels.txt")), labels).unwrap();
        }
        folder
    }

    #[test]
    fn a_row_is_a_picture_and_its_label_is_a_line() {
        let folder = folder(10, 4);
        let found = open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap();
        assert_eq!(found.names, ["even", "odd"]);
        assert_eq!([found.train.len(), found.val.len(), found.test.len()], [8, 2, 4]);
        for sample in found.train.iter().chain(&found.val).chain(&found.test) {
            let crate::Source::Memory(picture) = &sample.item else { panic!("a file") };
            assert_eq!([picture.width(), picture.height(), picture.channels()], [2, 2, 3]);
            assert_eq!(usize::from(picture.pixels()[0]) % 2, sample.label);
        }
        let measured = measurable(folder.path(), None).unwrap();
        assert_eq!((measured.part, measured.samples.len()), (Part::Test, 4));
        assert!(measurable(folder.path(), Some(Part::Val)).is_err());
        assert_eq!(measurable(folder.path(), Some(Part::All)).unwrap().samples.len(), 14);
    }

    #[test]
    fn without_a_test_all_is_measured_on() {
        let folder = folder(6, 0);
        let found = measurable(folder.path(), None).unwrap();
        assert_eq!((found.part, found.samples.len()), (Part::Train, 6));
        assert!(measurable(folder.path(), Some(Part::Test)).is_err());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let cases: [(&str, &str, &str); 4] = [
            (CLASSES, "one", "fewer than two labels"),
            ("train_0.labels.txt", "0\n1\n", "has 2 labels for 4 pictures"),
            ("train_0.labels.txt", "0\n1\n0\n2\n", "`2` is no label"),
            ("train_0.labels.txt", "0\n1\n0\nx\n", "`x` is no label"),
        ];
        for (file, text, expected) in cases {
            let folder = folder(4, 0);
            fs::write(folder.path().join(file), text).unwrap();
            let error =
                open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(file), "{error}");
        }
        let folder = folder(4, 0);
        image::RgbImage::new(5, 4).save(folder.path().join("train_0.png")).unwrap();
        let error =
            open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap_err().to_string();
        assert!(error.contains("5 pixels, which are no square"), "{error}");
    }
}
