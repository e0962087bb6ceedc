//! Pictures over a network: looked at before they are decoded.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rekindle_images::{Source, announced_size, decode_bytes, format_name};

use super::{
    Code, Content, InputAbout, Item, Kind, Problem, ServedKind, ServedOptions, Shown, other_kind,
    problem,
};
use crate::{Error, Model, Pictures};

/// What files of each format end in.
const ENDINGS: [(&str, &str); 7] = [
    ("BMP", "bmp"),
    ("GIF", "gif"),
    ("JPEG", "jpg"),
    ("PNG", "png"),
    ("PNM", "pnm"),
    ("TIFF", "tiff"),
    ("WebP", "webp"),
];

impl ServedKind for Pictures {
    const EXPLAINS: bool = true;
    const UNREADABLE: Code = Code::UnreadablePicture;
    const SERVED: Kind = Kind::Pictures;

    fn input(model: &Model) -> InputAbout {
        let size = model.config().image().map_or([0; 3], |about| about.input_size);
        let [_, height, width] = size;
        InputAbout::Picture { height, width }
    }

    fn item(_: &Model, item: &Item, options: &ServedOptions) -> Result<Source, Problem> {
        let Content::Picture(bytes) = &item.content else {
            return Err(other_kind(item, "pictures"));
        };
        if format_name(bytes).is_none()
            && let Err(error) = decode_bytes(bytes, &item.field)
        {
            return Err(Self::problem(item, &error.into()));
        }
        let size = announced_size(bytes).unwrap_or_default();
        let [width, height] = size;
        if width.saturating_mul(height) > options.max_pixels {
            let most = options.max_pixels;
            let what = format!("{width} x {height} pixels, more than {most}; shrink the picture");
            return Err(Problem::of(Code::PictureTooLarge, &item.field, what));
        }
        Ok(Source::Bytes { name: item.field.as_str().into(), bytes: bytes[..].into() })
    }

    fn ending(item: &Item) -> Result<&'static str, Problem> {
        let Content::Picture(bytes) = &item.content else {
            return Err(other_kind(item, "pictures"));
        };
        let format = format_name(bytes);
        let found = ENDINGS.iter().find(|(name, _)| Some(*name) == format);
        found.map(|(_, ending)| *ending).ok_or_else(|| {
            let what = "not a picture; give a JPEG, PNG, WebP, GIF, BMP, TIFF or PNM file";
            Problem::of(Code::UnreadablePicture, &item.field, what)
        })
    }

    fn spoke(model: &Model, item: &Source, output: usize) -> Result<Shown, Error> {
        let cam = model.grad_cam(item.clone(), output)?;
        let [_, columns] = cam.size;
        Ok(Shown::Picture {
            overlay: STANDARD.encode(cam.overlay().to_png()?),
            map: cam.heat.chunks(columns.max(1)).map(<[f32]>::to_vec).collect(),
        })
    }

    fn problem(item: &Item, error: &Error) -> Problem {
        let code = match error {
            Error::Data(rekindle_images::Error::TooLarge { .. }) => Code::PictureTooLarge,
            _ => Self::UNREADABLE,
        };
        problem(code, item, error)
    }
}
