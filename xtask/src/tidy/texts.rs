//! Rules for every text file: no path of somebody's machine, no registry but the public one.

use super::{File, Problem};

/// Where paths of a machine begin. Put together here, so that this file does not hold them.
const MACHINE_PATHS: [&str; 6] = [
    concat!("/", "work/"),
    concat!("/", "farm/"),
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
    concat!("/", "tmp/w"),
];

/// The one registry that a lock file may name.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Tables of a cargo configuration that name another registry.
const REGISTRY_TABLES: [&str; 3] = ["[source", "[registries", "[registry"];

pub(super) fn problems(files: &[File]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            let message = machine_path(line).or_else(|| registry(&file.path, line));
            problems.extend(message.map(|message| Problem::new(&file.path, number + 1, message)));
        }
    }
    problems
}

fn machine_path(line: &str) -> Option<String> {
    let path = MACHINE_PATHS.iter().find(|path| {
        // Inside a longer path or an address it is a folder's name, not where a machine's paths begin.
        let inside =
            |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || "._-~*}".contains(c));
        line.match_indices(**path).any(|(start, _)| !inside(line.get(..start).unwrap_or_default()))
    })?;
    Some(format!("names a machine's path `{path}`: make it relative or ask for it"))
}

fn registry(path: &str, line: &str) -> Option<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let line = line.trim();
    let foreign = match name {
        "Cargo.lock" => line
            .strip_prefix("source = ")
            .is_some_and(|source| source.trim_matches('"') != REGISTRY),
        "Cargo.toml" => line.contains("registry = ") || line.contains("registry-index = "),
        "config.toml" => REGISTRY_TABLES.iter().any(|table| line.starts_with(table)),
        _ => false,
    };
    foreign.then(|| "names a registry or source other than crates.io".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, line: &str) -> usize {
        problems(&[File::new(path, line)]).len()
    }

    #[test]
    fn a_machines_paths_are_found_in_any_text() {
        for path in MACHINE_PATHS {
            assert_eq!(count("README.md", &format!("see {path}here")), 1, "{path}");
            assert_eq!(count("a.rs", &format!("let x = \"{path}x\";")), 1, "{path}");
            assert_eq!(count("README.md", &format!("https://example.org{path}here")), 0, "{path}");
        }
        assert_eq!(count("README.md", "frameworks/work, target/release and /tmp/x"), 0);
    }

    #[test]
    fn only_the_public_registry_is_named() {
        let check = |path: &str, line: &str, expected: usize| {
            assert_eq!(count(path, line), expected, "{path} {line}");
        };
        check("Cargo.lock", &format!("source = \"{REGISTRY}\""), 0);
        check("Cargo.lock", "source = \"registry+https://mirror.example/index\"", 1);
        check("Cargo.lock", "source = \"git+https://example.org/a.git\"", 1);
        check("crates/a/Cargo.toml", "x = { version = \"1\", registry = \"mirror\" }", 1);
        check(".cargo/config.toml", "[source.crates-io]", 1);
        check(".cargo/config.toml", "[alias]", 0);
    }
}
