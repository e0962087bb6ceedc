//! Compressed samples: of few kinds are there encoders at hand.

use std::io::Write;

use fax::encoder::Encoder;
use fax::maps::{EOL, black, white};
use fax::{BitWriter, Color, VecWriter};
use image::{ImageEncoder, RgbImage, codecs::jpeg::JpegEncoder};

/// A Zstandard frame of one block that is stored (RFC 8878, 3.1.1).
pub(crate) fn zstandard(samples: &[u8]) -> Vec<u8> {
    let length = samples.len() as u32;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, length as u8];
    frame.extend(&(length << 3 | 1).to_le_bytes()[..3]);
    frame.extend(samples);
    frame
}

pub(crate) fn deflate(samples: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(samples).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn lzw(samples: &[u8]) -> Vec<u8> {
    weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8).encode(samples).unwrap()
}

/// Rows of black (`#`) and white, each from a byte's first bit on.
pub(crate) fn huffman(rows: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        let mut writer = VecWriter::new();
        runs(&mut writer, row);
        bytes.extend(writer.finish());
    }
    bytes
}

/// Rows behind an end of line each.
pub(crate) fn group_3(rows: &[&str]) -> Vec<u8> {
    let mut writer = VecWriter::new();
    for row in rows {
        writer.write(EOL).unwrap();
        runs(&mut writer, row);
    }
    writer.finish()
}

fn runs(writer: &mut VecWriter, row: &str) {
    let mut rest = row;
    for is_white in [true, false].into_iter().cycle() {
        if rest.is_empty() {
            return;
        }
        let run = rest.chars().take_while(|pixel| (*pixel != '#') == is_white).count();
        let encode = if is_white { white::encode } else { black::encode };
        if run >= 64 {
            writer.write(encode(run as u16 / 64 * 64).unwrap()).unwrap();
        }
        writer.write(encode(run as u16 % 64).unwrap()).unwrap();
        rest = &rest[run..];
    }
}

pub(crate) fn group_4(rows: &[&str]) -> Vec<u8> {
    let mut encoder = Encoder::new(VecWriter::new());
    for row in rows {
        let color = |pixel| if pixel == '#' { Color::Black } else { Color::White };
        encoder.encode_line(row.chars().map(color), row.len() as u16).unwrap();
    }
    encoder.finish().unwrap().finish()
}

/// A JPEG of so much width and height.
pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x as u8 * 9, y as u8 * 11, (x + y) as u8 * 5])
    });
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    encoder.write_image(&image, width, height, image::ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// A JPEG's tables as a file of their own, and what is left.
pub(crate) fn without_tables(jpeg: &[u8]) -> [Vec<u8>; 2] {
    let [mut tables, mut rest] = [jpeg[..2].to_vec(), jpeg[..2].to_vec()];
    let mut at = 2;
    loop {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        match jpeg[at + 1] {
            0xc4 | 0xdb => tables.extend(&jpeg[at..end]),
            0xda => {
                rest.extend(&jpeg[at..]);
                tables.extend([0xff, 0xd9]);
                return [tables, rest];
            }
            _ => rest.extend(&jpeg[at..end]),
        }
        at = end;
    }
}
