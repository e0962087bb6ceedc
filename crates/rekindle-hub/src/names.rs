//! Names that become names of files and folders in the cache: which there are, and which are refused.

use crate::Error;

/// What separates the parts of a repository's name in its folder's.
pub(crate) const SEPARATOR: &str = "--";

/// The start of a model's folder; datasets and spaces are none of our business.
pub(crate) const MODELS: &str = "models--";

/// The end of a file that is being downloaded.
pub(crate) const INCOMPLETE: &str = ".incomplete";

/// The branch that is meant where none is named.
pub(crate) const MAIN: &str = "main";

/// The longest ETag that may name a file, in bytes.
const LONGEST_ETAG: usize = 128;

/// Whether a revision is a whole commit hash, which never means other bytes.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && is_hexadecimal(revision)
}

pub(crate) fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether an ETag can be the name of a blob.
pub(crate) fn is_etag(etag: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST_ETAG).contains(&etag.len()) && etag.bytes().all(allowed)
}

/// The Hub's rule for names of repositories: they become names of folders.
pub(crate) fn check_repository(repository: &str) -> Result<(), Error> {
    let bad = |problem| Error::Name { kind: "repository", name: repository.to_owned(), problem };
    let parts: Vec<&str> = repository.split('/').collect();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let edge = |part: &str| part.starts_with(['-', '.']) || part.ends_with(['-', '.']);
    if parts.len() > 2 || parts.iter().any(|part| part.is_empty()) {
        return Err(bad("it is not `owner/name`"));
    }
    if repository.len() > 200 || !parts.iter().all(|part| part.bytes().all(allowed)) {
        return Err(bad("letters, digits, `-`, `_` and `.` are allowed, 200 in all"));
    }
    if repository.contains(SEPARATOR) || repository.contains("..") || parts.into_iter().any(edge) {
        return Err(bad("`--`, `..`, and a `-` or `.` at an end are not allowed"));
    }
    Ok(())
}

/// A path that stays within the repository; `kind` is what it names.
pub(crate) fn check_path(kind: &'static str, path: &str) -> Result<(), Error> {
    let outside = |part: &str| matches!(part, "" | "." | "..");
    let odd = |letter: char| matches!(letter, '\\' | ':') || letter.is_control();
    if path.split('/').any(outside) || path.contains(odd) {
        let problem = "it is not a path within a repository";
        return Err(Error::Name { kind, name: path.to_owned(), problem });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_lead_out_of_the_cache() {
        for good in ["timm/resnet18.a1_in1k", "gpt2", "a/b-c_d.e"] {
            check_repository(good).unwrap();
        }
        for bad in [
            "", "a/", "/a", "a/b/c", "../a", "a/..", "a--b/c", "a/b c", "a/é", "a\\b", ".a/b",
            "a/b-",
        ] {
            let error = check_repository(bad).unwrap_err().to_string();
            assert!(error.contains(&format!("`{bad}`")), "{error}");
        }
        assert!(check_repository(&"a".repeat(201)).is_err());
        for good in ["model.safetensors", "onnx/model.onnx", "refs/pr/1"] {
            check_path("file", good).unwrap();
        }
        for bad in ["", "/etc/passwd", "a//b", "../a", "a/../b", "./a", "a\\b", "c:a", "a\0", "a\n"]
        {
            assert!(check_path("file", bad).is_err(), "{bad:?}");
        }
    }
}
