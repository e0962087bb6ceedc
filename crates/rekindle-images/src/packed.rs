//! Data sets of small pictures in few files: in their authors' binary formats, or in [strips].
//!
//! | data set | files in the folder | labels |
//! |---|---|---|
//! | MNIST and the like (LeCun et al.) | `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, the same with `t10k` to test on; each may end in `.gz` | digits, or the lines of `classes.txt` |
//! | CIFAR-10 (Krizhevsky 2009), binary version | `data_batch_1.bin` to `5`, `test_batch.bin`, `batches.meta.txt` | those of the last |
//! | CIFAR-100, binary version | `train.bin`, `test.bin`, `fine_label_names.txt` | the hundred fine ones |
//!
//! | what a file may ask for | limit |
//! |---|---|
//! | bytes, unpacked: those that its header announces | 1 GiB |
//! | pictures | [`MAX_PACKED`] |
//! | bytes of a text of labels | 16 MiB |
//!
//! Layouts: <http://yann.lecun.com/exdb/mnist/> and <https://www.cs.toronto.edu/~kriz/cifar.html>.

use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use rekindle_base::{open_regular, read_regular};

pub use crate::rows::{MAX_PACKED, Row, Rows};
use crate::{
    Error, Picture,
    rows::{by_label, lines, rows},
    strips,
};

/// The pictures of a folder, if it holds one of these data sets.
///
/// # Errors
///
/// [`Error::Read`] for a file that cannot be read, [`Error::Folder`] for one that is damaged or does not fit the others.
pub fn read(folder: &Path) -> Result<Option<Rows>, Error> {
    if let Some(found) = strips::open(folder)? {
        return Ok(Some(found));
    }
    if let Some(images) = find(folder, "train-images-idx3-ubyte") {
        return idx(folder, &images).map(Some);
    }
    if folder.join("data_batch_1.bin").is_file() {
        let batches = (1..=5).map(|number| folder.join(format!("data_batch_{number}.bin")));
        let batches: Vec<PathBuf> = batches.filter(|path| path.is_file()).collect();
        let names = folder.join("batches.meta.txt");
        return cifar(&names, &batches, &folder.join("test_batch.bin"), 1).map(Some);
    }
    if folder.join("train.bin").is_file() && folder.join("fine_label_names.txt").is_file() {
        let names = folder.join("fine_label_names.txt");
        return cifar(&names, &[folder.join("train.bin")], &folder.join("test.bin"), 2).map(Some);
    }
    Ok(None)
}

/// A file of this name, compressed or not.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [name.to_owned(), format!("{name}.gz")]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| path.is_file())
}

/// The most bytes of a file, unpacked: the largest of these kinds, EMNIST, has half of that.
const MAX_BYTES: usize = 1 << 30;

/// A file from its start, unpacked as it is read.
struct Unpacked<'a> {
    path: &'a Path,
    from: Box<dyn Read>,
}

impl<'a> Unpacked<'a> {
    fn open(path: &'a Path) -> Result<Self, Error> {
        let file =
            open_regular(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let compressed = path.extension().is_some_and(|extension| extension == "gz");
        let from: Box<dyn Read> = match compressed {
            true => Box::new(flate2::read::GzDecoder::new(BufReader::new(file))),
            false => Box::new(BufReader::new(file)),
        };
        Ok(Self { path, from })
    }

    /// The next bytes, as many; false where the file ends first.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, Error> {
        match self.from.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(source) => Err(Error::Read { path: self.path.to_owned(), source }),
        }
    }
}

/// Refuses what no data set of these kinds has, before it is read.
fn check_size(path: &Path, pictures: usize, bytes: Option<usize>) -> Result<(), Error> {
    if pictures > MAX_PACKED {
        let problem = format!(
            "announces {pictures} pictures or labels, more than the limit of {MAX_PACKED}; give pictures in files of their own"
        );
        return Err(wrong(path, problem));
    }
    if bytes.is_none_or(|bytes| bytes > MAX_BYTES) {
        let problem = format!(
            "holds more than the limit of {MAX_BYTES} bytes; give pictures in files of their own"
        );
        return Err(wrong(path, problem));
    }
    Ok(())
}

