//! Kinds of TIFF: each as Pillow's `convert("RGB")` shows it, or refused by name, and none that brings the decoder down.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

mod file;
mod samples;

use file::{BYTE, File, LONG, RATIONAL, SHORT};
use rekindle_images::{Error, announced_size, decode_bytes, format_name};

/// Gray pixels.
fn gray(values: [u8; 6]) -> Vec<u8> {
    values.iter().flat_map(|value| [*value; 3]).collect()
}

/// Two rows of pixels, of which all but the first are black.
fn first(color: [u8; 3]) -> Vec<u8> {
    [&color[..], &[0; 15]].concat()
}

/// Samples of `width` bytes each in the order of little-endian files.
fn little<const N: usize>(values: [[u8; N]; 6]) -> Vec<u8> {
    values.concat()
}

/// A palette of 2^bits colors in 16 bits, of which those that are named come first.
fn palette(bits: u32, colors: &[[u64; 3]]) -> Vec<u64> {
    let channel = |channel: usize| {
        let values = colors.iter().map(move |color| color[channel]);
        values.chain(std::iter::repeat(0)).take(1 << bits)
    };
    [0, 1, 2].into_iter().flat_map(channel).collect()
}

const RED_GREEN: &[[u64; 3]] = &[[0xff00, 0, 0], [0x1234, 0xffff, 0x80ff]];
const BARS: &[&str] = &["#  ", " ##"];

