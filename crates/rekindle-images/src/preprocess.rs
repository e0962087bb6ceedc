//! Pictures to network inputs, equal to timm's evaluation transform.
//!
//! `timm.data.create_transform(..., is_training=False)` of timm 1.0 over torchvision 0.29, with `s = floor(size / crop_pct)`:
//!
//! | `crop_mode` | resized to | then |
//! |---|---|---|
//! | center, square `s` | the short side to `s`, the long side truncated | center crop, black where it is smaller |
//! | center, other | the smaller ratio of sides, rounded half to even | center crop, black where it is smaller |
//! | squash | `s`, whatever the aspect ratio | center crop |
//! | border | the larger ratio of sides, rounded half to even | center crop, the mean's color where it is smaller |

use std::borrow::Cow;

use rekindle_cards::{CropMode, Preprocessing};

use crate::resize::{Rectangle, resize};
use crate::{Error, Picture};

/// Turns pictures into normalised inputs `[channels, height, width]`, as the weights' card says.
#[derive(Debug, Clone)]
pub struct Preprocess {
    config: Preprocessing,
    /// The input of each channel for each 8-bit value: `(value / 255 - mean) / std` in 32 bits, as torch computes it.
    table: Vec<[f32; 256]>,
    /// Shows where the picture does not reach, one 8-bit value a channel.
    fill: Vec<u8>,
}

/// The value of a channel, where one may stand for all.
fn of(values: &[f32], channel: usize) -> f32 {
    if values.len() == 1 { values[0] } else { values[channel] }
}

/// Whether a picture is mirrored left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mirror {
    No,
    Yes,
}

impl Preprocess {
    /// Checks the preprocessing of some weights and prepares to carry it out.
    ///
    /// # Errors
    ///
    /// [`Error::Preprocessing`] lists every field out of range, and channel counts other than 1 and 3.
    pub fn new(config: &Preprocessing) -> Result<Self, Error> {
        let problems = problems(config);
        if !problems.is_empty() {
            return Err(Error::Preprocessing { problems });
        }
        let channels = config.input_size[0];
        let table = (0..channels).map(|channel| {
            let (mean, std) = (of(&config.mean, channel), of(&config.std, channel));
            std::array::from_fn(|value| (value as f32 / 255.0 - mean) / std)
        });
        let fill = (0..channels).map(|channel| match config.crop_mode {
            CropMode::Border => {
                (255.0 * f64::from(of(&config.mean, channel))).round_ties_even() as u8
            }
            CropMode::Center | CropMode::Squash => 0,
        });
        Ok(Self { config: config.clone(), table: table.collect(), fill: fill.collect() })
    }

    /// What it was made of.
    pub fn config(&self) -> &Preprocessing {
        &self.config
    }

    /// Channels, height and width of an input.
    pub fn shape(&self) -> [usize; 3] {
        self.config.input_size
    }

    /// Mean and standard deviation of a channel, of values in `[0, 1]`.
    pub(crate) fn scale(&self, channel: usize) -> [f32; 2] {
        [of(&self.config.mean, channel), of(&self.config.std, channel)]
    }

    /// The input of a picture, `[channels, height, width]`.
    ///
    /// # Errors
    ///
    /// [`Error::Resize`] for a picture beyond 2^32 pixels a side.
    pub fn apply(&self, picture: &Picture) -> Result<Vec<f32>, Error> {
        let mut out = vec![0.0; self.shape().iter().product()];
        self.apply_into(picture, &mut out)?;
        Ok(out)
    }

    /// The input of a picture, `[channels, height, width]`, written to `out`.
    ///
    /// # Errors
    ///
    /// Those of [`Preprocess::apply`].
    ///
    /// # Panics
    ///
    /// If `out` is not as long as [`Preprocess::shape`] multiplies to.
    pub fn apply_into(&self, picture: &Picture, out: &mut [f32]) -> Result<(), Error> {
        self.evaluate(picture, Mirror::No, out)
    }

    /// The evaluation transform, mirrored if asked.
    pub(crate) fn evaluate(
        &self,
        picture: &Picture,
        mirror: Mirror,
        out: &mut [f32],
    ) -> Result<(), Error> {
        let (pixels, place) = self.window(picture)?;
        self.normalise(&pixels, place, mirror, out);
        Ok(())
    }

    /// A part of the picture resized to the whole input, mirrored if asked.
    pub(crate) fn stretch(
        &self,
        picture: &Picture,
        part: Rectangle,
        mirror: Mirror,
        out: &mut [f32],
    ) -> Result<(), Error> {
        self.normalise(&self.stretched(picture, part)?, self.whole(), mirror, out);
        Ok(())
    }

    /// What the network will see of a picture, in 8 bits: of a part, or as for the evaluation.
    pub(crate) fn seen(
        &self,
        picture: &Picture,
        part: Option<Rectangle>,
    ) -> Result<Picture, Error> {
        let [channels, height, width] = self.shape();
        let of = |pixels| Ok(Picture::of(width, height, channels, pixels));
        if let Some(part) = part {
            return of(self.stretched(picture, part)?);
        }
        let (pixels, place) = self.window(picture)?;
        if place == self.whole() {
            return of(pixels);
        }
        let mut canvas = self.fill.repeat(height * width);
        let rows = canvas.chunks_exact_mut(width * channels).skip(place.top);
        for (row, line) in rows.zip(pixels.chunks_exact(place.width * channels)) {
            row[place.left * channels..][..line.len()].copy_from_slice(line);
        }
        of(canvas)
    }