fn wrong(path: &Path, problem: String) -> Error {
    Error::Folder { path: path.to_owned(), problem }
}

fn idx(folder: &Path, train: &Path) -> Result<Rows, Error> {
    let names = folder.join("classes.txt");
    let mut classes = if names.is_file() { lines(&names)? } else { Vec::new() };
    let part = |images: &Path, name: &str| -> Result<Vec<Row>, Error> {
        let labels = find(folder, name).ok_or_else(|| {
            wrong(folder, format!("has no `{name}`, which the pictures need; add it"))
        })?;
        Ok(rows(images, pairs(images, &labels)?))
    };
    let train = part(train, "train-labels-idx1-ubyte")?;
    let test = match find(folder, "t10k-images-idx3-ubyte") {
        Some(images) => part(&images, "t10k-labels-idx1-ubyte")?,
        None => Vec::new(),
    };
    let most = train.iter().chain(&test).map(|row| row.sample.label + 1).max().unwrap_or(0);
    if classes.is_empty() {
        classes = (0..most).map(|label| label.to_string()).collect();
    }
    if classes.len() < most || classes.len() < 2 {
        let problem =
            format!("{} labels are named, the pictures have {most}; name them all", classes.len());
        return Err(wrong(&names, problem));
    }
    Ok(Rows { classes, train: by_label(train), test: by_label(test) })
}

/// Pictures and labels of two idx files.
fn pairs(images: &Path, labels: &Path) -> Result<Vec<(Picture, usize)>, Error> {
    let ([pictures, height, width], pixels) = array::<3>(images)?;
    let ([count], numbers) = array::<1>(labels)?;
    if count != pictures {
        let problem = format!(
            "has {count} labels for the {pictures} pictures of {}; fetch both anew",
            images.display()
        );
        return Err(wrong(labels, problem));
    }
    if height == 0 || width == 0 {
        return Err(wrong(images, "pictures without pixels; fetch it anew".to_owned()));
    }
    let rows = pixels.into_iter().zip(numbers.concat());
    Ok(rows.map(|(row, label)| (Picture::of(width, height, 1, row), usize::from(label))).collect())
}

/// The length of each dimension of an idx file of unsigned bytes, and its bytes, a row of the first dimension each.
///
/// No more is unpacked than its header announces, and a byte to see that nothing follows.
fn array<const N: usize>(path: &Path) -> Result<([usize; N], Vec<Vec<u8>>), Error> {
    let mut file = Unpacked::open(path)?;
    let mut header = [[0; 4]; 4];
    let header = &mut header.as_flattened_mut()[..4 + 4 * N];
    // Two zeros, 8 for unsigned bytes, the number of dimensions.
    if !file.fill(header)? || header[..4] != [0, 0, 8, N as u8] {
        return Err(wrong(
            path,
            format!("is no idx file of bytes in {N} dimensions; fetch it anew"),
        ));
    }
    let mut shape = [0; N];
    for (length, bytes) in shape.iter_mut().zip(header[4..].as_chunks::<4>().0) {
        *length = u32::from_be_bytes(*bytes) as usize;
    }
    let product =
        |lengths: &[usize]| lengths.iter().try_fold(1_usize, |it, length| it.checked_mul(*length));
    check_size(path, shape[0], product(&shape))?;
    let row = product(&shape[1..]).unwrap_or_default();
    let mut rows = Vec::new();
    for _ in 0..shape[0] {
        let mut bytes = vec![0; row];
        if !file.fill(&mut bytes)? {
            let problem = format!(
                "its header announces {shape:?} bytes, it ends after {} of {}; fetch it anew",
                rows.len(),
                shape[0]
            );
            return Err(wrong(path, problem));
        }
        rows.push(bytes);
    }
    if file.fill(&mut [0])? {
        let problem = format!("its header announces {shape:?} bytes, it holds more; fetch it anew");
        return Err(wrong(path, problem));
    }
    Ok((shape, rows))
}