/// A kind, a file of it and its pixels.
fn kinds() -> Vec<(&'static str, File, Vec<u8>)> {
    let rgb: Vec<u8> = (0..18).map(|value| value * 14).collect();
    let with_alpha = |alpha: u8| -> Vec<u8> {
        rgb.chunks(3).flat_map(|pixel| [pixel[0], pixel[1], pixel[2], alpha]).collect()
    };
    let plane = |channel: usize| rgb.iter().skip(channel).step_by(3).copied().collect::<Vec<u8>>();
    let floats = [-1.0_f32, 0.9, 254.9, 300.0, f32::NAN, 128.0];
    let clipped = gray([0, 0, 254, 255, 0, 128]);
    let bits = gray([0, 255, 255, 255, 0, 0]);
    let fax =
        |compression, strip: Vec<u8>| File::new(0, &[1], &strip).with(259, SHORT, &[compression]);
    let planar = File {
        strips: [0, 1, 2].map(|channel| samples::deflate(&differences(&plane(channel)))).to_vec(),
        ..File::new(2, &[8; 3], &[])
    };
    let tile = |rows: &[&[u8]]| -> Vec<u8> {
        let row = |row: usize| {
            let mut bytes = rows.get(row).map_or_else(Vec::new, |row| row.to_vec());
            bytes.resize(16, 99);
            bytes
        };
        (0..16).flat_map(row).collect()
    };
    let tiled = File {
        tiled: true,
        ..File::new(1, &[8], &tile(&[&[1, 2, 3], &[4, 5, 6]])).with(322, SHORT, &[16]).with(
            323,
            SHORT,
            &[16],
        )
    };
    let planes_of_tiles = File {
        strips: [0, 1, 2]
            .map(|channel| {
                let plane = plane(channel);
                tile(&[&plane[..3], &plane[3..]])
            })
            .to_vec(),
        ..File::new(2, &[8; 3], &[]).with(284, SHORT, &[2]).with(322, SHORT, &[16]).with(
            323,
            SHORT,
            &[16],
        )
    };
    let planes_of_tiles = File { tiled: true, ..planes_of_tiles };
    let tiles_of_lzw = File {
        strips: tiled.strips.iter().map(|tile| samples::lzw(tile)).collect(),
        ..tiled.clone()
    };
    let difference = |at: usize| match at % 9 {
        0..3 => rgb[at],
        _ => rgb[at].wrapping_sub(rgb[at - 3]),
    };
    let differences_of_colors: Vec<u8> = (0..18).map(difference).collect();
    let rows =
        File { strips: vec![rgb[..9].to_vec(), rgb[9..].to_vec()], ..File::new(2, &[8; 3], &[]) }
            .with(278, SHORT, &[1]);
    let reference = [0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1];
    let ycbcr = |first: [u8; 3]| {
        let strip: Vec<u8> = [&first[..], &[0, 128, 128].repeat(5)].concat();
        File::new(6, &[8; 3], &strip).with(530, SHORT, &[1, 1])
    };
    vec![
        ("1 bit", File::new(1, &[1], &[0b0110_0000, 0b1000_0000]), bits.clone()),
        ("1 bit, white is zero", File::new(0, &[1], &[0b1000_0000, 0b0110_0000]), bits.clone()),
        (
            "1 bit, from the lowest",
            File::new(1, &[1], &[0b110, 0b1]).with(266, SHORT, &[2]),
            bits.clone(),
        ),
        (
            "2 bits",
            File::new(1, &[2], &[0b00_01_10_00, 0b11_00_00_00]),
            gray([0, 85, 170, 255, 0, 0]),
        ),
        ("4 bits", File::new(1, &[4], &[0x01, 0x20, 0xf0, 0x80]), gray([0, 17, 34, 255, 0, 136])),
        (
            "4 bits, white is zero",
            File::new(0, &[4], &[0x01, 0x20, 0xf0, 0x80]),
            gray([255, 238, 221, 0, 255, 119]),
        ),
        ("8 bits", File::new(1, &[8], &[0, 1, 2, 253, 254, 255]), gray([0, 1, 2, 253, 254, 255])),
        (
            "8 bits, white is zero",
            File::new(0, &[8], &[0, 1, 2, 3, 4, 5]),
            gray([255, 254, 253, 252, 251, 250]),
        ),
        (
            "16 bits",
            File::new(1, &[16], &little([0, 255, 256, 513, 0x80ff, 0xffff].map(u16::to_le_bytes))),
            gray([0, 0, 1, 2, 128, 255]),
        ),
        (
            "16 bits, big-endian",
            File::new(1, &[16], &little([0, 255, 256, 513, 0x80ff, 0xffff].map(u16::to_be_bytes)))
                .big_endian(),
            gray([0, 0, 1, 2, 128, 255]),
        ),
        (
            "16 bits with a sign",
            File::new(1, &[16], &little([-5, 0, 7, 255, 256, i16::MAX].map(i16::to_le_bytes)))
                .with(339, SHORT, &[2]),
            gray([0, 0, 7, 255, 255, 255]),
        ),
        (
            "32 bits",
            File::new(1, &[32], &little([0, 1, 254, 255, 256, u32::MAX].map(u32::to_le_bytes))),
            gray([0, 1, 254, 255, 255, 255]),
        ),
        (
            "32 bits with a sign",
            File::new(1, &[32], &little([i32::MIN, -1, 254, 255, 256, 9].map(i32::to_le_bytes)))
                .with(339, SHORT, &[2]),
            gray([0, 0, 254, 255, 255, 9]),
        ),
        (
            "float",
            File::new(1, &[32], &little(floats.map(f32::to_le_bytes))).with(339, SHORT, &[3]),
            clipped.clone(),
        ),
        (
            "float, white is zero",
            File::new(0, &[32], &little(floats.map(f32::to_le_bytes))).with(339, SHORT, &[3]),
            clipped.clone(),
        ),
        (
            "float of 64 bits, big-endian",
            File::new(1, &[64], &little(floats.map(|value| f64::from(value).to_be_bytes())))
                .with(339, SHORT, &[3])
                .big_endian(),
            clipped,
        ),
        (
            "gray and alpha",
            File::new(1, &[8; 2], &[1, 0, 2, 9, 3, 255, 4, 0, 5, 1, 6, 2]).with(338, SHORT, &[2]),
            gray([1, 2, 3, 4, 5, 6]),
        ),
        (
            "gray times alpha",
            File::new(1, &[8; 2], &[50, 100, 7, 0, 3, 255, 200, 100, 1, 2, 6, 6]).with(
                338,
                SHORT,
                &[1],
            ),
            gray([127, 0, 3, 255, 127, 255]),
        ),
        (
            "palette",
            File::new(3, &[8], &[0, 1, 2, 0, 1, 255]).with(320, SHORT, &palette(8, RED_GREEN)),
            [[255, 0, 0], [0x12, 255, 0x80], [0; 3], [255, 0, 0], [0x12, 255, 0x80], [0; 3]]
                .concat(),
        ),
        (
            "palette of 8 bits a color",
            File::new(3, &[8], &[0, 1, 0, 1, 1, 1]).with(
                320,
                SHORT,
                &palette(8, &[[1, 2, 3], [255, 0, 9]]),
            ),
            [[1, 2, 3], [255, 0, 9], [1, 2, 3], [255, 0, 9], [255, 0, 9], [255, 0, 9]].concat(),
        ),
        (
            "palette of 1 bit",
            File::new(3, &[1], &[0b0110_0000, 0]).with(320, SHORT, &palette(1, RED_GREEN)),
            [
                [255, 0, 0],
                [0x12, 255, 0x80],
                [0x12, 255, 0x80],
                [255, 0, 0],
                [255, 0, 0],
                [255, 0, 0],
            ]
            .concat(),
        ),
        (
            "palette and alpha",
            File::new(3, &[8; 2], &[0, 9, 1, 9, 0, 9, 0, 9, 0, 9, 0, 9])
                .with(338, SHORT, &[2])
                .with(320, SHORT, &palette(8, &[[0, 0, 0], [0x4000, 0x5000, 0x6000]])),
            [[0; 3], [0x40, 0x50, 0x60], [0; 3], [0; 3], [0; 3], [0; 3]].concat(),
        ),
        ("RGB", File::new(2, &[8; 3], &rgb), rgb.clone()),
        ("RGB in strips", rows, rgb.clone()),
        ("BigTIFF", File::new(2, &[8; 3], &rgb).big(), rgb.clone()),
        ("BigTIFF, big-endian", File::new(2, &[8; 3], &rgb).big().big_endian(), rgb.clone()),
        (
            "RGB of 16 bits",
            File::new(2, &[16; 3], &rgb.iter().flat_map(|high| [77, *high]).collect::<Vec<u8>>()),
            rgb.clone(),
        ),
        (
            "RGB and alpha",
            File::new(2, &[8; 4], &with_alpha(3)).with(338, SHORT, &[2]),
            rgb.clone(),
        ),
        (
            "RGB and another",
            File::new(2, &[8; 4], &with_alpha(3)).with(338, SHORT, &[0]),
            rgb.clone(),
        ),
        ("RGB and an unnamed", File::new(2, &[8; 4], &with_alpha(3)), rgb.clone()),
        (
            "RGB times alpha",
            File::new(2, &[8; 4], &with_alpha(254)).with(338, SHORT, &[1]),
            rgb.iter().map(|value| (u32::from(*value) * 255 / 254).min(255) as u8).collect(),
        ),
        (
            "RGB in planes, Deflate, differences",
            planar.with(284, SHORT, &[2]).with(259, SHORT, &[8]).with(317, SHORT, &[2]),
            rgb.clone(),
        ),
        ("tiles", tiled.clone(), gray([1, 2, 3, 4, 5, 6])),
        ("tiles of planes", planes_of_tiles, rgb.clone()),
        ("tiles of LZW", tiles_of_lzw.with(259, SHORT, &[5]), gray([1, 2, 3, 4, 5, 6])),
        (
            "LZW, differences",
            File::new(2, &[8; 3], &samples::lzw(&differences_of_colors))
                .with(259, SHORT, &[5])
                .with(317, SHORT, &[2]),
            rgb.clone(),
        ),
        (
            "CMYK",
            File::new(5, &[8; 4], &[[100, 50, 0, 128].to_vec(), [0, 0, 0, 255].repeat(5)].concat()),
            first([77, 102, 127]),
        ),
        ("YCbCr", ycbcr([76, 85, 255]), first([254, 0, 0])),
        (
            "YCbCr, said to be usual",
            ycbcr([200, 128, 128]).with(532, RATIONAL, &reference),
            first([200; 3]),
        ),
        (
            "Zstandard",
            File::new(2, &[8; 3], &samples::zstandard(&rgb)).with(259, SHORT, &[50000]),
            rgb.clone(),
        ),
        (
            "Zstandard, differences",
            File::new(1, &[8], &samples::zstandard(&[5, 1, 1, 250, 1, 1]))
                .with(259, SHORT, &[50000])
                .with(317, SHORT, &[2]),
            gray([5, 6, 7, 250, 251, 252]),
        ),
        (
            "PackBits",
            File::new(1, &[8], &[0xfe, 7, 2, 1, 2, 3]).with(259, SHORT, &[32773]),
            gray([7, 7, 7, 1, 2, 3]),
        ),
        ("Huffman", fax(2, samples::huffman(BARS)), bits.clone()),
        ("Group 3", fax(3, samples::group_3(BARS)), bits.clone()),
        ("Group 4", fax(4, samples::group_4(BARS)), bits.clone()),
        (
            "Group 4 from the lowest bit",
            fax(4, samples::group_4(BARS).iter().map(|byte| byte.reverse_bits()).collect()).with(
                266,
                SHORT,
                &[2],
            ),
            bits,
        ),
    ]
}

