//! What a JPEG's markers say of how it is coded, to tell what the decoder gets right from what it does not.
//!
//! | frame, scans, sampling | here |
//! |---|---|
//! | Huffman-coded, all components in one scan, brightness sampled at most as coarsely as colors | decoded |
//! | progressive | decoded |
//! | baseline, a scan a component | [decoded](super::planes), a component at a time |
//! | baseline, in scans of some components each | refused |
//! | brightness sampled more coarsely than a color, or three times as finely | refused |
//! | arithmetic, lossless, hierarchical | refused |
//!
//! Recommendation T.81, annex B.

/// How a JPEG is coded.
#[derive(Debug, Default)]
pub(super) struct Markers<'a> {
    pub(super) frame: Option<Frame>,
    pub(super) scans: Vec<Scan<'a>>,
    /// Segments of Huffman tables, whole.
    pub(super) huffman: Vec<&'a [u8]>,
    /// Segments of quantization tables, whole.
    pub(super) quantization: Vec<&'a [u8]>,
    /// Whether an application's segment says that the components are red, green and blue, or that they are not.
    pub(super) is_rgb: Option<bool>,
    /// Whether the picture ends by its own marker.
    pub(super) ends: bool,
}

#[derive(Debug)]
pub(super) struct Frame {
    /// The second byte of its marker.
    pub(super) marker: u8,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: Vec<Component>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) id: u8,
    pub(super) horizontal: usize,
    pub(super) vertical: usize,
    pub(super) table: u8,
}

#[derive(Debug)]
pub(super) struct Scan<'a> {
    /// The ids of its components, each with its Huffman tables.
    pub(super) components: Vec<[u8; 2]>,
    /// How many segments of Huffman tables stand before it.
    pub(super) huffman: usize,
    /// The segment of the restart interval that counts here.
    pub(super) restart: Option<&'a [u8]>,
    pub(super) data: &'a [u8],
}

/// The way to decode a JPEG.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    Whole,
    Components,
}

impl<'a> Markers<'a> {
    /// Reads up to the end of the first picture, or as far as there is any sense in it.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut found = Self::default();
        let mut restart = None;
        let mut jfif = false;
        let mut at = 2;
        while let Some(&[first, marker]) = bytes.get(at..at + 2) {
            match (first, marker) {
                (0xff, 0xd9) => {
                    found.ends = true;
                    break;
                }
                // Another picture begins before this one has ended.
                (0xff, 0xd8) => break,
                (0xff, 0x01..=0xfe) if !matches!(marker, 0x01 | 0xd0..=0xd7) => {}
                _ => {
                    at += 1;
                    continue;
                }
            }
            let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { break };
            let end = at + 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            let (Some(segment), Some(body)) = (bytes.get(at..end), bytes.get(at + 4..end)) else {
                break;
            };
            at = end;
            match marker {
                0xc4 => found.huffman.push(segment),
                0xdb => found.quantization.push(segment),
                0xdd => restart = Some(segment),
                0xe0 => jfif |= body.starts_with(b"JFIF\0"),
                0xee if body.starts_with(b"Adobe") && !jfif => {
                    found.is_rgb = body.get(11).map(|transform| *transform == 0);
                }
                0xc0..=0xcf if !matches!(marker, 0xc8 | 0xcc) && found.frame.is_none() => {
                    found.frame = Frame::read(marker, body);
                }
                0xda => {
                    let data = &bytes[at..at + scan_length(&bytes[at..])];
                    at += data.len();
                    let count = usize::from(body.first().copied().unwrap_or_default());
                    let pairs = body.get(1..).unwrap_or_default().as_chunks::<2>().0;
                    let components = pairs.iter().take(count).copied().collect();
                    let huffman = found.huffman.len();
                    found.scans.push(Scan { components, huffman, restart, data });
                }
                _ => {}
            }
        }
        if jfif {
            found.is_rgb = Some(false);
        }
        found
    }

    /// How to decode it, or the kind that is not read.
    pub(super) fn way(&self) -> Result<Way, &'static str> {
        let Some(frame) = &self.frame else { return Ok(Way::Whole) };
        match frame.marker {
            0xc9..=0xcf => return Err("arithmetic coding"),
            0xc3 => return Err("lossless coding"),
            0xc5..=0xc7 => return Err("hierarchical coding"),
            _ => {}
        }
        let Some(first) = frame.components.first() else { return Ok(Way::Whole) };
        if frame.marker != 0xc2 && self.scans.len() > 1 {
            let mut ids: Vec<u8> = self
                .scans
                .iter()
                .filter(|scan| scan.components.len() == 1)
                .map(|scan| scan.components[0][0])
                .collect();
            let mut all: Vec<u8> = frame.components.iter().map(|component| component.id).collect();
            ids.sort_unstable();
            all.sort_unstable();
            if ids != all || self.scans.len() != all.len() || all.len() != 3 {
                return Err("scans of some components each");
            }
            return Ok(Way::Components);
        }
        let coarse = |component: &Component| {
            component.horizontal > first.horizontal || component.vertical > first.vertical
        };
        if frame.components.iter().any(coarse) {
            return Err("brightness sampled more coarsely than a color");
        }
        if frame.components.len() > 1 && [first.horizontal, first.vertical].contains(&3) {
            return Err("brightness sampled three times as finely as colors");
        }
        Ok(Way::Whole)
    }
}

impl Frame {
    fn read(marker: u8, body: &[u8]) -> Option<Self> {
        let (&[_, h1, h2, w1, w2, count], rest) = body.split_first_chunk()?;
        let [height, width] =
            [[h1, h2], [w1, w2]].map(|side| usize::from(u16::from_be_bytes(side)));
        let components = rest.as_chunks::<3>().0.iter().take(usize::from(count));
        let components = components.map(|&[id, sampling, table]| Component {
            id,
            horizontal: usize::from(sampling >> 4),
            vertical: usize::from(sampling & 15),
            table,
        });
        Some(Self { marker, width, height, components: components.collect() })
    }

    /// The most samples across and down that a component has in a block of all.
    pub(super) fn most(&self) -> [usize; 2] {
        let most = |of: fn(&Component) -> usize| self.components.iter().map(of).max().unwrap_or(1);
        [most(|component| component.horizontal), most(|component| component.vertical)]
    }
}

/// How long the coded data is: up to the next marker that is no restart.
fn scan_length(bytes: &[u8]) -> usize {
    let ends = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    bytes.windows(2).position(ends).unwrap_or(bytes.len())
}
