//! `cargo xtask readmes`: a README.md for each package that is published, of the documentation of its lib.rs.
//!
//! A page on crates.io knows no names of Rust, so what is a link to one becomes the name alone; lines of examples that only
//! the compiler needs are left out. `cargo xtask tidy` compares what lies there with what this would write.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;

/// What a README that was written so ends with: one without it was written by hand, and stays.
const END: &str = "Part of Rekindle: pretrained models and transfer learning for Burn. The crate `rekindle` has everything in \
one place.\n\nMIT or Apache-2.0, at your choice.\n";

/// A README, as it is to be.
pub(crate) struct Readme {
    /// Where, from the workspace's folder.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Writes them.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let root = crate::root()?;
    let mut written = 0;
    for Readme { path, text } in wanted(&root)? {
        let path = root.join(path);
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            rekindle_base::write_file(&path, &text)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
            written += 1;
        }
    }
    println!("{written} written");
    Ok(ExitCode::SUCCESS)
}

/// Those of all packages in `crates` that are published, but for those that were written by hand.
pub(crate) fn wanted(root: &Path) -> anyhow::Result<Vec<Readme>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("crates")).context("crates: cannot be read")? {
        let folder = entry?.path();
        let read = |name: &str| fs::read_to_string(folder.join(name));
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        let published = !read("Cargo.toml").unwrap_or_default().contains("publish = false");
        let by_hand = read("README.md").is_ok_and(|text| !text.ends_with(END));
        if published && !by_hand {
            let lib = folder.join("src/lib.rs");
            let lib = fs::read_to_string(&lib).with_context(|| lib.display().to_string())?;
            let path = Path::new("crates").join(name).join("README.md");
            found.push(Readme { path, text: text(name, &lib) });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The README of a package with this lib.rs.
fn text(name: &str, lib: &str) -> String {
    let docs = lib.lines().map_while(|line| line.strip_prefix("//!"));
    let mut text = format!("# {name}\n\n");
    let (mut in_code, mut in_rust) = (false, false);
    for line in docs {
        let line = line.strip_prefix(' ').unwrap_or(line);
        let fence = line.starts_with("```");
        if fence && !in_code {
            // Whatever rustdoc is told of an example, it is Rust; what says that it is another language stays.
            let word = line.trim_start_matches('`');
            in_rust = ["", "no_run", "ignore", "should_panic", "compile_fail"].contains(&word);
            text.push_str(if in_rust { "```rust" } else { line });
        } else if in_code && in_rust && (line == "#" || line.starts_with("# ")) {
            continue;
        } else if in_code {
            text.push_str(line);
        } else {
            // Below the package's name.
            text.push_str(if line.starts_with('#') { "#" } else { "" });
            text.push_str(&without_links(line));
        }
        text.push('\n');
        in_code ^= fence;
    }
    text + "\n" + END
}

/// A line whose links lead to addresses alone: of others their text stays.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        let Some((shown, behind)) = after.split_once(']') else {
            return text + "[" + after;
        };
        let target = behind.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = match target {
            Some((target, behind)) if target.contains("://") => {
                text.push_str(&format!("[{shown}]({target})"));
                behind
            }
            Some((_, behind)) => {
                text.push_str(shown);
                behind
            }
            None if shown.starts_with('`') => {
                text.push_str(shown);
                behind
            }
            None => {
                text.push_str(&format!("[{shown}]"));
                behind
            }
        };
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_and_links_to_them_go() {
        let lib = "//! Has [`Model`](x::Model), [`Plan`], [lists](manifest) and [a page](https://a.example/b) [1, 2].\n//!\n//! # Part\n//!\n\
            //! ```no_run\n//! # use a::b;\n//! let x = [1];\n//! # Ok::<(), ()>(())\n//! ```\n//!\n//! ```toml\n//! # kept\n//! ```\n\nmod a;\n";
        let text = text("rekindle-x", lib);
        assert_eq!(
            text.strip_suffix(END).unwrap(),
            "# rekindle-x\n\nHas `Model`, `Plan`, lists and [a page](https://a.example/b) [1, 2].\n\n## Part\n\n\
             ```rust\nlet x = [1];\n```\n\n```toml\n# kept\n```\n\n"
        );
    }
}