/// Each sample less the one before it in a row of three.
fn differences(samples: &[u8]) -> Vec<u8> {
    let rows = samples.chunks(3);
    rows.flat_map(|row| [row[0], row[1].wrapping_sub(row[0]), row[2].wrapping_sub(row[1])])
        .collect()
}

#[test]
fn every_kind_has_the_pixels_that_pillow_gives_it() {
    for (kind, file, expected) in kinds() {
        let bytes = file.bytes();
        assert_eq!(format_name(&bytes), Some("TIFF"), "{kind}");
        assert_eq!(announced_size(&bytes), Some([3, 2]), "{kind}");
        let picture = decode_bytes(&bytes, kind).unwrap();
        assert_eq!([picture.width(), picture.height()], [3, 2], "{kind}");
        assert_eq!(picture.pixels(), expected, "{kind}");
    }
}

/// The values are Pillow's, which rounds the steps of its table otherwise than by up to one level.
#[test]
fn colors_of_perception_are_within_a_level_of_pillow() {
    let stored =
        [[255, 0, 0], [0, 0, 0], [128, 0, 0], [138, 80, 67], [200, 0xb0, 60], [60, 40, 0x90]];
    let pillow = [[254, 255, 254], [1, 0, 1], [119; 3], [251, 9, 11], [0, 228, 65], [0, 44, 237]];
    let bytes = File::new(8, &[8; 3], stored.as_flattened()).bytes();
    let picture = decode_bytes(&bytes, "lab.tif").unwrap();
    for (found, expected) in picture.pixels().iter().zip(pillow.as_flattened()) {
        assert!(found.abs_diff(*expected) <= 1, "{:?}", picture.pixels());
    }
}

