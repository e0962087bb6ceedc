//! As much of the protocol buffers' wire format as events need.
//!
//! <https://protobuf.dev/programming-guides/encoding/>: a message is a row of fields, each a key (the
//! field's number and how its value is laid out) and a value.

/// How a value is laid out, the lower three bits of a key.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

/// A message under construction, field by field.
///
/// A number that is zero is left out, as proto3 does: a reader takes what is missing for zero.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// An `int32`, `int64` or `enum`.
    pub(super) fn int(self, field: u32, value: i64) -> Self {
        if value == 0 { self } else { self.key(field, Wire::Varint).varint(value.cast_unsigned()) }
    }

    /// A `double`.
    pub(super) fn double(self, field: u32, value: f64) -> Self {
        if value.to_bits() == 0 {
            return self;
        }
        self.key(field, Wire::Fixed64).raw(&value.to_le_bytes())
    }

    /// A `float` that is one of several alternatives, so that zero has to be written as well.
    pub(super) fn alternative_float(self, field: u32, value: f32) -> Self {
        self.key(field, Wire::Fixed32).raw(&value.to_le_bytes())
    }

    /// A `string` or `bytes`.
    pub(super) fn bytes(self, field: u32, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.key(field, Wire::Length).varint(value.len() as u64).raw(value)
    }

    /// A message within this one.
    pub(super) fn message(self, field: u32, value: Self) -> Self {
        self.bytes(field, value.0)
    }

    /// A `repeated double`, packed.
    pub(super) fn doubles(self, field: u32, values: &[f64]) -> Self {
        if values.is_empty() {
            return self;
        }
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.bytes(field, bytes)
    }

    fn key(self, field: u32, wire: Wire) -> Self {
        self.varint(u64::from(field << 3 | wire as u32))
    }

    /// Seven bits a byte, the lowest first; the upper bit says that more follow.
    fn varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first rows are the examples of the encoding's own documentation.
    #[test]
    fn fields_are_laid_out_as_documented() {
        let check = |message: Message, expected: &[u8]| assert_eq!(message.0, expected);
        let new = Message::default;
        check(new().int(1, 150), &[0x08, 0x96, 0x01]);
        check(new().bytes(2, "testing"), b"\x12\x07testing");
        check(new().message(3, new().int(1, 150)), &[0x1a, 0x03, 0x08, 0x96, 0x01]);
        check(
            new().int(1, -2),
            &[0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        );
        check(new().int(16, 127), &[0x80, 0x01, 0x7f]);
        check(new().double(1, 1.5), &[0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
        check(new().doubles(6, &[1.5]), &[0x32, 8, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
        check(new().alternative_float(2, 0.25), &[0x15, 0, 0, 0x80, 0x3e]);
    }

    #[test]
    fn zero_is_left_out_unless_it_is_an_alternative() {
        assert!(Message::default().int(1, 0).double(2, 0.0).doubles(3, &[]).0.is_empty());
        assert_eq!(Message::default().alternative_float(2, 0.0).0, [0x15, 0, 0, 0, 0]);
        assert_eq!(Message::default().double(1, -0.0).0, [0x09, 0, 0, 0, 0, 0, 0, 0, 0x80]);
    }
}
