//! What a page's directory says of its samples (TIFF 6.0; Adobe's technical notes; libtiff's own tags).

use std::io::Cursor;

use ::tiff::decoder::ifd::Value;
use ::tiff::decoder::{ChunkType, Decoder};
use ::tiff::tags::Tag;

use super::super::failure::Failure;

/// The compression of JPEG, and the color space of brightness and two colors.
pub(super) const JPEG: u16 = 7;
pub(super) const YCBCR: u16 = 6;

const FAX_OPTIONS: Tag = Tag::Unknown(292);
const COEFFICIENTS: Tag = Tag::Unknown(529);
const REFERENCE: Tag = Tag::Unknown(532);

/// What brightness is of red, green and blue, and what black and white are in each channel, where a page does not say.
const USUAL_COEFFICIENTS: [f64; 3] = [0.299, 0.587, 0.114];
const USUAL_REFERENCE: [f64; 6] = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];

/// A page, by the numbers of the specification.
#[derive(Debug)]
pub(super) struct Page {
    /// The first two bytes of the file.
    pub(super) big_endian: bool,
    /// Width and height.
    pub(super) size: [usize; 2],
    pub(super) bits: u16,
    pub(super) channels: usize,
    /// SampleFormat: 1 unsigned, 2 signed, 3 float.
    pub(super) format: u16,
    /// PhotometricInterpretation.
    pub(super) space: u16,
    pub(super) compression: u16,
    pub(super) predictor: u16,
    pub(super) planar: bool,
    /// Whether each byte has its first pixel in its lowest bit.
    pub(super) reversed: bool,
    /// What channels there are beyond those of the color space.
    pub(super) extra: Vec<u16>,
    pub(super) palette: Vec<u16>,
    /// Whether colors have as many samples as brightness.
    pub(super) full_color: bool,
    /// Whether brightness and color mean what they usually do.
    pub(super) usual_color: bool,
    pub(super) jpeg_tables: Vec<u8>,
    pub(super) fax_options: u32,
    pub(super) tiled: bool,
    /// Width and height of a strip or tile.
    pub(super) chunk: [usize; 2],
    /// Where each strip or tile lies, and its bytes.
    pub(super) places: Vec<[u64; 2]>,
}

impl Page {
    pub(super) fn read(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<Self, Failure> {
        let big_endian = decoder.inner().get_ref().starts_with(b"MM");
        let (width, height) = decoder.dimensions()?;
        let size = [width as usize, height as usize];
        let tiled = decoder.get_chunk_type() == ChunkType::Tile;
        let [offsets, counts] = match tiled {
            true => [Tag::TileOffsets, Tag::TileByteCounts],
            false => [Tag::StripOffsets, Tag::StripByteCounts],
        };
        let offsets = decoder.get_tag_u64_vec(offsets)?;
        let places = offsets.into_iter().zip(decoder.get_tag_u64_vec(counts)?);
        let (chunk_width, chunk_height) = decoder.chunk_dimensions();
        let chunk_height = match tiled {
            true => chunk_height as usize,
            false => (chunk_height as usize).min(size[1]),
        };
        let number = |decoder: &mut Decoder<_>, tag, usual: u16| {
            decoder.find_tag_unsigned(tag).map(|value| value.unwrap_or(usual))
        };
        let numbers = |decoder: &mut Decoder<_>, tag| {
            decoder.find_tag_unsigned_vec::<u16>(tag).map(Option::unwrap_or_default)
        };
        let first = |numbers: Vec<u16>| numbers.first().copied().unwrap_or(1);
        Ok(Self {
            big_endian,
            size,
            bits: first(numbers(decoder, Tag::BitsPerSample)?),
            channels: usize::from(number(decoder, Tag::SamplesPerPixel, 1)?),
            format: first(numbers(decoder, Tag::SampleFormat)?),
            space: decoder.get_tag_unsigned(Tag::PhotometricInterpretation)?,
            compression: number(decoder, Tag::Compression, 1)?,
            predictor: number(decoder, Tag::Predictor, 1)?,
            planar: number(decoder, Tag::PlanarConfiguration, 1)? == 2,
            reversed: number(decoder, Tag::FillOrder, 1)? == 2,
            extra: numbers(decoder, Tag::ExtraSamples)?,
            palette: numbers(decoder, Tag::ColorMap)?,
            full_color: numbers(decoder, Tag::ChromaSubsampling)? == [1, 1],
            usual_color: is_near(decoder, COEFFICIENTS, &USUAL_COEFFICIENTS)
                && is_near(decoder, REFERENCE, &USUAL_REFERENCE),
            jpeg_tables: match decoder.find_tag(Tag::JPEGTables)? {
                Some(tables) => tables.into_u8_vec()?,
                None => Vec::new(),
            },
            fax_options: decoder.find_tag_unsigned(FAX_OPTIONS)?.unwrap_or_default(),
            tiled,
            chunk: [chunk_width as usize, chunk_height],
            places: places.map(|(offset, count)| [offset, count]).collect(),
        })
    }

    /// Bytes that all samples take, as they are stored.
    pub(super) fn sample_bytes(&self) -> usize {
        let sample = usize::from(self.bits.div_ceil(8)).saturating_mul(self.channels);
        sample.saturating_mul(self.size[0]).saturating_mul(self.size[1])
    }

    /// Channels of a strip or tile.
    pub(super) fn chunk_channels(&self) -> usize {
        if self.planar { 1 } else { self.channels }
    }

    /// Bytes of a row of a strip or tile.
    pub(super) fn row_bytes(&self) -> usize {
        (self.chunk[0].saturating_mul(self.chunk_channels()))
            .saturating_mul(usize::from(self.bits))
            .div_ceil(8)
    }

    /// Rows of a strip or tile: the last strip of a plane has those that are left.
    pub(super) fn rows(&self, chunk: usize) -> usize {
        let [height, rows] = [self.size[1], self.chunk[1]];
        if self.tiled {
            return rows;
        }
        let strips = height.div_ceil(rows.max(1)).max(1);
        (height - chunk % strips * rows).min(rows)
    }
}

/// Whether a tag of fractions is missing or has these values.
fn is_near(decoder: &mut Decoder<Cursor<&[u8]>>, tag: Tag, usual: &[f64]) -> bool {
    let Ok(value) = decoder.find_tag(tag) else { return false };
    let Some(value) = value else { return true };
    let values = match value {
        Value::List(values) => values,
        value => vec![value],
    };
    let is_close = |(value, usual): (&Value, &f64)| match value {
        Value::Rational(above, below) => {
            (f64::from(*above) / f64::from(*below) - usual).abs() < 1e-3
        }
        _ => false,
    };
    values.len() == usual.len() && values.iter().zip(usual).all(is_close)
}
