//! What samples mean, as Pillow's `convert("RGB")` applies it.
//!
//! | color space | samples | here |
//! |---|---|---|
//! | black or white is zero | 1, 2 or 4 bits | spread over 0..255 |
//! | | 8 bits, or 16 without a sign | the high byte |
//! | | 16 with a sign, 32 or 64 bits, whole or float | clipped to 0..255 |
//! | palette | 1, 2, 4 or 8 bits | looked up |
//! | RGB, CMYK | 8 or 16 bits | the high byte |
//! | YCbCr | 8 bits, all samples or JPEG | as JFIF has it |
//! | CIE L\*a\*b\* | 8 bits | [by a table](super::lab) |
//!
//! Alpha and other channels beyond those are dropped; colors that were multiplied by alpha are divided by it first.

use super::super::failure::Failure;
use super::super::planes;
use super::lab;
use super::page::{JPEG, Page, YCBCR};

/// PhotometricInterpretation, but for YCbCr.
const WHITE_IS_ZERO: u16 = 0;
const BLACK_IS_ZERO: u16 = 1;
const RGB: u16 = 2;
const PALETTE: u16 = 3;
const CMYK: u16 = 5;
const CIE_LAB: u16 = 8;

/// Color spaces that are refused, by name.
const REFUSED: &[(u16, &str)] =
    &[(4, "a mask alone"), (9, "ICC L*a*b* colors"), (10, "ITU L*a*b* colors")];

/// Whole numbers without and with a sign, and others.
const UNSIGNED: u16 = 1;
const SIGNED: u16 = 2;
const FLOAT: u16 = 3;

/// The channel beyond the colors that these were multiplied by.
const ASSOCIATED_ALPHA: u16 = 1;

/// How samples become colors.
#[derive(Debug)]
pub(super) enum Colors {
    /// The most that a sample is, and whether that is black.
    Gray {
        most: u8,
        is_inverted: bool,
    },
    Palette(Vec<[u8; 3]>),
    Rgb,
    Cmyk,
    YCbCr,
    Lab,
}

impl Colors {
    /// The colors of a page, or the kind that is not read.
    pub(super) fn of(page: &Page) -> Result<Self, Failure> {
        let colors = match page.space {
            WHITE_IS_ZERO | BLACK_IS_ZERO => Self::Gray {
                most: (0xff_u32 >> 8_u32.saturating_sub(page.bits.into())) as u8,
                // Pillow inverts whole numbers only.
                is_inverted: page.space == WHITE_IS_ZERO && page.format != FLOAT,
            },
            RGB => Self::Rgb,
            PALETTE => Self::Palette(palette(page)?),
            CMYK => Self::Cmyk,
            YCBCR if page.compression == JPEG && !page.planar => Self::Rgb,
            YCBCR if !page.full_color => {
                return Err(Failure::unsupported("fewer samples of color than of brightness"));
            }
            YCBCR if !page.usual_color => {
                return Err(Failure::unsupported("YCbCr of a scale of its own"));
            }
            YCBCR => Self::YCbCr,
            CIE_LAB => Self::Lab,
            other => {
                let known = REFUSED.iter().find(|(number, _)| *number == other);
                let named =
                    known.map_or_else(|| format!("color space {other}"), |row| row.1.into());
                return Err(Failure::Unsupported(named));
            }
        };
        colors.check_depth(page)?;
        colors.check_channels(page)?;
        Ok(colors)
    }

    fn check_depth(&self, page: &Page) -> Result<(), Failure> {
        let is_read = match (self, page.format) {
            (Self::Gray { .. }, UNSIGNED) => matches!(page.bits, 1 | 2 | 4 | 8 | 16 | 32),
            (Self::Gray { .. }, SIGNED) => matches!(page.bits, 8 | 16 | 32),
            (Self::Gray { .. }, FLOAT) => matches!(page.bits, 32 | 64),
            (Self::Palette(_), UNSIGNED) => matches!(page.bits, 1 | 2 | 4 | 8),
            (Self::Rgb | Self::Cmyk, UNSIGNED) => matches!(page.bits, 8 | 16),
            (Self::YCbCr | Self::Lab, UNSIGNED) => page.bits == 8,
            _ => false,
        };
        // Several samples of less than a byte, or of numbers that are clipped, are nothing that Pillow reads.
        let is_plain = page.format == UNSIGNED && matches!(page.bits, 8 | 16);
        if is_read && (page.channels == 1 || is_plain) {
            return Ok(());
        }
        let kind = match page.format {
            UNSIGNED => "",
            SIGNED => "signed ",
            FLOAT => "float ",
            _ => "complex or untyped ",
        };
        let name = match self {
            Self::Gray { .. } if page.channels > 1 => "gray and alpha",
            Self::Gray { .. } => "gray",
            Self::Palette(_) => "a palette",
            Self::Rgb => "RGB",
            Self::Cmyk => "CMYK",
            Self::YCbCr => "YCbCr",
            Self::Lab => "L*a*b*",
        };
        Err(Failure::Unsupported(format!("{name} of {kind}{}-bit samples", page.bits)))
    }

