//! TIFF files written by hand, so that each can be as odd as a test wants it.

/// Types of values, and the bytes of each.
pub(crate) const BYTE: u16 = 1;
pub(crate) const SHORT: u16 = 3;
pub(crate) const LONG: u16 = 4;
pub(crate) const RATIONAL: u16 = 5;
const LONG8: u16 = 16;

/// What a file is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct File {
    pub(crate) big_endian: bool,
    pub(crate) big: bool,
    /// Tags, the type of their values, and these; a fraction takes two.
    pub(crate) tags: Vec<(u16, u16, Vec<u64>)>,
    pub(crate) strips: Vec<Vec<u8>>,
    pub(crate) tiled: bool,
}

impl File {
    /// One strip of samples of so many bits, 3 pixels wide and 2 high, in a color space.
    pub(crate) fn new(space: u64, bits: &[u64], strip: &[u8]) -> Self {
        Self { strips: vec![strip.to_vec()], ..Self::default() }
            .with(256, SHORT, &[3])
            .with(257, SHORT, &[2])
            .with(258, SHORT, bits)
            .with(262, SHORT, &[space])
            .with(277, SHORT, &[bits.len() as u64])
    }

    /// With a tag, in the place of the one that there was.
    pub(crate) fn with(mut self, tag: u16, kind: u16, values: &[u64]) -> Self {
        self.tags.retain(|row| row.0 != tag);
        self.tags.push((tag, kind, values.to_vec()));
        self
    }

    pub(crate) fn big_endian(self) -> Self {
        Self { big_endian: true, ..self }
    }

    pub(crate) fn big(self) -> Self {
        Self { big: true, ..self }
    }

    fn number(&self, kind: u16, value: u64) -> Vec<u8> {
        let length = match kind {
            BYTE => 1,
            SHORT => 2,
            LONG | RATIONAL => 4,
            _ => 8,
        };
        match self.big_endian {
            true => value.to_be_bytes()[8 - length..].to_vec(),
            false => value.to_le_bytes()[..length].to_vec(),
        }
    }

    /// Head, directory, long values, then strips: what is cut off are samples first.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let word = if self.big { LONG8 } else { LONG };
        let [head, count, entry, inline] = if self.big { [16, 8, 20, 8] } else { [8, 2, 12, 4] };
        let lists = if self.tiled { [324, 325] } else { [273, 279] };
        let has = |tag| self.tags.iter().any(|row| row.0 == tag);
        let mut tags = self.tags.clone();
        let lengths: Vec<u64> = self.strips.iter().map(|strip| strip.len() as u64).collect();
        let [own_places, own_lengths] = lists.map(has);
        if !own_places {
            tags.push((lists[0], word, vec![0; lengths.len()]));
        }
        if !own_lengths {
            tags.push((lists[1], word, lengths.clone()));
        }
        tags.sort_unstable();
        let values = |kind: u16, values: &[u64]| -> Vec<u8> {
            values.iter().flat_map(|value| self.number(kind, *value)).collect()
        };
        let directory = head + count + entry * tags.len() + inline;
        let long: usize = tags
            .iter()
            .map(|(_, kind, list)| values(*kind, list).len())
            .filter(|length| *length > inline)
            .sum();
        let mut place = (directory + long) as u64;
        if !own_places {
            let list = tags.iter_mut().find(|row| row.0 == lists[0]).unwrap();
            for (place_of, length) in list.2.iter_mut().zip(&lengths) {
                *place_of = place;
                place += length;
            }
        }
        let mut bytes = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        bytes.extend(values(SHORT, if self.big { &[43, 8, 0] } else { &[42] }));
        bytes.extend(self.number(word, head as u64));
        bytes.extend(self.number(if self.big { LONG8 } else { SHORT }, tags.len() as u64));
        let mut rest = Vec::new();
        for (tag, kind, list) in &tags {
            let written = values(*kind, list);
            let items = if *kind == RATIONAL { list.len() / 2 } else { list.len() };
            bytes.extend(values(SHORT, &[u64::from(*tag), u64::from(*kind)]));
            bytes.extend(self.number(word, items as u64));
            let end = bytes.len() + inline;
            if written.len() > inline {
                bytes.extend(self.number(word, (directory + rest.len()) as u64));
                rest.extend(written);
            } else {
                bytes.extend(written);
            }
            bytes.resize(end, 0);
        }
        bytes.extend(self.number(word, 0));
        bytes.extend(rest);
        self.strips.iter().for_each(|strip| bytes.extend(strip));
        bytes
    }
}
