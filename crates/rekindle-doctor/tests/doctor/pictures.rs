//! Pictures drawn by formula, and files of odd kinds made of them.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, RgbImage, codecs::jpeg::JpegEncoder};

/// A picture that is like no other number's: waves whose direction, phase and color are drawn by the number.
pub(crate) fn draw(number: u64, width: u32, height: u32) -> RgbImage {
    let mut random = rekindle_data::Random::new(number, 0, 0);
    let waves: Vec<[f64; 6]> = (0..5)
        .map(|_| {
            let mut value = |low: f64, high: f64| random.between(low, high);
            let [x, y, phase] = [value(-9.0, 9.0), value(-9.0, 9.0), value(0.0, 6.3)];
            [x, y, phase, value(5.0, 30.0), value(5.0, 30.0), value(5.0, 30.0)]
        })
        .collect();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let mut rgb = [127.0; 3];
        for [along, down, phase, red, green, blue] in &waves {
            let wave = (along * x + down * y + phase).sin();
            rgb = [rgb[0] + red * wave, rgb[1] + green * wave, rgb[2] + blue * wave];
        }
        Rgb(rgb.map(|value| value.clamp(0.0, 255.0) as u8))
    })
}

pub(crate) fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub(crate) fn png(number: u64) -> Vec<u8> {
    encoded(&draw(number, 80, 60).into(), ImageFormat::Png)
}

pub(crate) fn jpeg(image: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(image).unwrap();
    bytes
}

/// Writes a file and the folders that it is in.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// An EXIF block that says that the picture lies on its side.
fn exif() -> Vec<u8> {
    let mut exif = b"II*\0\x08\0\0\0\x01\0".to_vec();
    exif.extend(entry(0x112, 3, 1, 6));
    exif.extend([0; 4]);
    exif
}

fn entry(tag: u16, kind: u16, count: u32, value: u32) -> Vec<u8> {
    let parts =
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()];
    parts.concat()
}

pub(crate) fn rotated_jpeg(number: u64) -> Vec<u8> {
    let plain = jpeg(&draw(number, 80, 60), 90);
    let content = [b"Exif\0\0", &exif()[..]].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    [&plain[..2], &[0xff, 0xe1], &length, &content, &plain[2..]].concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let named = [&name[..], content].concat();
    let checksum = crc32fast::hash(&named).to_be_bytes();
    [&(content.len() as u32).to_be_bytes()[..], &named, &checksum].concat()
}

/// After its head, which has 13 bytes in a chunk.
fn into_png(plain: &[u8], chunk: &[u8]) -> Vec<u8> {
    let head = 8 + 12 + 13;
    [&plain[..head], chunk, &plain[head..]].concat()
}

pub(crate) fn rotated_png(number: u64) -> Vec<u8> {
    into_png(&png(number), &chunk(b"eXIf", &exif()))
}

pub(crate) fn animated_png(number: u64) -> Vec<u8> {
    let frame = |sequence: u32| {
        let size = [80_u32, 60, 0, 0].map(u32::to_be_bytes).concat();
        [&sequence.to_be_bytes()[..], &size, &[0, 1, 0, 10, 0, 0]].concat()
    };
    let animation = chunk(b"acTL", &[2_u32, 0].map(u32::to_be_bytes).concat());
    let moving = into_png(&png(number), &[animation, chunk(b"fcTL", &frame(0))].concat());
    // The content of all IDAT chunks of another picture, as the second frame.
    let other = png(number + 1);
    let mut content = 2_u32.to_be_bytes().to_vec();
    let mut at = 8;
    while at < other.len() {
        let length = u32::from_be_bytes(other[at..at + 4].try_into().unwrap()) as usize;
        if &other[at + 4..at + 8] == b"IDAT" {
            content.extend(&other[at + 8..at + 8 + length]);
        }
        at += 12 + length;
    }
    let end = moving.len() - 12;
    let second = [chunk(b"fcTL", &frame(1)), chunk(b"fdAT", &content)].concat();
    [&moving[..end], &second, &moving[end..]].concat()
}

pub(crate) fn gif(numbers: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for number in numbers {
        let frame = DynamicImage::from(draw(*number, 80, 60)).into_rgba8();
        encoder.encode_frame(image::Frame::new(frame)).unwrap();
    }
    drop(encoder);
    bytes
}

pub(crate) fn with_alpha(number: u64, format: ImageFormat) -> Vec<u8> {
    let mut image = DynamicImage::from(draw(number, 80, 60)).into_rgba8();
    image.pixels_mut().step_by(3).for_each(|pixel| pixel[3] = 100);
    encoded(&image.into(), format)
}

pub(crate) fn sixteen_bit(number: u64) -> Vec<u8> {
    let image = draw(number, 80, 60);
    let wide: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_fn(80, 60, |x, y| {
        Rgb(image.get_pixel(x, y).0.map(|v| u16::from(v) * 257))
    });
    encoded(&wide.into(), ImageFormat::Png)
}

pub(crate) fn gray(number: u64, format: ImageFormat) -> Vec<u8> {
    encoded(&DynamicImage::from(draw(number, 80, 60)).into_luma8().into(), format)
}

/// An uncompressed TIFF of four inks.
pub(crate) fn cmyk_tiff(number: u64) -> Vec<u8> {
    let pixels: Vec<u8> =
        draw(number, 80, 60).pixels().flat_map(|Rgb([c, m, y])| [*c, *m, *y, 20]).collect();
    let mut bytes = b"II*\0".to_vec();
    bytes.extend((16 + pixels.len() as u32).to_le_bytes());
    bytes.extend([8_u16; 4].map(u16::to_le_bytes).concat());
    bytes.extend(&pixels);
    // Size, depth (above the pixels), no compression, CMYK, one strip.
    let entries = [
        (256, 3, 1, 80),
        (257, 3, 1, 60),
        (258, 3, 4, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 5),
        (273, 4, 1, 16),
        (277, 3, 1, 4),
        (278, 3, 1, 60),
        (279, 4, 1, pixels.len() as u32),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in entries {
        bytes.extend(entry(tag, kind, count, value));
    }
    bytes.extend([0; 4]);
    bytes
}
