//! What a record holds: an event, as TensorFlow's `event.proto` and `summary.proto` lay it out.
//!
//! Numbers, pictures and histograms have the fields that TensorBoard has read from the beginning,
//! and which all its readers (and all its writers) still know. A text needs a tensor.

use super::{histogram::Histogram, protobuf::Message};

/// What happened.
#[derive(Debug)]
pub(super) enum What<'a> {
    /// The first event of a file: how the others are to be read.
    Version,
    /// A run starts; what an earlier file says of this step, or a later one, is void.
    Start,
    /// Something was measured, under this tag.
    Value(&'a str, Value<'a>),
}

/// What was measured.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Scalar(f32),
    Histogram(Histogram),
    Image(Image<'a>),
    Text(&'a str),
}

/// A picture, as it is encoded, and what its header says.
#[derive(Debug, PartialEq)]
pub(super) struct Image<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) channels: u8,
    pub(super) png: &'a [u8],
}

/// `SessionLog.START`.
const START: i64 = 1;
/// `DT_STRING` of `types.proto`.
const STRING: i64 = 7;

/// An event at a time in seconds since 1970.
pub(super) fn encode(wall_time: f64, step: i64, what: &What<'_>) -> Vec<u8> {
    let event = Message::default().double(1, wall_time).int(2, step);
    let event = match what {
        What::Version => event.bytes(3, "brain.Event:2"),
        What::Start => event.message(7, Message::default().int(1, START)),
        What::Value(tag, value) => {
            event.message(5, Message::default().message(1, summary(tag, value)))
        }
    };
    event.into_bytes()
}

/// `Summary.Value`.
fn summary(tag: &str, value: &Value<'_>) -> Message {
    let summary = Message::default().bytes(1, tag);
    match value {
        Value::Scalar(value) => summary.alternative_float(2, *value),
        Value::Histogram(histogram) => summary.message(5, histogram_proto(histogram)),
        Value::Image(image) => {
            let proto = Message::default()
                .int(1, image.height.into())
                .int(2, image.width.into())
                .int(3, image.channels.into())
                .bytes(4, image.png);
            summary.message(4, proto)
        }
        Value::Text(text) => {
            let shape = Message::default().message(2, Message::default().int(1, 1));
            let tensor = Message::default().int(1, STRING).message(2, shape).bytes(8, text);
            let plugin = Message::default().bytes(1, "text");
            summary.message(8, tensor).message(9, Message::default().message(1, plugin))
        }
    }
}

/// `HistogramProto`.
fn histogram_proto(histogram: &Histogram) -> Message {
    Message::default()
        .double(1, histogram.min)
        .double(2, histogram.max)
        .double(3, histogram.num)
        .double(4, histogram.sum)
        .double(5, histogram.sum_squares)
        .doubles(6, &histogram.limits)
        .doubles(7, &histogram.counts)
}

impl<'a> Image<'a> {
    /// Reads the header of a PNG: <https://www.w3.org/TR/png-3/#11IHDR>.
    pub(super) fn of(png: &'a [u8]) -> Result<Self, &'static str> {
        let header = png.first_chunk::<26>().ok_or("it is shorter than a PNG's header")?;
        if !header.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR") {
            return Err("it does not start as a PNG does");
        }
        let [w0, w1, w2, w3, h0, h1, h2, h3, _depth, color] = header[16..] else {
            return Err("it is shorter than a PNG's header");
        };
        let (width, height) =
            (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
        if [width, height].iter().any(|side| !(1..=i32::MAX.cast_unsigned()).contains(side)) {
            return Err("its header says that it has no pixels, or too many");
        }
        let channels = match color {
            0 => 1,
            2 | 3 => 3,
            4 => 2,
            6 => 4,
            _ => return Err("its header names a color type that there is not"),
        };
        Ok(Self { width, height, channels, png })
    }
}

#[cfg(test)]
mod tests;
