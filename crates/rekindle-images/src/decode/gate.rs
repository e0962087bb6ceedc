//! Large pictures one at a time, whatever the number of threads: each may take gigabytes until it is resized.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::failure::{Failure, check_size};

/// Pictures that take more bytes while they are decoded wait for one another: 32 million pixels of 8-bit RGB, and fewer of 16.
pub const LARGE_BYTES: usize = 96 << 20;

/// Held while a large picture is decoded, resized and dropped.
static LARGE_ONE: Mutex<()> = Mutex::new(());

/// What a large picture holds for as long as it is needed; small ones hold nothing.
#[derive(Debug, Default)]
pub(crate) struct Gate(Option<MutexGuard<'static, ()>>);

impl Gate {
    /// Waits until no other large picture is in memory, if this one takes so many bytes.
    pub(crate) fn pass(&mut self, bytes: usize) {
        if bytes > LARGE_BYTES && self.0.is_none() {
            // A panic elsewhere while it was held leaves nothing half done.
            self.0 = Some(LARGE_ONE.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Whether others wait for it.
    #[cfg(test)]
    pub(crate) fn is_held(&self) -> bool {
        self.0.is_some()
    }
}

/// The file that is decoded: its name for errors, and the gate that it passes before anything is allocated for it.
pub(super) struct Subject<'a> {
    name: &'a str,
    gate: RefCell<Gate>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        Self { name, gate: RefCell::default() }
    }

    /// Refuses a picture of more pixels than are decoded, and lets a large one wait.
    pub(super) fn admit(&self, size: [usize; 2]) -> Result<(), Failure> {
        check_size(self.name, size)?;
        self.wait(3 * size[0] * size[1]);
        Ok(())
    }

    /// Lets what takes so many bytes wait, if that is much.
    pub(super) fn wait(&self, bytes: usize) {
        self.gate.borrow_mut().pass(bytes);
    }

    /// What it holds.
    pub(super) fn into_gate(self) -> Gate {
        self.gate.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ::image::ImageFormat;

    use super::super::{image, known};
    use super::*;

    /// The first bytes of a square picture of that side.
    type Header = fn(u16) -> Vec<u8>;

    /// What each format says first; nothing of the pixels follows.
    const HEADERS: [(&str, Header); 7] = [
        ("BMP", |side| {
            let sides = u32::from(side).to_le_bytes().repeat(2);
            let head = b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".as_slice();
            [head, &sides, &[1, 0, 24, 0], &[0; 24]].concat()
        }),
        ("GIF", |side| {
            let sides = side.to_le_bytes().repeat(2);
            let place = [0x2c, 0, 0, 0, 0].as_slice();
            [b"GIF89a".as_slice(), &sides, &[0, 0, 0], place, &sides, &[0]].concat()
        }),
        ("JPEG", |side| {
            let sides = side.to_be_bytes().repeat(2);
            let frame = [b"\xff\xd8\xff\xc0\0\x0b\x08".as_slice(), &sides, &[1, 1, 0x11, 0]];
            let tables = [b"\xff\xdb\0\x43\0".as_slice(), &[1; 64], b"\xff\xc4\0\x14\0\x01"];
            let scan = [[0; 15].as_slice(), b"\0\xff\xda\0\x08\x01\x01\0\0\x3f\0"];
            [frame.concat(), tables.concat(), scan.concat()].concat()
        }),
        ("PNG", |side| {
            let sides = u32::from(side).to_be_bytes().repeat(2);
            [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &sides, b"\x08\x02\0\0\0\0\0\0\0"]
                .concat()
        }),
        ("PNM", |side| format!("P6\n{side} {side}\n255\n").into_bytes()),
        ("TIFF", |side| {
            let side = u32::from(side);
            let entries = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 8)];
            let entries = entries.into_iter().chain([(277, 1), (278, side), (279, 8)]);
            let entry = |(tag, value): (u16, u32)| {
                [&tag.to_le_bytes()[..], &[4, 0, 1, 0, 0, 0], &value.to_le_bytes()].concat()
            };
            let entries: Vec<u8> = entries.flat_map(entry).collect();
            [b"II*\0\x08\0\0\0\x09\0".as_slice(), &entries, &[0; 4]].concat()
        }),
        ("WebP", |side| {
            let side = u32::from(side) - 1;
            let sides = (side | side << 14).to_le_bytes();
            [b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f".as_slice(), &sides, &[0; 5]].concat()
        }),
    ];

    #[test]
    fn large_pictures_of_every_format_wait_before_anything_is_decoded() {
        for (name, header) in HEADERS {
            for (side, held) in [(5000, false), (6000, true), (13_000, true)] {
                let bytes = header(side);
                let (format, known) = known(&bytes).unwrap();
                assert_eq!(known, name);
                let file = Subject::new(name);
                let failure = image(&bytes, format, &file, &mut |height, _| height).unwrap_err();
                assert_eq!(file.into_gate().is_held(), held, "{name} {side}: {failure:?}");
            }
        }
    }

    /// Sixteen bits a channel take more than eight, and so does what a TIFF's strips are expanded to.
    #[test]
    fn bytes_count_and_not_pixels_alone() {
        let [_, _, _, (_, png), _, (_, tiff), _] = HEADERS;
        let file = Subject::new("deep.tif");
        let mut deep = tiff(4500);
        // Bits, channels and color space of 16-bit RGBA.
        for (tag, value) in [(258_u16, 16), (277, 4), (262, 2)] {
            let at = deep.windows(2).position(|it| it == tag.to_le_bytes()).unwrap();
            deep[at + 8] = value;
        }
        image(&deep, ImageFormat::Tiff, &file, &mut |height, _| height).unwrap_err();
        assert!(file.into_gate().is_held());
        let file = Subject::new("small.png");
        image(&png(4500), ImageFormat::Png, &file, &mut |height, _| height).unwrap_err();
        assert!(!file.into_gate().is_held());
    }

    #[test]
    fn one_large_picture_is_in_memory_at_a_time() {
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let mut gate = Gate::default();
                        gate.pass(LARGE_BYTES + 1);
                        // Twice is once: a decoder may be asked again.
                        gate.pass(LARGE_BYTES + 1);
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        let (mut one, mut other) = (Gate::default(), Gate::default());
        one.pass(LARGE_BYTES);
        other.pass(LARGE_BYTES);
        assert!(!one.is_held() && !other.is_held());
    }
}
