//! Rule for files of a crate: none uses itself by way of others.
//!
//! A use is a path that begins with `crate::` or `super::`, and is followed through re-exports to the file that
//! defines what it names. A file may call the modules that it declares, whatever they use: those are its parts.

use std::collections::{BTreeMap, BTreeSet};

use super::mask::mask;
use super::sources::{is_test, lines_without_tests};
use super::{File, Problem};

/// A module's place in its crate: `a/b` is `["a", "b"]`, the root is empty.
type Place = Vec<String>;

/// What a file says of others.
#[derive(Debug, Default)]
struct Module {
    path: String,
    imports: Vec<Import>,
    /// Paths in the midst of code.
    paths: Vec<Vec<String>>,
}

/// One leaf of a `use`, and what it is called here.
#[derive(Debug)]
struct Import {
    path: Vec<String>,
    name: String,
}

pub(super) fn problems(files: &[File]) -> Vec<Problem> {
    let mut crates: BTreeMap<&str, BTreeMap<Place, Module>> = BTreeMap::new();
    for file in files {
        if let Some((name, place)) = place(&file.path) {
            crates.entry(name).or_default().insert(place, read(file));
        }
    }
    let mut problems = Vec::new();
    for modules in crates.values() {
        for circle in circles(modules) {
            let names: Vec<String> = circle.iter().map(|place| place.join("/")).collect();
            let message = format!(
                "a circle of files that use each other: {}; move what they share to a file of its own",
                names.join(", ")
            );
            let first = circle.first().and_then(|place| modules.get(*place));
            problems.extend(first.map(|module| Problem::new(&module.path, 1, message)));
        }
    }
    problems
}

/// The crate of a source, and its place in it; none for tests and binaries.
fn place(path: &str) -> Option<(&str, Place)> {
    let (folder, rest) = path.strip_suffix(".rs")?.split_once("/src/")?;
    if is_test(path) || rest.starts_with("bin/") {
        return None;
    }
    let mut place: Place = rest.split('/').map(str::to_owned).collect();
    if place.last().is_some_and(|last| last == "mod") || rest == "lib" {
        place.pop();
    }
    Some((folder.rsplit('/').next()?, place))
}

fn read(file: &File) -> Module {
    let code = mask(&file.text);
    let code: Vec<&str> = code.lines().take(lines_without_tests(&code)).collect();
    let words = words(&code.join("\n"));
    let mut module = Module { path: file.path.clone(), ..Module::default() };
    let mut rest = words.as_slice();
    while let [word, tail @ ..] = rest {
        rest = tail;
        match word.as_str() {
            "use" => {
                let end = rest.iter().position(|word| word == ";").unwrap_or(rest.len());
                let (tree, after) = rest.split_at(end);
                leaves(&[], tree, &mut module.imports);
                rest = after;
            }
            "crate" | "super" if rest.first().is_some_and(|word| word == "::") => {
                let mut path = vec![word.clone()];
                while let [colons, name, tail @ ..] = rest {
                    if colons != "::" || !is_name(name) {
                        break;
                    }
                    path.push(name.clone());
                    rest = tail;
                }
                module.paths.push(path);
            }
            _ => {}
        }
    }
    module
}

/// Names, `::`, and every other sign by itself.
fn words(code: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut signs = code.chars().peekable();
    while let Some(sign) = signs.next() {
        if sign.is_whitespace() {
            continue;
        }
        let mut word = String::from(sign);
        let part = |sign: char| sign.is_alphanumeric() || sign == '_';
        if part(sign) {
            while let Some(next) = signs.next_if(|next| part(*next)) {
                word.push(next);
            }
        } else if sign == ':' {
            word.extend(signs.next_if(|next| *next == ':'));
        }
        words.push(word);
    }
    words
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The leaves of the tree of a `use`, below what it stands under.
fn leaves(under: &[String], tree: &[String], out: &mut Vec<Import>) {
    let mut path = under.to_vec();
    let mut rest = tree;
    let mut name = None;
    while let [word, tail @ ..] = rest {
        rest = tail;
        match word.as_str() {
            "::" => {}
            "as" => {
                name = rest.first().cloned();
                break;
            }
            "{" => {
                let inner = rest.split_last().map_or(rest, |(_, inner)| inner);
                let mut depth = 0_usize;
                let branches = inner.split(|word| {
                    match word.as_str() {
                        "{" => depth += 1,
                        "}" => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    depth == 0 && word == ","
                });
                branches
                    .filter(|branch| !branch.is_empty())
                    .for_each(|branch| leaves(&path, branch, out));
                return;
            }
            "self" if !path.is_empty() => {}
            _ => path.push(word.clone()),
        }
    }
    let name = name.or_else(|| path.last().cloned());
    out.extend(name.map(|name| Import { path, name }));
}

/// The sets of modules that reach each other.
fn circles<'a>(modules: &'a BTreeMap<Place, Module>) -> BTreeSet<BTreeSet<&'a Place>> {
    let used: BTreeMap<&Place, BTreeSet<&Place>> =
        modules.keys().map(|place| (place, uses(place, modules))).collect();
    let reached: BTreeMap<&Place, BTreeSet<&Place>> = modules
        .keys()
        .map(|place| {
            let mut found = BTreeSet::new();
            let mut open = vec![place];
            while let Some(next) = open.pop() {
                let new = used[next].iter().filter(|place| found.insert(**place));
                open.extend(new.copied().collect::<Vec<_>>());
            }
            (place, found)
        })
        .collect();
    let circle = |place: &&'a Place| -> BTreeSet<&'a Place> {
        reached[place].iter().copied().filter(|other| reached[other].contains(place)).collect()
    };
    reached.keys().map(circle).filter(|circle| !circle.is_empty()).collect()
}