/// JPEGs as strips, with tables of their own and without.
fn jpeg_strips() -> [File; 2] {
    let parts = [samples::jpeg(40, 16), samples::jpeg(40, 8)];
    let page = File::new(6, &[8; 3], &[])
        .with(256, SHORT, &[40])
        .with(257, SHORT, &[24])
        .with(278, SHORT, &[16])
        .with(259, SHORT, &[7]);
    let [[tables, one], [_, two]] = parts.clone().map(|part| samples::without_tables(&part));
    let tables: Vec<u64> = tables.into_iter().map(u64::from).collect();
    [
        File { strips: parts.to_vec(), ..page.clone() },
        File { strips: vec![one, two], ..page.with(347, BYTE, &tables) },
    ]
}

#[test]
fn strips_of_jpeg_are_what_they_are_alone() {
    let alone = [samples::jpeg(40, 16), samples::jpeg(40, 8)]
        .map(|part| decode_bytes(&part, "part.jpg").unwrap().into_pixels());
    for file in jpeg_strips() {
        let picture = decode_bytes(&file.bytes(), "strips.tif").unwrap();
        assert_eq!([picture.width(), picture.height()], [40, 24]);
        assert!(picture.pixels() == alone.concat());
    }
}

#[test]
fn a_picture_is_turned_as_its_tag_or_its_xmp_says() {
    let page = || File::new(1, &[8], &[1, 2, 3, 4, 5, 6]);
    let xmp: Vec<u64> = b"<x tiff:Orientation=\"3\"/>".iter().copied().map(u64::from).collect();
    let upside_down = gray([6, 5, 4, 3, 2, 1]);
    for (file, size, expected) in [
        (page().with(274, SHORT, &[1]), [3, 2], gray([1, 2, 3, 4, 5, 6])),
        (page().with(274, SHORT, &[3]), [3, 2], upside_down.clone()),
        (page().with(274, LONG, &[6]), [2, 3], gray([4, 1, 5, 2, 6, 3])),
        (page().with(274, SHORT, &[99]), [3, 2], gray([1, 2, 3, 4, 5, 6])),
        (page().with(700, BYTE, &xmp), [3, 2], upside_down),
    ] {
        let picture = decode_bytes(&file.bytes(), "turned.tif").unwrap();
        assert_eq!(([picture.width(), picture.height()], picture.pixels()), (size, &expected[..]));
    }
}

