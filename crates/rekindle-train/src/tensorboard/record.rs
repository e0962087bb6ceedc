//! The frame around every event: TensorFlow's TFRecord.
//!
//! | bytes  | what                                        |
//! |--------|---------------------------------------------|
//! | 8      | length of the content, little-endian        |
//! | 4      | masked CRC-32C of these 8 bytes             |
//! | length | the content                                 |
//! | 4      | masked CRC-32C of the content               |
//!
//! <https://www.tensorflow.org/tutorials/load_data/tfrecord>

/// Puts `content` at the end of `records`.
pub(super) fn append(records: &mut Vec<u8>, content: &[u8]) {
    let length = (content.len() as u64).to_le_bytes();
    records.extend_from_slice(&length);
    records.extend_from_slice(&masked_crc(&length).to_le_bytes());
    records.extend_from_slice(content);
    records.extend_from_slice(&masked_crc(content).to_le_bytes());
}

/// Rotated and moved, because the CRC of data that holds its own CRC says little.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's CRC: RFC 3720, section 12.1 and appendix B.4.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| CRCS[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

/// What each byte does to the CRC. The polynomial is `0x1edc6f41`, its bits in reverse.
const CRCS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// `crc32c` and `masked_crc32c` of tensorboard 2.21; the third CRC is RFC 3720's own example.
    #[test]
    fn sums_are_tensorboards() {
        for (bytes, crc, masked) in [
            (b"".as_slice(), 0, 0xa282_ead8),
            (b"123456789", 0xe306_9283, 0xc78a_b0e5),
            (&[0; 32], 0x8a91_36aa, 0x0fd7_fffa),
        ] {
            assert_eq!((crc32c(bytes), masked_crc(bytes)), (crc, masked), "{bytes:?}");
        }
    }

    /// Written by `RecordWriter` of tensorboard 2.21.
    #[test]
    fn a_frame_is_tensorboards() {
        let mut records = vec![7];
        append(&mut records, b"abc");
        assert_eq!(records, b"\x07\x03\0\0\0\0\0\0\0\xb0\x99\x49\x0eabc\x6e\x57\xf1\x21");
    }
}
