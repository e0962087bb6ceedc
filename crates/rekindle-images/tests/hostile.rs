//! Files that are no pictures, or no longer: each is an error that names the file, the cause and a remedy.

#![allow(clippy::unwrap_used, reason = "helpers of tests may stop them")]

use std::path::Path;

use rekindle_images::{Error, decode, decode_bytes};

/// A small JPEG, as `image` writes it.
fn jpeg() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_fn(64, 48, |x, y| {
        image::Rgb([x as u8 * 4, y as u8 * 5, (x * y) as u8])
    });
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn every_hostile_file_is_refused_by_name() {
    let whole = jpeg();
    assert_eq!(decode_bytes(&whole, "whole.jpg").unwrap().width(), 64);
    let huge_png =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\0\0\0".to_vec();
    // Progressive, in scans of nothing, each of which goes over the whole picture.
    let scans = [
        b"\xff\xd8\xff\xc2\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0".as_slice(),
        &b"\xff\xda\0\x02".repeat(501),
        b"\xff\xd9",
    ]
    .concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("scans.jpg", scans, "it has more than 500 scans"),
        ("empty.jpg", Vec::new(), "not a picture (an empty file)"),
        ("text.jpg", b"this is no picture\n".to_vec(), "not a picture (its first bytes"),
        ("page.png", b"<!DOCTYPE html><html>404</html>".to_vec(), "not a picture"),
        ("half.jpg", whole[..whole.len() / 2].to_vec(), "cut short"),
        ("head.jpg", whole[..100].to_vec(), "cannot be decoded as JPEG"),
        ("magic.jpg", vec![0xff, 0xd8, 0xff], "cannot be decoded as JPEG"),
        ("magic.png", b"\x89PNG\r\n\x1a\n".to_vec(), "cannot be decoded as PNG"),
        ("magic.gif", b"GIF89a".to_vec(), "cannot be decoded as GIF"),
        ("magic.webp", b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), "cannot be decoded as WebP"),
        ("magic.tif", b"II*\0".to_vec(), "cannot be decoded as TIFF"),
        ("magic.bmp", b"BM".to_vec(), "cannot be decoded as BMP"),
        ("huge.png", huge_png, "cannot be decoded as PNG"),
    ];
    for (name, bytes, expected) in cases {
        let message = decode_bytes(&bytes, name).unwrap_err().to_string();
        assert!(message.starts_with(name) && message.contains(expected), "{name}: {message}");
    }
    let message = decode(Path::new("/no/such/file.png")).unwrap_err().to_string();
    assert!(message.starts_with("/no/such/file.png: cannot be read"), "{message}");
    assert!(decode(Path::new("/")).is_err());
}

#[test]
fn a_picture_beyond_the_limit_is_refused_before_it_is_decoded() {
    // A bitmap header of 60,000 x 60,000 pixels, 11 GB, and nothing after it.
    let mut bomb = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    bomb.extend(60_000_u32.to_le_bytes().repeat(2));
    bomb.extend([1, 0, 24, 0]);
    bomb.resize(54, 0);
    let error = decode_bytes(&bomb, "bomb.bmp").unwrap_err();
    assert!(matches!(error, Error::TooLarge { width: 60_000, height: 60_000, .. }), "{error}");
}

#[test]
fn no_damage_to_a_picture_panics() {
    let whole = jpeg();
    for place in 0..whole.len() {
        for value in [0, 0xff, whole[place] ^ 0x10] {
            let mut damaged = whole.clone();
            damaged[place] = value;
            if let Err(error) = decode_bytes(&damaged, "damaged.jpg") {
                assert!(
                    !matches!(error, Error::Panicked { .. }),
                    "byte {place} as {value}: {error}"
                );
            }
        }
    }
}

/// A picture in each of the formats that people's folders hold.
fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    use image::ImageFormat::{Gif, Jpeg, Png, Tiff, WebP};
    let image = image::RgbImage::from_fn(80, 60, |x, y| {
        image::Rgb([x as u8 * 3, y as u8 * 4, (x * y % 251) as u8])
    });
    [("jpg", Jpeg), ("png", Png), ("webp", WebP), ("gif", Gif), ("tif", Tiff)]
        .map(|(name, format)| {
            let mut bytes = std::io::Cursor::new(Vec::new());
            image.write_to(&mut bytes, format).unwrap();
            (name, bytes.into_inner())
        })
        .to_vec()
}

/// The most memory this process had so far, where the system says.
fn peak_mebibytes() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? / 1024)
}

/// Two thousand files with flipped bits, torn ends, bytes twice or missing: each is decoded or refused by name, within
/// five seconds and a gibibyte. `fuzz/` holds the same as a target for a fuzzer that looks for new paths.
#[test]
fn two_thousand_damaged_files_are_no_trouble() {
    let seeds = seeds();
    // Numbers that are the same in every run of the test (Knuth's MMIX).
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let mut refused = 0;
    for number in 0..2000 {
        let (format, seed) = &seeds[number % seeds.len()];
        let mut bytes = seed.clone();
        for _ in 0..=random(6) {
            let place = random(bytes.len());
            match random(5) {
                // Headers are where the sizes are.
                0 => bytes[place.min(60)] ^= 1 << random(8),
                1 | 2 => bytes[place] ^= 1 << random(8),
                3 => bytes.truncate(place + 1),
                _ => drop(bytes.splice(place..place, seed[..random(40)].to_vec())),
            }
        }
        let name = format!("{number}.{format}");
        let start = std::time::Instant::now();
        match decode_bytes(&bytes, &name) {
            Ok(picture) => assert!(picture.width() > 0),
            Err(error @ Error::Panicked { .. }) => panic!("{error}"),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().starts_with(&name), "{error}");
            }
        }
        assert!(start.elapsed().as_secs() < 5, "{name}: {:?}", start.elapsed());
    }
    assert!((500..2000).contains(&refused), "{refused} were refused");
    if let Some(peak) = peak_mebibytes() {
        assert!(peak < 1024, "{peak} MiB");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("zero.jpg");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    let socket = folder.path().join("socket.jpg");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    // Where the system has the command: nobody ever writes to it.
    let pipe = folder.path().join("pipe.jpg");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    let pipe = made.is_ok_and(|status| status.success()).then_some(pipe);
    for path in [link, socket].into_iter().chain(pipe) {
        let message = decode(&path).unwrap_err().to_string();
        assert!(message.contains("no regular file"), "{message}");
    }
}
