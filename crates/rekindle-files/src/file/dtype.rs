//! Element types of tensors on disk, under the names that safetensors gives them.

use std::fmt;

/// Element type of a tensor in a checkpoint.
///
/// The order is that of safetensors' own serializer (by alignment), which the writer sorts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// One byte, 0 or 1.
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 16 bits.
    U16,
    /// IEEE 754 half precision.
    F16,
    /// Brain floating point: the upper half of a float32.
    BF16,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 32 bits.
    U32,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision.
    F64,
    /// Signed, 64 bits.
    I64,
    /// Unsigned, 64 bits.
    U64,
}

/// Element type, its name in safetensors, and bytes per element.
const DTYPES: [(Dtype, &str, usize); 13] = [
    (Dtype::Bool, "BOOL", 1),
    (Dtype::U8, "U8", 1),
    (Dtype::I8, "I8", 1),
    (Dtype::I16, "I16", 2),
    (Dtype::U16, "U16", 2),
    (Dtype::F16, "F16", 2),
    (Dtype::BF16, "BF16", 2),
    (Dtype::I32, "I32", 4),
    (Dtype::U32, "U32", 4),
    (Dtype::F32, "F32", 4),
    (Dtype::F64, "F64", 8),
    (Dtype::I64, "I64", 8),
    (Dtype::U64, "U64", 8),
];

impl Dtype {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        self.row().2
    }

    /// Name in a safetensors header, such as `F32`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// The element type of that name in a safetensors header, if it is one of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        DTYPES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Whether `read_f32` can read it.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16)
    }

    /// The table has the order of the enum, which a test checks.
    fn row(self) -> (Dtype, &'static str, usize) {
        DTYPES[self as usize]
    }

    /// Converts little-endian elements; does nothing for types that are no floats.
    pub(super) fn convert(self, bytes: &[u8], values: &mut [f32]) {
        match self {
            Self::F32 => fill(bytes, values, f32::from_le_bytes),
            // A double beyond the range of a float becomes infinite, as it does in PyTorch.
            Self::F64 => fill(bytes, values, |bytes| f64::from_le_bytes(bytes) as f32),
            Self::F16 => fill(bytes, values, |bytes| half::f16::from_le_bytes(bytes).to_f32()),
            Self::BF16 => fill(bytes, values, |bytes| half::bf16::from_le_bytes(bytes).to_f32()),
            _ => {}
        }
    }
}

/// Converts elements of `N` bytes each.
fn fill<const N: usize>(bytes: &[u8], values: &mut [f32], convert: impl Fn([u8; N]) -> f32) {
    for (value, bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
        *value = convert(*bytes);
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
