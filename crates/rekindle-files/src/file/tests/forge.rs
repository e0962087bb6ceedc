//! PyTorch files made by hand, so that they can be wrong in every way.

/// The bytes of `GLOBAL`.
pub(super) fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

pub(super) fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

pub(super) fn int(value: i64) -> Vec<u8> {
    [b"\x8a\x08".as_slice(), &value.to_le_bytes()].concat()
}

pub(super) fn tuple(items: &[Vec<u8>]) -> Vec<u8> {
    [b"(".as_slice(), &items.concat(), b"t"].concat()
}

pub(super) fn ints(values: &[i64]) -> Vec<u8> {
    tuple(&values.iter().map(|value| int(*value)).collect::<Vec<_>>())
}

/// A pickle of these instructions.
pub(super) fn pickle(body: &[u8]) -> Vec<u8> {
    [b"\x80\x02".as_slice(), body, b"."].concat()
}

/// A pickle of a dictionary of one item.
pub(super) fn dict_of(name: &str, value: &[u8]) -> Vec<u8> {
    pickle(&[b"}".as_slice(), &text(name), value, b"s"].concat())
}

/// One tensor named `x` over a storage of the floats from 0 to 23.
pub(super) struct Tensor<'a> {
    pub(super) shape: &'a [i64],
    pub(super) stride: &'a [i64],
    pub(super) offset: i64,
    pub(super) elements: i64,
    pub(super) kind: &'a str,
}

impl Default for Tensor<'_> {
    fn default() -> Self {
        Self { shape: &[24], stride: &[1], offset: 0, elements: 24, kind: "FloatStorage" }
    }
}

impl Tensor<'_> {
    /// The instructions that rebuild it.
    pub(super) fn rebuilt(&self) -> Vec<u8> {
        let id = [
            text("storage"),
            global("torch", self.kind),
            text("0"),
            text("cpu"),
            int(self.elements),
        ];
        let storage = [tuple(&id), b"Q".to_vec()].concat();
        let args = tuple(&[
            storage,
            int(self.offset),
            ints(self.shape),
            ints(self.stride),
            b"\x89".to_vec(),
            b"N".to_vec(),
        ]);
        [global("torch._utils", "_rebuild_tensor_v2"), args, b"R".to_vec()].concat()
    }

    /// The file that it is alone in.
    pub(super) fn file(&self) -> Vec<u8> {
        checkpoint(&dict_of("x", &self.rebuilt()))
    }
}

/// A checkpoint of that pickle and the one storage.
pub(super) fn checkpoint(pickle: &[u8]) -> Vec<u8> {
    let floats: Vec<u8> = (0..24).flat_map(|value| (value as f32).to_le_bytes()).collect();
    Zip::of(&[("x/data.pkl", pickle), ("x/byteorder", b"little"), ("x/data/0", &floats)]).bytes()
}

/// An entry of an archive, as the directory and its own header have it.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) method: u16,
    pub(super) flags: u16,
    pub(super) checksum: u32,
    /// Size as the directory says, before and after decompression.
    pub(super) sizes: (u32, u32),
    pub(super) local_name: String,
    /// Added to where the header is.
    pub(super) displaced: u32,
}

/// A ZIP archive that is written as it is described.
#[derive(Clone)]
pub(super) struct Zip {
    pub(super) entries: Vec<Entry>,
    pub(super) comment: Vec<u8>,
}

impl Zip {
    pub(super) fn of(contents: &[(&str, &[u8])]) -> Self {
        let entries = contents.iter().map(|(name, content)| Entry {
            name: (*name).to_owned(),
            content: content.to_vec(),
            method: 0,
            flags: 0,
            checksum: crc32fast::hash(content),
            sizes: (content.len() as u32, content.len() as u32),
            local_name: (*name).to_owned(),
            displaced: 0,
        });
        Self { entries: entries.collect(), comment: Vec::new() }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut directory = Vec::new();
        for entry in &self.entries {
            let sizes =
                [entry.checksum, entry.sizes.0, entry.sizes.1].map(u32::to_le_bytes).concat();
            let common = [20, entry.flags, entry.method, 0, 0].map(u16::to_le_bytes).concat();
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&common);
            directory.extend(&sizes);
            directory.extend([entry.name.len() as u16, 0, 0, 0, 0].map(u16::to_le_bytes).concat());
            directory.extend(0_u32.to_le_bytes());
            directory.extend((bytes.len() as u32 + entry.displaced).to_le_bytes());
            directory.extend(entry.name.as_bytes());
            bytes.extend(b"PK\x03\x04");
            bytes.extend(&common);
            bytes.extend(&sizes);
            bytes.extend([entry.local_name.len() as u16, 0].map(u16::to_le_bytes).concat());
            bytes.extend(entry.local_name.as_bytes());
            bytes.extend(&entry.content);
        }
        let (start, count) = (bytes.len() as u32, self.entries.len() as u16);
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06");
        bytes.extend([0, 0, count, count].map(u16::to_le_bytes).concat());
        bytes.extend([directory.len() as u32, start].map(u32::to_le_bytes).concat());
        bytes.extend((self.comment.len() as u16).to_le_bytes());
        bytes.extend(&self.comment);
        bytes
    }
}
