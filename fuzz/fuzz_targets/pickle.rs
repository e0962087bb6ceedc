//! Whatever the bytes of a PyTorch checkpoint are, they are read or refused.
//!
//! As they are, in any of the containers; then as the pickle of an archive with a storage, which a fuzzer
//! would not get into through checksums and offsets.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "weights.rs"]
mod weights;

fuzz_target!(|bytes: &[u8]| {
    let _ = weights::read_everything(bytes);
    let _ = weights::read_everything(&archive(bytes));
});

/// A ZIP archive of that pickle and of 96 bytes as storage `0`.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in [("data.pkl", pickle), ("data/0", &[1; 96])] {
        let size = (content.len() as u32).to_le_bytes();
        // No checksum, so that none can be wrong.
        let fields = [b"\x14\0\0\0\0\0\0\0\0\0\0\0\0\0".as_slice(), &size, &size].concat();
        let length = (name.len() as u16).to_le_bytes();
        let place = (bytes.len() as u32).to_le_bytes();
        let parts =
            [b"PK\x01\x02\x14\0".as_slice(), &fields, &length, &[0; 12], &place, name.as_bytes()];
        directory.extend(parts.concat());
        bytes.extend(
            [b"PK\x03\x04".as_slice(), &fields, &length, &[0; 2], name.as_bytes(), content]
                .concat(),
        );
    }
    let end = [directory.len() as u32, bytes.len() as u32].map(u32::to_le_bytes).concat();
    [bytes, directory, b"PK\x05\x06\0\0\0\0\x02\0\x02\0".to_vec(), end, vec![0; 2]].concat()
}
