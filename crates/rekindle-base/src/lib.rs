//! What several crates need alike, each thing once: it knows no Burn, and nothing of models or data.
//!
//! | file | what |
//! |---|---|
//! | [`AtomicFile`] | a file that appears whole, or not at all |
//! | [`is_private`], [`write_private`] | files that nobody but their user can change |
//! | [`open_plain`], [`own_folder`] | files and folders that grow where they lie, by no link |
//! | [`PathError`], [`causes`] | what the file system refused, and an error with its causes |
//! | [`visible`] | text from elsewhere, without what a terminal obeys |
//! | [`text_cell`], [`csv_line`] | text from elsewhere, without what a spreadsheet computes |
//! | [`RecordFile`] | a cache on disk: checked records that are only ever appended |
//! | [`spots`] | which kept values are computed anew, to see whether they are right |
//! | [`digest_file`], [`Digests`] | SHA-256 of files, computed once a change |
//! | [`open_regular`], [`read_regular`] | files of others: regular ones, up to a limit |
//! | [`date_of_day`], [`day_of_date`] | the calendar |
//! | [`Random`] | random numbers by counting: any stream can be had from a few numbers |

mod atomic;
mod calendar;
mod cell;
mod digest;
mod failure;
mod key;
mod plain;
mod private;
mod random;
mod records;
mod regular;
mod shown;
mod spot;

pub use atomic::{AtomicFile, sync_folder, write_file};
pub use calendar::{date_of_day, day_of_date};
pub use cell::{csv_line, path_cell, text_cell};
pub use digest::{Digests, FileState, digest_file};
pub use failure::{PathError, causes};
pub use key::{Key, key};
pub use plain::{open_plain, own_folder};
pub use private::{is_private, private_folder, write_private};
pub use random::{Random, STEP, mix};
pub use records::{Error, Header, Opened, RecordFile, Sizes, Unusable};
pub use regular::{open_regular, read_at_most, read_regular, read_text};
pub use shown::{Breaks, is_obeyed, visible};
pub use spot::{SPOT_CHECKED, spots};

#[cfg(test)]
mod again;
