//! Strips and tiles that are coded as the `tiff` crate does not decode, or not as it should: expanded to plain samples.

use std::borrow::Cow;
use std::io::Read;

use ruzstd::decoding::StreamingDecoder;
use weezl::decode::Configuration;
use weezl::{BitOrder, LzwStatus};
use zune_jpeg::zune_core::colorspace::ColorSpace;

use super::super::failure::{Failure, MAX_ALLOCATION};
use super::super::gate::Subject;
use super::super::jpeg::{self, Colors};
use super::super::markers::{Markers, Way};
use super::fax;
use super::page::{JPEG, Page, YCBCR};

/// Numbers of compressions, by Adobe and libtiff.
const NONE: u16 = 1;
const HUFFMAN: u16 = 2;
const FAX_3: u16 = 3;
const FAX_4: u16 = 4;
const ZSTANDARD: u16 = 50000;
const LZW: u16 = 5;
/// Deflate by its two numbers, PackBits.
const OTHERS: [u16; 3] = [8, 32946, 32773];

/// How many times as long as the file all strips or tiles may be.
const OVERLAP: usize = 8;

/// Compressions that are refused, by name.
const REFUSED: &[(u16, &str)] = &[
    (6, "old JPEG"),
    (32766, "NeXT"),
    (32809, "ThunderScan"),
    (32908, "Pixar film"),
    (32909, "Pixar log"),
    (33003, "JPEG 2000"),
    (33005, "JPEG 2000"),
    (34661, "JBIG"),
    (34676, "SGI log"),
    (34677, "SGI log"),
    (34712, "JPEG 2000"),
    (34887, "LERC"),
    (34925, "LZMA"),
    (50001, "WebP"),
    (50002, "JPEG XL"),
    (52546, "JPEG XL"),
];

/// What was expanded. The page speaks of it afterwards, at places behind the file's last byte.
pub(super) fn chunks(
    page: &mut Page,
    bytes: &[u8],
    file: &Subject<'_>,
) -> Result<Vec<u8>, Failure> {
    let expand = match page.compression {
        NONE => Expand::None { counted: false },
        HUFFMAN | FAX_3 | FAX_4 => Expand::Fax(fax_kind(page)?),
        LZW => Expand::Lzw,
        JPEG => Expand::Jpeg,
        ZSTANDARD => Expand::Zstandard,
        other if OTHERS.contains(&other) => Expand::None { counted: true },
        other => {
            let known = REFUSED.iter().find(|(number, _)| *number == other);
            let named = known.map_or_else(|| format!("number {other}"), |row| row.1.to_owned());
            return Err(Failure::Unsupported(format!("{named} compression")));
        }
    };
    let length = |chunk: usize| page.row_bytes().checked_mul(page.rows(chunk));
    let lengths: Option<Vec<usize>> = (0..page.places.len()).map(length).collect();
    let too_much = || Failure::Decoder("its strips or tiles hold more than is decoded".to_owned());
    let lengths = lengths.ok_or_else(too_much)?;
    let sum = lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(*length));
    let sum = sum.filter(|sum| *sum <= MAX_ALLOCATION).ok_or_else(too_much)?;
    file.wait(sum);
    // Strips and tiles that share their bytes would be copied again and again.
    let mut left = OVERLAP * bytes.len();
    let mut expanded = Vec::new();
    let mut places = Vec::with_capacity(page.places.len());
    for (chunk, length) in lengths.into_iter().enumerate() {
        let place = page.places[chunk];
        let data = match expand {
            Expand::None { counted: false } => data(bytes, [place[0], length as u64]),
            // What such data ends with counts, not what it is said to be long.
            Expand::None { .. } | Expand::Lzw => {
                let rest = (bytes.len() as u64).saturating_sub(place[0]);
                data(bytes, [place[0], place[1].min(rest)])
            }
            _ => data(bytes, place),
        };
        let data = data.ok_or_else(cut_short)?;
        if page.reversed || expand == Expand::Jpeg {
            left = left.checked_sub(data.len()).ok_or_else(overlap)?;
        }
        let ordered = match page.reversed && expand != Expand::Jpeg {
            true => Cow::from(data.iter().map(|byte| byte.reverse_bits()).collect::<Vec<u8>>()),
            false => Cow::from(data),
        };
        let start = expanded.len();
        match expand {
            Expand::None { .. } if !page.reversed => {
                places.push(place);
                continue;
            }
            Expand::None { .. } => expanded.extend(&*ordered),
            Expand::Fax(kind) => {
                let size = [page.chunk[0], page.rows(chunk)];
                fax::expand(kind, &ordered, size, &mut expanded)?;
            }
            Expand::Lzw => lzw(&ordered, length, &mut expanded)?,
            Expand::Jpeg => expanded.extend(of_jpeg(page, &ordered, page.rows(chunk), file)?),
            Expand::Zstandard => zstandard(&ordered, length, &mut expanded)?,
        }
        places.push([(bytes.len() + start) as u64, (expanded.len() - start) as u64]);
    }
    page.places = places;
    if !matches!(expand, Expand::None { .. }) {
        page.compression = NONE;
    }
    Ok(expanded)
}