#[test]
fn kinds_that_are_not_read_are_named() {
    let rgb = |bits: u64| File::new(2, &[bits; 3], &[0; 200]);
    let gray = || File::new(1, &[8], &[0; 6]);
    let bilevel = || File::new(1, &[1], &[0; 20]);
    let ycbcr = || File::new(6, &[8; 3], &[0; 18]).with(530, SHORT, &[1, 1]);
    let scale = [0, 1, 255, 1, 100, 1, 255, 1, 128, 1, 255, 1];
    let mut arithmetic = samples::jpeg(3, 2);
    let frame = arithmetic.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    arithmetic[frame + 1] = 0xc9;
    for (file, kind) in [
        (gray().with(259, SHORT, &[6]), "old JPEG compression"),
        (gray().with(259, SHORT, &[34887]), "LERC compression"),
        (gray().with(259, SHORT, &[34925]), "LZMA compression"),
        (gray().with(259, SHORT, &[50001]), "WebP compression"),
        (gray().with(259, SHORT, &[60000]), "number 60000 compression"),
        (
            bilevel().with(259, SHORT, &[3]).with(292, LONG, &[1]),
            "two-dimensional CCITT Group 3 fax compression",
        ),
        (gray().with(259, SHORT, &[4]), "CCITT fax compression of more than one bit a pixel"),
        (
            File::new(2, &[8; 3], &arithmetic).with(259, SHORT, &[7]),
            "JPEG compression and arithmetic coding",
        ),
        (
            File::new(1, &[8; 2], &samples::jpeg(3, 2)).with(338, SHORT, &[2]).with(
                259,
                SHORT,
                &[7],
            ),
            "JPEG compression and 2 components",
        ),
        (rgb(32).with(339, SHORT, &[3; 3]), "RGB of float 32-bit samples"),
        (rgb(32), "RGB of 32-bit samples"),
        (rgb(4), "RGB of 4-bit samples"),
        (File::new(1, &[16], &[0; 12]).with(339, SHORT, &[3]), "gray of float 16-bit samples"),
        (File::new(1, &[12], &[0; 10]), "gray of 12-bit samples"),
        (File::new(1, &[16; 13], &[0; 156]), "13 channels where 1 are colors"),
        (File::new(1, &[8; 2], &[0; 12]), "2 channels where 1 are colors"),
        (File::new(2, &[8; 7], &[0; 42]), "7 channels where 3 are colors"),
        (File::new(4, &[1], &[0; 2]), "a mask alone"),
        (File::new(9, &[8; 3], &[0; 18]), "ICC L*a*b* colors"),
        (File::new(32803, &[8], &[0; 6]), "colors of an unknown kind"),
        (File::new(2, &[5, 6, 5], &[0; 12]), "channels of different depths"),
        (ycbcr().with(530, SHORT, &[2, 2]), "fewer samples of color than of brightness"),
        (ycbcr().with(532, RATIONAL, &scale), "YCbCr of a scale of its own"),
    ] {
        let error = decode_bytes(&file.bytes(), "a.tif").unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{kind}: {error}");
        let expected = format!("a.tif: TIFF with {kind} is not read; save it as PNG");
        assert_eq!(error.to_string(), expected);
    }
}

/// A file of each kind that is decoded.
fn whole() -> Vec<(&'static str, Vec<u8>)> {
    let [own, shared] = jpeg_strips();
    let jpegs = [("JPEG", own), ("JPEG and tables", shared)];
    let others = kinds().into_iter().map(|(kind, file, _)| (kind, file));
    let lab = ("L*a*b*", File::new(8, &[8; 3], &[100; 18]));
    others.chain(jpegs).chain([lab]).map(|(kind, file)| (kind, file.bytes())).collect()
}