    /// Writes the input of a picture that [`Preprocess::seen`] gave, in the same size and channels.
    pub(crate) fn normalise_whole(&self, picture: &Picture, out: &mut [f32]) {
        self.normalise(picture.pixels(), self.whole(), Mirror::No, out);
    }

    /// The pixels of the evaluation, and their place in the input.
    fn window(&self, picture: &Picture) -> Result<(Vec<u8>, Rectangle), Error> {
        let picture = self.in_channels(picture);
        let [_, height, width] = self.shape();
        let size = self.resized(picture.height(), picture.width());
        let (source_rows, target_row) = centered(size[0], height);
        let (source_columns, target_column) = centered(size[1], width);
        let window = Rectangle {
            top: source_rows.start,
            left: source_columns.start,
            height: source_rows.len(),
            width: source_columns.len(),
        };
        let whole = Rectangle::whole(&picture);
        let pixels = resize((&picture, whole), size, window, self.config.interpolation)?;
        Ok((pixels, Rectangle { top: target_row, left: target_column, ..window }))
    }

    fn stretched(&self, picture: &Picture, part: Rectangle) -> Result<Vec<u8>, Error> {
        let whole = self.whole();
        let size = [whole.height, whole.width];
        resize((&self.in_channels(picture), part), size, whole, self.config.interpolation)
    }

    fn whole(&self) -> Rectangle {
        let [_, height, width] = self.shape();
        Rectangle { top: 0, left: 0, height, width }
    }

    fn in_channels<'a>(&self, picture: &'a Picture) -> Cow<'a, Picture> {
        match self.shape()[0] {
            channels if channels == picture.channels() => Cow::Borrowed(picture),
            1 => Cow::Owned(picture.to_gray()),
            _ => Cow::Owned(picture.to_rgb()),
        }
    }

    /// Height and width that a picture is resized to before the crop.
    fn resized(&self, height: usize, width: usize) -> [usize; 2] {
        let [_, target_height, target_width] = self.shape();
        let target =
            [target_height, target_width].map(|side| (side as f64 / self.config.crop_pct).floor());
        let ratios = [height as f64 / target[0], width as f64 / target[1]];
        let by = |ratio: f64| {
            [height, width].map(|side| ((side as f64 / ratio).round_ties_even() as usize).max(1))
        };
        match self.config.crop_mode {
            CropMode::Squash => target.map(|side| side as usize),
            CropMode::Border => by(ratios[0].max(ratios[1])),
            CropMode::Center if target[0] != target[1] => by(ratios[0].min(ratios[1])),
            CropMode::Center => {
                let (short, long) = (height.min(width), height.max(width));
                let long = (target[0] * long as f64 / short as f64) as usize;
                let short = target[0] as usize;
                if width <= height { [long, short] } else { [short, long] }
            }
        }
    }

    /// Writes `pixels` to their `place` in the input, and the fill color around it.
    fn normalise(&self, pixels: &[u8], place: Rectangle, mirror: Mirror, out: &mut [f32]) {
        let [channels, height, width] = self.shape();
        assert_eq!(
            out.len(),
            channels * height * width,
            "an input has {channels} x {height} x {width} values"
        );
        match channels {
            1 => self.write_planes::<1>(pixels, place, mirror, out),
            _ => self.write_planes::<3>(pixels, place, mirror, out),
        }
    }

    /// [`Preprocess::normalise`] for a number of channels that is known when it is compiled.
    fn write_planes<const CHANNELS: usize>(
        &self,
        pixels: &[u8],
        place: Rectangle,
        mirror: Mirror,
        out: &mut [f32],
    ) {
        let [_, height, width] = self.shape();
        let left = match mirror {
            Mirror::No => place.left,
            Mirror::Yes => width - place.left - place.width,
        };
        let (pixels, _) = pixels.as_chunks::<CHANNELS>();
        for (channel, plane) in (0..CHANNELS).zip(out.chunks_exact_mut(height * width)) {
            let table = &self.table[channel];
            if place.height < height || place.width < width {
                plane.fill(table[usize::from(self.fill[channel])]);
            }
            let rows = plane.chunks_exact_mut(width).skip(place.top);
            for (row, line) in rows.zip(pixels.chunks_exact(place.width)) {
                let row = &mut row[left..left + place.width];
                let values = line.iter().map(|pixel| table[usize::from(pixel[channel])]);
                match mirror {
                    Mirror::No => row.iter_mut().zip(values).for_each(|(to, value)| *to = value),
                    Mirror::Yes => {
                        row.iter_mut().rev().zip(values).for_each(|(to, value)| *to = value);
                    }
                }
            }
        }
    }
}

/// What of `size` pixels a centered crop of `target` keeps, and where in the crop that begins.
fn centered(size: usize, target: usize) -> (std::ops::Range<usize>, usize) {
    if size <= target {
        return (0..size, (target - size) / 2);
    }
    let start = ((size - target) as f64 / 2.0).round_ties_even() as usize;
    (start..start + target, 0)
}

/// One line a field that cannot be carried out.
fn problems(config: &Preprocessing) -> Vec<String> {
    let mut problems = match config.validate() {
        Ok(()) => Vec::new(),
        Err(rekindle_cards::Error::Preprocessing { problems }) => problems,
        Err(error) => vec![error.to_string()],
    };
    let channels = config.input_size[0];
    if channels != 1 && channels != 3 {
        problems.push(format!(
            "input_size asks for {channels} channels, but pictures have 1 (gray) or 3 (RGB)"
        ));
    }
    problems
}