/// The files that one uses, itself left out.
fn uses<'a>(place: &Place, modules: &'a BTreeMap<Place, Module>) -> BTreeSet<&'a Place> {
    let module = &modules[place];
    let paths = module.imports.iter().map(|import| &import.path).chain(&module.paths);
    let far =
        paths.filter(|path| matches!(path.first().map(String::as_str), Some("crate" | "super")));
    let found = far.filter_map(|path| resolve(place, path, modules, 8));
    found.filter(|found| *found != place).collect()
}

/// The file that defines what a path names, through so many re-exports at most.
fn resolve<'a>(
    from: &Place,
    path: &[String],
    modules: &'a BTreeMap<Place, Module>,
    exports: usize,
) -> Option<&'a Place> {
    let mut at = from.clone();
    let mut rest = path;
    if let [first, tail @ ..] = rest {
        match first.as_str() {
            "crate" => (at, rest) = (Place::new(), tail),
            "self" => rest = tail,
            "super" => {}
            // Of another crate, where it is no child of this file.
            _ if !modules.contains_key(&child(&at, first)) => return None,
            _ => {}
        }
    }
    while let [name, tail @ ..] = rest {
        if name == "super" {
            at.pop();
        } else if modules.contains_key(&child(&at, name)) {
            at = child(&at, name);
        } else {
            let imports = modules.get(&at).map(|module| &module.imports).into_iter().flatten();
            let mut named = imports.filter(|import| exports > 0 && import.name == *name);
            let further = named.find_map(|import| {
                let path: Vec<String> = import.path.iter().chain(tail).cloned().collect();
                resolve(&at, &path, modules, exports - 1)
            });
            return further.or_else(|| modules.get_key_value(&at).map(|(place, _)| place));
        }
        rest = tail;
    }
    modules.get_key_value(&at).map(|(place, _)| place)
}

fn child(place: &Place, name: &str) -> Place {
    place.iter().cloned().chain([name.to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let path = |name: &str| format!("crates/a/src/{name}.rs");
        let read: Vec<File> =
            files.iter().map(|(name, text)| File::new(&path(name), text)).collect();
        let found: Vec<String> = problems(&read).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), expected.len(), "{files:?}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "no `{expected}` in: {found}");
        }
    }

    #[test]
    #[allow(clippy::type_complexity, reason = "the columns of a table")]
    fn files_that_use_each_other_are_found() {
        let rows: [(&[(&str, &str)], &[&str]); 14] = [
            (&[("b", "use crate::c::X;"), ("c", "")], &[]),
            (&[("b", "use crate::c::X;"), ("c", "use crate::b::Y;")], &["each other: b, c;"]),
            (&[("b", "use crate::{c::{X, Z}, d};"), ("c", "use super::b;")], &["b, c;"]),
            (&[("b", "fn f() { super::c::f() }"), ("c", "fn f() { crate::b::f() }")], &["b, c;"]),
            (&[("b", "// crate::c::X"), ("c", "use crate::b::Y;")], &[]),
            (
                &[("b", "#[cfg(test)]\nmod tests {\nuse crate::c::X;\n}"), ("c", "use crate::b;")],
                &[],
            ),
            // By way of a third file.
            (
                &[("b", "use crate::c::X;"), ("c", "use crate::d::Y;"), ("d", "use crate::b::Z;")],
                &["b, c, d;"],
            ),
            // What the root re-exports is not the root's.
            (
                &[
                    ("lib", "pub use b::B; pub use c::C as D;"),
                    ("b", "use crate::D;"),
                    ("c", "use crate::B;"),
                ],
                &["b, c;"],
            ),
            (
                &[
                    ("lib", "pub use b::B; pub use c::C as D;"),
                    ("b", "use crate::C;"),
                    ("c", "use crate::B;"),
                ],
                &[],
            ),
            (&[("lib", "pub use b::B; struct S;"), ("b", "use crate::S;")], &[]),
            // A file and its parts.
            (&[("b", "mod c; use c::X; struct Y;"), ("b/c", "use super::Y;")], &[]),
            (&[("b", "use crate::b::c::X; struct Y;"), ("b/c", "use super::Y;")], &["b, b/c;"]),
            (&[("b/mod", "use super::c::X;"), ("c", "use crate::b::X;")], &["b, c;"]),
            (&[("b/tests", "use crate::c::X;"), ("c", "use crate::b::tests::X;")], &[]),
        ];
        for (files, expected) in rows {
            check(files, expected);
        }
    }
}
