//! What the first bytes of a file may be of, where they are of no picture that is read.

/// What a file is instead of a picture that is read, as far as its first bytes tell.
pub fn other_kind(bytes: &[u8]) -> Option<&'static str> {
    const KINDS: &[(usize, &[u8], &str)] = &[
        (4, b"ftypavif", "an AVIF picture"),
        (4, b"ftypavis", "an AVIF picture"),
        (4, b"ftyphei", "an HEIC picture"),
        (4, b"ftyphev", "an HEIC picture"),
        (4, b"ftypmif1", "an HEIF picture"),
        (4, b"ftypmsf1", "an HEIF picture"),
        (4, b"ftyp", "a film"),
        (0, b"\x1a\x45\xdf\xa3", "a film"),
        (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
        (0, b"\xff\x0a", "a JPEG XL picture"),
        (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
        (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
        (0, b"8BPS", "a Photoshop file"),
        (0, b"\x00\x00\x01\x00", "a Windows icon"),
        (0, b"DDS ", "a DirectDraw surface"),
        (0, b"v/1\x01", "an OpenEXR picture"),
        (0, b"qoif", "a QOI picture"),
        (0, b"%PDF", "a PDF"),
        (0, b"%!PS", "a PostScript file"),
        (0, b"PK\x03\x04", "a ZIP archive"),
        (0, b"\x1f\x8b", "a gzip archive"),
        (0, b"version https://git-lfs", "a Git LFS pointer, whose picture was not fetched"),
    ];
    /// What texts begin with, behind blanks, in lower case.
    const TEXTS: &[(&[u8], &str)] = &[
        (b"<!doctype html", "a page of HTML"),
        (b"<html", "a page of HTML"),
        (b"<head", "a page of HTML"),
        (b"<svg", "an SVG drawing"),
        (b"{", "a JSON text"),
        (b"[", "a JSON text"),
    ];
    let is = |&&(at, mark, _): &&(usize, &[u8], &str)| {
        bytes.get(at..).is_some_and(|rest| rest.starts_with(mark))
    };
    if let Some((_, _, name)) = KINDS.iter().find(is) {
        return Some(name);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let start = text[..text.len().min(1024)].to_ascii_lowercase();
    let names =
        |mark: &[u8]| TEXTS.iter().find(|(text, _)| mark.starts_with(text)).map(|row| row.1);
    if start.starts_with(b"<?xml") || start.starts_with(b"<!--") {
        // Its first element tells.
        let holds = |mark: &[u8]| start.windows(mark.len()).any(|window| window == mark);
        return Some(match (holds(b"<svg"), holds(b"<html")) {
            (true, _) => "an SVG drawing",
            (_, true) => "a page of HTML",
            _ => "an XML text",
        });
    }
    names(&start)
}
