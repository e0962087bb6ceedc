use image::{DynamicImage, RgbImage, RgbaImage};
use rekindle_images::other_kind;

use super::*;

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A file of each format, with and without alpha where it may have that.
fn files() -> Vec<(Format, Header, Vec<u8>)> {
    let opaque = || RgbImage::from_fn(30, 20, |x, y| image::Rgb([x as u8, y as u8, 9]));
    let clear = || RgbaImage::from_fn(30, 20, |x, y| image::Rgba([x as u8, y as u8, 9, 100]));
    let (plain, alpha) = (Header::default(), Header { alpha: true, ..Header::default() });
    vec![
        (Format::Bmp, plain, encoded(opaque(), ImageFormat::Bmp)),
        (Format::Bmp, alpha, encoded(clear(), ImageFormat::Bmp)),
        (Format::Jpeg, plain, encoded(opaque(), ImageFormat::Jpeg)),
        (Format::Png, plain, encoded(opaque(), ImageFormat::Png)),
        (Format::Png, alpha, encoded(clear(), ImageFormat::Png)),
        (Format::Tiff, plain, encoded(opaque(), ImageFormat::Tiff)),
        (Format::Tiff, alpha, encoded(clear(), ImageFormat::Tiff)),
        (Format::WebP, plain, encoded(opaque(), ImageFormat::WebP)),
        (Format::WebP, alpha, encoded(clear(), ImageFormat::WebP)),
    ]
}

#[test]
fn whole_files_say_what_they_are() {
    for (format, expected, bytes) in files() {
        assert_eq!(Format::of(&bytes), Some(format));
        assert_eq!(Header::read(&bytes, format), expected, "{format:?}");
        assert_eq!(Format::named(format.names()[1]), Some(format));
        assert_eq!(other_kind(&bytes), None);
    }
}

#[test]
fn a_frame_of_four_components_is_cmyk() {
    let jpeg = |components: u8| {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xff, 0xc0, 0, 8 + 3 * components, 8, 0, 9, 0, 9];
        bytes.push(components);
        bytes.resize(bytes.len() + 3 * usize::from(components), 1);
        [&bytes[..], &[0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9]].concat()
    };
    for (components, cmyk) in [(1, false), (3, false), (4, true)] {
        let expected = Header { cmyk, ..Header::default() };
        assert_eq!(Header::read(&jpeg(components), Format::Jpeg), expected);
    }
}

/// A TIFF of a directory alone, little-endian: tags, each a type and its values.
fn tiff(big: bool, tags: &[(u16, u16, &[u16])]) -> Vec<u8> {
    let place = |value: usize| value.to_le_bytes()[..if big { 8 } else { 4 }].to_vec();
    let [head, inline] = if big { [16, 8] } else { [8, 4] };
    let mut bytes = if big { b"II+\0\x08\0\0\0".to_vec() } else { b"II*\0".to_vec() };
    bytes.extend(place(head));
    bytes.extend(&tags.len().to_le_bytes()[..if big { 8 } else { 2 }]);
    let end = bytes.len() + tags.len() * (4 + 2 * inline) + inline;
    let mut long = Vec::new();
    for (tag, kind, values) in tags {
        bytes.extend([tag, kind].map(|value| value.to_le_bytes()).concat());
        bytes.extend(place(values.len()));
        let width = if *kind == 3 { 2 } else { 4 };
        let written: Vec<u8> = values
            .iter()
            .flat_map(|value| u64::from(*value).to_le_bytes()[..width].to_vec())
            .collect();
        let next = bytes.len() + inline;
        if written.len() > inline {
            bytes.extend(place(end + long.len()));
            long.extend(written);
        } else {
            bytes.extend(written);
        }
        bytes.resize(next, 0);
    }
    bytes.extend(place(0));
    [bytes, long].concat()
}

#[test]
fn directories_old_and_big_say_the_same() {
    let none = Header::default();
    for (tags, expected) in [
        (&[(258_u16, 3_u16, &[8_u16, 8, 8][..]), (262, 3, &[2]), (277, 3, &[3])][..], none),
        (
            &[(258, 3, &[16; 5]), (262, 3, &[5]), (277, 3, &[5])],
            Header { cmyk: true, sixteen: true, ..none },
        ),
        (&[(258, 3, &[8; 4]), (262, 3, &[2]), (277, 3, &[4])], Header { alpha: true, ..none }),
        (&[(262, 3, &[2]), (277, 3, &[4]), (338, 3, &[0])], none),
        (&[(262, 3, &[1]), (277, 3, &[2]), (338, 3, &[2])], Header { alpha: true, ..none }),
        (&[(274, 3, &[6])], Header { rotated: true, ..none }),
        (&[(274, 4, &[8])], Header { rotated: true, ..none }),
        (&[(274, 3, &[1])], none),
    ] {
        for big in [false, true] {
            let bytes = tiff(big, tags);
            assert_eq!(Format::of(&bytes), Some(Format::Tiff));
            assert_eq!(Header::read(&bytes, Format::Tiff), expected, "{big} {tags:?}");
            for end in 0..bytes.len() {
                Header::read(&bytes[..end], Format::Tiff);
            }
        }
    }
}

#[test]
fn bytes_are_not_trusted() {
    let mut random = rekindle_data::Random::new(7, 0, 0);
    for (format, _, whole) in files() {
        for length in 0..whole.len() {
            let header = Header::read(&whole[..length], format);
            // A BMP does not say; the others are cut wherever they end early.
            assert!(header.cut || format == Format::Bmp, "{format:?} {length}");
        }
        for _ in 0..2000 {
            let mut bytes = whole.clone();
            let reach = if random.below(2) == 0 { 64 } else { bytes.len() };
            (0..1 + random.below(4))
                .for_each(|_| bytes[random.below(reach)] = random.below(256) as u8);
            bytes.truncate(random.below(bytes.len() + 1));
            for format in [Format::Gif, format] {
                Header::read(&bytes, format);
            }
        }
    }
}

#[test]
fn what_is_no_picture_is_named() {
    for (bytes, expected) in [
        (&b"\0\0\0\x18ftypheic"[..], Some("an HEIC picture")),
        (b"\0\0\0\x1cftypavif", Some("an AVIF picture")),
        (b"  \n<!DOCTYPE HTML>", Some("a page of HTML")),
        (b"<?xml version=\"1.0\"?><svg>", Some("an SVG drawing")),
        (b"{\"error\": 404}", Some("a JSON text")),
        (b"%PDF-1.7", Some("a PDF")),
        (
            b"version https://git-lfs.github.com/spec/v1",
            Some("a Git LFS pointer, whose picture was not fetched"),
        ),
        (b"", None),
        (b"\0\0\0", None),
    ] {
        assert_eq!(other_kind(bytes), expected);
        assert_eq!(Format::of(bytes), None);
    }
}
