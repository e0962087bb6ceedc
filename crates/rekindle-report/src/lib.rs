//! What a run leaves behind: one page of HTML that opens from disk.