/// Side of CIFAR's pictures.
const SIDE: usize = 32;

/// Records of `labels` bytes, of which the last is the label, and of a red, a green and a blue plane.
fn cifar(names: &Path, train: &[PathBuf], test: &Path, labels: usize) -> Result<Rows, Error> {
    let classes = lines(names)?;
    if classes.len() < 2 {
        return Err(wrong(names, "names fewer than two labels; write one a line".to_owned()));
    }
    let record = labels + 3 * SIDE * SIDE;
    let read = |path: &Path| -> Result<Vec<Row>, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let length = path.metadata().map_err(read)?.len() as usize;
        check_size(path, length / record, Some(length))?;
        if length == 0 || !length.is_multiple_of(record) {
            let problem =
                format!("{length} bytes are no whole number of records of {record}; fetch it anew");
            return Err(wrong(path, problem));
        }
        let bytes = read_regular(path, length as u64).map_err(read)?;
        let picture = |record: &[u8]| {
            let label = usize::from(record[labels - 1]);
            if label >= classes.len() {
                return Err(wrong(
                    path,
                    format!("label {label} of {} named ones; fetch it anew", classes.len()),
                ));
            }
            let planes = &record[labels..];
            let pixels = (0..SIDE * SIDE)
                .flat_map(|place| [0, 1, 2].map(|plane| planes[plane * SIDE * SIDE + place]));
            Ok((Picture::of(SIDE, SIDE, 3, pixels.collect()), label))
        };
        let pictures: Result<Vec<_>, Error> = bytes.chunks_exact(record).map(picture).collect();
        Ok(rows(path, pictures?))
    };
    let mut pictures = Vec::new();
    for path in train {
        pictures.extend(read(path)?);
    }
    let test = if test.is_file() { read(test)? } else { Vec::new() };
    Ok(Rows { train: by_label(pictures), test: by_label(test), classes })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;
    use rekindle_data::DataConfig;

    use crate::{Sample, Source, open_pictures};

    fn idx_file(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|length| file.extend(length.to_be_bytes()));
        file.extend(bytes);
        file
    }

    fn gray(sample: &Sample) -> (Vec<u8>, usize) {
        let Source::Memory(picture) = &sample.item else { panic!("a file") };
        (picture.pixels().to_vec(), sample.label)
    }

    #[test]
    fn idx_files_hold_digits() {
        let folder = tempfile::tempdir().unwrap();
        let pixels: Vec<u8> = (0..10 * 6).collect();
        let labels: Vec<u8> = (0..10).map(|n| n % 2).collect();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&idx_file(&[10, 2, 3], &pixels)).unwrap();
        write("train-images-idx3-ubyte.gz", &gz.finish().unwrap());
        let without =
            open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap_err().to_string();
        assert!(without.contains("has no `train-labels-idx1-ubyte`"), "{without}");
        write("train-labels-idx1-ubyte", &idx_file(&[10], &labels));
        let found = open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap();
        assert_eq!(found.names, ["0", "1"]);
        assert_eq!([found.train.len(), found.val.len(), found.test.len()], [8, 2, 0]);
        for sample in found.train.iter().chain(&found.val) {
            let (pixels, label) = gray(sample);
            assert_eq!((pixels.len(), usize::from(pixels[0]) / 6 % 2), (6, label));
        }
        for (bytes, expected) in [
            (idx_file(&[9], &labels), "announces [9] bytes, it holds more"),
            (idx_file(&[11], &labels), "announces [11] bytes, it ends after 10 of 11"),
            (idx_file(&[9], &labels[..9]), "has 9 labels for the 10 pictures"),
            (labels.clone(), "is no idx file"),
            (idx_file(&[u32::MAX], &labels), "more than the limit of 2097152"),
        ] {
            write("train-labels-idx1-ubyte", &bytes);
            let error =
                open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn no_more_is_unpacked_than_a_header_announces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pictures.gz");
        let gz = |shape: &[u32], zeros: usize| {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(&idx_file(shape, &[])).unwrap();
            let megabyte = vec![0; 1 << 20];
            (0..zeros >> 20).for_each(|_| gz.write_all(&megabyte).unwrap());
            gz.write_all(&megabyte[..zeros % (1 << 20)]).unwrap();
            gz.finish().unwrap()
        };
        for (what, bytes, expected) in [
            (
                "announces 8 kB",
                gz(&[8, 32, 32], 64 << 20),
                "announces [8, 32, 32] bytes, it holds more",
            ),
            ("announces nothing", gz(&[0, 32, 32], 64 << 20), "it holds more"),
            (
                "announces 4 GB",
                gz(&[4, 1 << 15, 1 << 15], 100),
                "more than the limit of 1073741824 bytes",
            ),
            (
                "announces more than 64 bits",
                gz(&[2, u32::MAX, u32::MAX], 100),
                "more than the limit",
            ),
            (
                "announces pictures of a pixel",
                gz(&[1 << 30, 1, 1], 100),
                "more than the limit of 2097152",
            ),
            ("announces too much", gz(&[2, 32, 32], 1024), "it ends after 1 of 2"),
        ] {
            fs::write(&path, &bytes).unwrap();
            let error = array::<3>(&path).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("pictures.gz"), "{what}: {error}");
        }
        let text = folder.path().join("classes.txt");
        fs::File::create(&text).unwrap().set_len(1 << 33).unwrap();
        let error = lines(&text).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("more than 16777216 bytes, the limit"), "{cause}");
        let records = folder.path().join("data_batch_1.bin");
        fs::File::create(&records).unwrap().set_len(3073 << 24).unwrap();
        fs::write(&text, "plane\ncar\n").unwrap();
        let error = cifar(&text, &[records], &folder.path().join("none"), 1).unwrap_err();
        assert!(error.to_string().contains("more than the limit of 2097152"), "{error}");
    }

    #[test]
    fn cifar_files_hold_planes() {
        for (labels, train, names) in
            [(1, "data_batch_1.bin", "batches.meta.txt"), (2, "train.bin", "fine_label_names.txt")]
        {
            let folder = tempfile::tempdir().unwrap();
            let record = |label: u8| {
                let mut record = vec![7; labels - 1];
                record.push(label);
                (0..3).for_each(|plane| record.extend([plane + 10 * label; 1024]));
                record
            };
            let bytes: Vec<u8> = (0..8).flat_map(|n| record(n % 2)).collect();
            let write =
                |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
            write(train, &bytes);
            write(names, b"plane\ncar\n\n");
            let found = open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap();
            assert_eq!(found.names, ["plane", "car"]);
            assert_eq!([found.train.len(), found.val.len()], [6, 2]);
            let (pixels, label) = gray(&found.train[5]);
            assert_eq!((label, &pixels[..6]), (1, &[10, 11, 12, 10, 11, 12][..]));
            write(train, &bytes[1..]);
            let error =
                open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap_err().to_string();
            assert!(error.contains("no whole number of records"), "{error}");
            write(train, &record(2));
            let error =
                open_pictures::<usize>(&DataConfig::new(folder.path())).unwrap_err().to_string();
            assert!(error.contains("label 2 of 2"), "{error}");
        }
    }

    /// The first labels of MNIST's test are 7, 2, 1, 0, 4.
    #[test]
    fn mnist_is_read() {
        let Some(data) = rekindle_skip::real_data() else { return };
        let folder = Path::new(&data).join("images/mnist");
        let [images, labels] = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"];
        let found = pairs(&folder.join(images), &folder.join(labels)).unwrap();
        assert_eq!(found.len(), 10_000);
        assert_eq!(found[..5].iter().map(|pair| pair.1).collect::<Vec<_>>(), [7, 2, 1, 0, 4]);
        assert_eq!((found[0].0.width(), found[0].0.height()), (28, 28));
    }
}