    fn check_channels(&self, page: &Page) -> Result<(), Failure> {
        let (least, most) = match self {
            Self::Gray { .. } | Self::Palette(_) => (1, 1 + page.extra.len().min(1)),
            Self::Rgb if page.space == YCBCR => (3, 3),
            Self::Rgb | Self::Cmyk => (self.channels(), 6),
            Self::YCbCr | Self::Lab => (3, 3),
        };
        if (least..=most).contains(&page.channels) {
            return Ok(());
        }
        Err(Failure::Unsupported(format!("{} channels where {least} are colors", page.channels)))
    }

    /// Channels that are colors.
    fn channels(&self) -> usize {
        match self {
            Self::Gray { .. } | Self::Palette(_) => 1,
            Self::Rgb | Self::YCbCr | Self::Lab => 3,
            Self::Cmyk => 4,
        }
    }

    /// The pixels of a page of these samples.
    pub(super) fn rgb(&self, page: &Page, mut samples: Vec<u8>) -> Vec<u8> {
        let channels = page.channels;
        let is_multiplied =
            channels > self.channels() && page.extra.first() == Some(&ASSOCIATED_ALPHA);
        if is_multiplied && matches!(self, Self::Gray { .. } | Self::Rgb) {
            for pixel in samples.chunks_exact_mut(channels) {
                divide(pixel, self.channels());
            }
        }
        let pixels = samples.chunks_exact(channels);
        match self {
            Self::Rgb if channels == 3 => samples,
            Self::Rgb => pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
            Self::Gray { most, is_inverted } => {
                let scale = 255 / most;
                let gray =
                    |value: u8| if *is_inverted { 255 - value * scale } else { value * scale };
                pixels.flat_map(|pixel| [gray(pixel[0]); 3]).collect()
            }
            Self::Palette(palette) => {
                let color =
                    |index: u8| palette.get(usize::from(index)).copied().unwrap_or_default();
                pixels.flat_map(|pixel| color(pixel[0])).collect()
            }
            Self::Cmyk => {
                pixels.flat_map(|pixel| cmyk([pixel[0], pixel[1], pixel[2], pixel[3]])).collect()
            }
            Self::YCbCr => {
                pixels.flat_map(|pixel| planes::rgb([pixel[0], pixel[1], pixel[2]])).collect()
            }
            Self::Lab => {
                let table = lab::Table::new();
                pixels.flat_map(|pixel| table.rgb([pixel[0], pixel[1], pixel[2]])).collect()
            }
        }
    }
}

/// Three lists of 16 bits; those of some writers have 8, which libtiff tells by none being above.
fn palette(page: &Page) -> Result<Vec<[u8; 3]>, Failure> {
    let length = page.palette.len() / 3;
    if page.bits > 8 || page.palette.len() != 3 << page.bits {
        let cause = format!("its palette of {length} colors does not fit {} bits", page.bits);
        return Err(Failure::Decoder(cause));
    }
    let shift = if page.palette.iter().all(|value| *value < 256) { 0 } else { 8 };
    let value = |channel: usize, at: usize| (page.palette[channel * length + at] >> shift) as u8;
    Ok((0..length).map(|at| [0, 1, 2].map(|channel| value(channel, at))).collect())
}

/// Undoes the multiplication of colors by the alpha behind them.
fn divide(pixel: &mut [u8], colors: usize) {
    let alpha = u32::from(pixel[colors]);
    for value in &mut pixel[..colors] {
        *value = (255 * u32::from(*value)).checked_div(alpha).unwrap_or(0).min(255) as u8;
    }
}

/// Without a color profile: what each ink and black leave of white.
fn cmyk([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let white = 255 - u32::from(black);
    [cyan, magenta, yellow].map(|ink| {
        // A product of two parts of 255, rounded.
        let product = u32::from(ink) * white + 128;
        (white - (((product >> 8) + product) >> 8)) as u8
    })
}