/// What is done to each strip or tile.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expand {
    /// Nothing: it is as long as it is said to be, or as its samples are.
    None {
        counted: bool,
    },
    Fax(fax::Kind),
    Lzw,
    Jpeg,
    Zstandard,
}

fn overlap() -> Failure {
    Failure::Decoder(format!(
        "its strips or tiles overlap so much that they are {OVERLAP} times as long as the file"
    ))
}

fn cut_short() -> Failure {
    Failure::Decoder("cut short, its samples lie beyond its end".to_owned())
}

fn data(bytes: &[u8], [offset, count]: [u64; 2]) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(count).ok()?)?;
    bytes.get(start..end).filter(|data| !data.is_empty())
}

fn fax_kind(page: &Page) -> Result<fax::Kind, Failure> {
    if page.bits != 1 || page.chunk_channels() != 1 {
        return Err(Failure::unsupported("CCITT fax compression of more than one bit a pixel"));
    }
    // T4Options has two dimensions as its first bit; both it and T6Options have the second for parts without compression.
    match page.compression {
        HUFFMAN => Ok(fax::Kind::Huffman),
        FAX_3 if page.fax_options & 3 == 0 => Ok(fax::Kind::Group3),
        FAX_3 => Err(Failure::unsupported("two-dimensional CCITT Group 3 fax compression")),
        _ => Ok(fax::Kind::Group4),
    }
}

/// All that a JPEG has is a strip or tile; its tables may be the page's.
fn of_jpeg(
    page: &Page,
    data: &[u8],
    rows: usize,
    subject: &Subject<'_>,
) -> Result<Vec<u8>, Failure> {
    if page.bits != 8 {
        return Err(Failure::Unsupported(format!("JPEG compression of {} bits", page.bits)));
    }
    let mut file = Cow::from(data);
    if let [tables @ .., 0xff, 0xd9] = &page.jpeg_tables[..] {
        let rest = data.get(2..).ok_or_else(cut_short)?;
        file = Cow::from([tables, rest].concat());
    }
    let markers = Markers::read(&file);
    let kind = |kind: &str| Failure::Unsupported(format!("JPEG compression and {kind}"));
    if markers.way().map_err(kind)? != Way::Whole {
        return Err(kind("a scan a component"));
    }
    if !matches!(page.chunk_channels(), 1 | 3 | 4) {
        return Err(kind(&format!("{} components", page.chunk_channels())));
    }
    let fits = markers.frame.as_ref().is_some_and(|frame| {
        frame.width == page.chunk[0]
            && (rows..=2 * page.chunk[1].max(rows)).contains(&frame.height)
            && frame.components.len() == page.chunk_channels()
    });
    if !fits {
        let cause = "a JPEG in it is of another size than the strip or tile that it is";
        return Err(Failure::Decoder(cause.to_owned()));
    }
    let is_brightness_and_color = page.space == YCBCR;
    let colors = if is_brightness_and_color { Colors::Rgb } else { Colors::Coded };
    let mut pixels = jpeg::pixels(&file, &markers, subject, colors)?;
    if is_brightness_and_color && pixels.coded != Some(ColorSpace::YCbCr) {
        return Err(kind("other colors than the page says"));
    }
    let length = page.row_bytes() * rows;
    if pixels.samples.len() < length {
        return Err(cut_short());
    }
    pixels.samples.truncate(length);
    Ok(pixels.samples)
}

/// Not by the `tiff` crate, which looks for an end where tiles have samples that it does not need.
fn lzw(data: &[u8], length: usize, expanded: &mut Vec<u8>) -> Result<(), Failure> {
    // What is announced may be far more than there is.
    const STEP: usize = 1 << 16;
    let mut decoder = Configuration::with_tiff_size_switch(BitOrder::Msb, 8)
        .with_yield_on_full_buffer(true)
        .build();
    let (mut rest, end) = (data, expanded.len() + length);
    while expanded.len() < end {
        let start = expanded.len();
        expanded.resize(end.min(start + STEP), 0);
        let result = decoder.decode_bytes(rest, &mut expanded[start..]);
        expanded.truncate(start + result.consumed_out);
        rest = &rest[result.consumed_in..];
        match result.status {
            Ok(LzwStatus::Ok) => {}
            Ok(LzwStatus::Done | LzwStatus::NoProgress) if expanded.len() == end => {}
            Ok(LzwStatus::Done | LzwStatus::NoProgress) => return Err(cut_short()),
            Err(error) => {
                return Err(Failure::Decoder(format!("its LZW data is damaged ({error})")));
            }
        }
    }
    Ok(())
}

fn zstandard(data: &[u8], length: usize, expanded: &mut Vec<u8>) -> Result<(), Failure> {
    let damaged = |cause: &dyn std::fmt::Display| {
        Failure::Decoder(format!("its Zstandard data is damaged ({cause})"))
    };
    let decoder = StreamingDecoder::new(data).map_err(|error| damaged(&error))?;
    let found =
        decoder.take(length as u64).read_to_end(expanded).map_err(|error| damaged(&error))?;
    if found < length { Err(cut_short()) } else { Ok(()) }
}