#[test]
fn what_is_cut_short_anywhere_is_refused() {
    for (kind, bytes) in whole() {
        // Checksums behind the last sample, and codes that fill its last byte, say nothing of the pixels.
        let spare = match kind {
            "RGB in planes, Deflate, differences" => 5,
            "Group 4" | "Group 4 from the lowest bit" => 3,
            "tiles of LZW" | "LZW, differences" => 2,
            _ => 0,
        };
        for end in 0..bytes.len() - spare {
            match decode_bytes(&bytes[..end], "cut.tif") {
                Ok(_) => panic!("{kind}: decoded up to byte {end} of {}", bytes.len()),
                Err(Error::Panicked { message, .. }) => panic!("{kind} at {end}: {message}"),
                Err(_) => {}
            }
        }
    }
}

/// The most memory this process had so far, where the system says.
fn peak_mebibytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? / 1024)
}

#[test]
fn no_damage_panics_or_takes_memory() {
    for (kind, whole) in whole() {
        for place in 0..whole.len() {
            for value in [0, 0xff, whole[place] ^ 1, whole[place] ^ 0x10, whole[place] ^ 0x80] {
                let mut bytes = whole.clone();
                bytes[place] = value;
                let start = std::time::Instant::now();
                if let Err(Error::Panicked { message, .. }) = decode_bytes(&bytes, "damaged.tif") {
                    panic!("{kind}, byte {place} as {value}: {message}");
                }
                assert!(start.elapsed().as_secs() < 5, "{kind}, byte {place} as {value}");
                announced_size(&bytes);
            }
        }
    }
    if let Some(peak) = peak_mebibytes() {
        assert!(peak < 512, "{peak} MiB");
    }
}

#[test]
fn claims_of_gigabytes_are_refused_before_they_are_believed() {
    let sized = |file: File, width: u64, height: u64| {
        file.with(256, LONG, &[width]).with(257, LONG, &[height])
    };
    let gray = || File::new(1, &[8], &[7; 100]);
    let rgba = || File::new(2, &[16; 4], &[7; 100]).with(338, SHORT, &[2]);
    let tiled = |side: u64| {
        File { tiled: true, ..gray() }.with(322, LONG, &[side]).with(323, LONG, &[side])
    };
    for (file, words) in [
        (sized(gray(), 65536, 65536), "more than the limit"),
        (sized(gray(), u32::MAX.into(), u32::MAX.into()), "more than the limit"),
        (sized(gray(), 13000, 13000), "cut short"),
        (sized(rgba(), 13000, 13000), "cut short"),
        (sized(rgba(), 13377, 13377).with(259, SHORT, &[5]), ""),
        (sized(gray(), 13000, 13000).with(259, SHORT, &[50000]), ""),
        (sized(gray(), 13000, 13000).with(259, SHORT, &[32773]), ""),
        (sized(File::new(0, &[1], &[0; 100]), 13000, 13000).with(259, SHORT, &[4]), "fax"),
        (sized(File::new(1, &[64], &[0; 99]), 13000, 13000).with(339, SHORT, &[3]), "cut short"),
        (
            sized(File::new(2, &[16; 6], &[0; 99]), 13000, 13000),
            "its strips or tiles hold more than is decoded",
        ),
        (tiled(16 << 20), "more than the limit"),
        (tiled(u32::MAX.into()), "more than the limit"),
        (gray().with(273, LONG, &[u32::MAX.into()]), "cut short"),
        (gray().with(259, SHORT, &[5]).with(273, LONG, &[u32::MAX.into()]), "cut short"),
    ] {
        let message = decode_bytes(&file.bytes(), "claims.tif").unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    }
    // A list of 4 billion strips, of which none is there.
    let mut bytes = gray().bytes();
    let entry = bytes.windows(2).position(|tag| tag == [0x11, 1]).unwrap();
    bytes[entry + 4..entry + 8].fill(0xff);
    assert!(decode_bytes(&bytes, "strips.tif").is_err());
    if let Some(peak) = peak_mebibytes() {
        assert!(peak < 512, "{peak} MiB");
    }
}
