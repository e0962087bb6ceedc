//! Names of files in a repository, as cards, pins and inputs give them.

/// Whether a name is a path within a repository: it becomes part of a path in the cache.
pub(crate) fn is_within(file: &str) -> bool {
    !file.contains(['\\', ':']) && !file.split('/').any(|part| matches!(part, "" | "." | ".."))
}
