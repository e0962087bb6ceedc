//! Which files are pictures: by their extensions where those are known, else by their first bytes, so that only files of unknown
//! extensions are opened.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rekindle_base::open_regular;
use rekindle_data::folder::FileKind;

use crate::decode;

/// Extensions of files taken as pictures, whatever their case; the content decides how they are decoded.
pub const EXTENSIONS: &[&str] = &[
    "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff",
    "webp",
];

/// Extensions of files that stand beside pictures and are none, which are not opened to see.
const OTHERS: &[&str] = &[
    "csv", "db", "htm", "html", "ini", "ipynb", "json", "jsonl", "log", "mat", "md", "npy", "npz",
    "parquet", "pdf", "pkl", "py", "tsv", "txt", "xml", "yaml", "yml", "zip",
];

/// Most bytes that tell a picture.
const SNIFFED: u64 = 64;

/// Files that are pictures, by their names or their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureFiles;

impl FileKind for PictureFiles {
    const ONE: &'static str = "picture";
    const MANY: &'static str = "pictures";

    fn is(path: &Path) -> bool {
        let extension =
            path.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some(extension) if EXTENSIONS.contains(&extension) => true,
            Some(extension) if OTHERS.contains(&extension) => false,
            _ => holds_picture(path),
        }
    }
}

/// Whether the first bytes of a file are a picture's. What is no file is not opened: a pipe would be waited on for ever.
fn holds_picture(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = |file: File| file.take(SNIFFED).read_to_end(&mut start).is_ok();
    open_regular(path).is_ok_and(read) && decode::is_picture(&start)
}
