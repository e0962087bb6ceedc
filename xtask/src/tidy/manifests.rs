//! Rules for manifests: which crate may use which, where a backend may be named, what is inherited.

use toml::{Table, Value};

use super::{File, Problem};

/// A package of the workspace and what it may use.
struct Package {
    name: &'static str,
    uses: Uses,
    burn: Burn,
    backend: Backend,
}

/// Which packages of the workspace it may use.
enum Uses {
    Only(&'static [&'static str]),
    Any,
}

/// Whether it may use Burn.
#[derive(PartialEq)]
enum Burn {
    Known,
    Unknown,
}

/// Whether it may turn a backend on.
#[derive(PartialEq)]
enum Backend {
    Named,
    Unnamed,
}

use Backend::{Named, Unnamed};
use Burn::{Known, Unknown};
use Uses::{Any, Only};

/// One row a package; dependencies point one way (convention 29).
#[rustfmt::skip]
const PACKAGES: [Package; 30] = [
    Package { name: "rekindle",            uses: Any,                        burn: Known,   backend: Named },
    Package { name: "rekindle-base",       uses: Only(&[]),                  burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-cards",      uses: Only(&[]),                  burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-checkpoint", uses: Only(&["rekindle-files", "rekindle-layers"]), burn: Known, backend: Unnamed },
    Package { name: "rekindle-data",       uses: Only(&["rekindle-base"]),   burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-doctor",     uses: Only(&["rekindle-base", "rekindle-data", "rekindle-images", "rekindle-report", "rekindle-text"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-doodles",    uses: Only(&["rekindle-base"]),   burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-files",      uses: Only(&["rekindle-base"]),   burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-finetune",   uses: Only(FINETUNE),             burn: Known,   backend: Unnamed },
    Package { name: "rekindle-forecast",   uses: Only(FORECAST),             burn: Known,   backend: Unnamed },
    Package { name: "rekindle-hub",        uses: Only(&["rekindle-base", "rekindle-cards", "rekindle-loopback"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-images",     uses: Only(&["rekindle-base", "rekindle-cards", "rekindle-data"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-kernels",    uses: Only(&[]),                  burn: Known,   backend: Named },
    Package { name: "rekindle-lab",        uses: Any,                        burn: Known,   backend: Named },
    Package { name: "rekindle-language",   uses: Only(&["rekindle-base", "rekindle-layers"]), burn: Known,   backend: Unnamed },
    Package { name: "rekindle-layers",     uses: Only(&["rekindle-kernels"]), burn: Known,   backend: Unnamed },
    Package { name: "rekindle-loopback",   uses: Only(&[]),                  burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-metrics",    uses: Only(&["rekindle-base"]),   burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-onnx",       uses: Only(&["rekindle-base", "rekindle-files", "rekindle-layers"]), burn: Known, backend: Named },
    Package { name: "rekindle-report",     uses: Only(&["rekindle-base", "rekindle-metrics"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-series",     uses: Only(&["rekindle-base", "rekindle-data", "rekindle-metrics"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-serve",      uses: Only(&["rekindle-base", "rekindle-loopback"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-skip",       uses: Only(&[]),                  burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-tables",     uses: Only(&["rekindle-metrics", "rekindle-series"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-tests",      uses: Any,                        burn: Known,   backend: Named },
    Package { name: "rekindle-text",       uses: Only(&["rekindle-base", "rekindle-data", "rekindle-files"]), burn: Unknown, backend: Unnamed },
    Package { name: "rekindle-train",      uses: Only(&["rekindle-base", "rekindle-kernels", "rekindle-metrics"]), burn: Known, backend: Unnamed },
    Package { name: "rekindle-transfer",   uses: Only(&["rekindle-base", "rekindle-layers", "rekindle-train"]), burn: Known,   backend: Unnamed },
    Package { name: "rekindle-vision",     uses: Only(&["rekindle-layers"]), burn: Known,   backend: Unnamed },
    Package { name: "xtask",               uses: Only(&["rekindle-base", "rekindle-cards", "rekindle-hub", "rekindle-loopback"]), burn: Unknown, backend: Unnamed },
];

const FORECAST: &[&str] = &[
    "rekindle-base",
    "rekindle-checkpoint",
    "rekindle-data",
    "rekindle-finetune",
    "rekindle-layers",
    "rekindle-metrics",
    "rekindle-series",
    "rekindle-train",
    "rekindle-transfer",
];

const FINETUNE: &[&str] = &[
    "rekindle-base",
    "rekindle-checkpoint",
    "rekindle-data",
    "rekindle-layers",
    "rekindle-metrics",
    "rekindle-train",
    "rekindle-transfer",
];

/// Features that turn a backend of Burn on.
const BACKENDS: [&str; 12] = [
    "candle", "cpu", "cuda", "flex", "hip", "metal", "ndarray", "rocm", "tch", "vulkan", "webgpu",
    "wgpu",
];

/// What the tests of any package may use.
const FOR_TESTS: &str = "rekindle-skip";

/// Keys that every package takes from the workspace; those that are never published say so instead of the last.
const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", PUBLISH];
/// And those that are published, for whoever looks for them.
const DESCRIBED: [&str; 2] = ["keywords", "categories"];
const PUBLISH: &str = "publish";

/// Packages for whoever works on Rekindle; the others may use them in tests alone.
const UNPUBLISHED: [&str; 5] =
    ["rekindle-doodles", "rekindle-lab", "rekindle-loopback", "rekindle-tests", "xtask"];

/// The kinds of dependency, the development ones last.
const KINDS: [&str; 3] = ["build-dependencies", "dependencies", DEVELOPMENT];
const DEVELOPMENT: &str = "dev-dependencies";

pub(super) fn problems(files: &[File]) -> Vec<Problem> {
    // What fuzzers run is a workspace of its own, which nothing of ours depends on.
    let ours = files.iter().filter(|file| !file.path.starts_with("fuzz/"));
    let manifests = ours.filter(|file| file.path.rsplit('/').next() == Some("Cargo.toml"));
    manifests.flat_map(manifest).collect()
}

fn manifest(file: &File) -> Vec<Problem> {
    let manifest: Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Problem::new(&file.path, 1, error.message())],
    };
    let workspace = manifest.get("workspace").and_then(Value::as_table);
    let Some(name) = manifest.get("package").and_then(|package| package.get("name")?.as_str())
    else {
        let shared = workspace.and_then(|workspace| workspace.get("dependencies")?.as_table());
        return shared.into_iter().flat_map(|table| backends(file, table)).collect();
    };
    let mut problems = inherited(file, &manifest, name);
    let Some(package) = PACKAGES.iter().find(|package| package.name == name) else {
        let message =
            format!("`{name}` is not in the table of packages: add what it may use to tidy");
        problems.push(Problem::new(&file.path, 1, message));
        return problems;
    };
    for (kind, table) in dependencies(&manifest) {
        let known = table.iter().filter(|(key, _)| !(kind == DEVELOPMENT && *key == FOR_TESTS));
        problems.extend(known.filter_map(|(key, value)| edge(file, package, key, value)));
        if kind == DEVELOPMENT {
            continue;
        }
        if package.backend == Unnamed {
            problems.extend(backends(file, table));
        }
        if !UNPUBLISHED.contains(&name) {
            problems.extend(unpublished(file, name, table));
        }
    }
    if package.backend == Unnamed {
        problems.extend(backend_features(file, &manifest));
    }
    problems
}

/// Every table of dependencies, those of one platform included.
fn dependencies(manifest: &Table) -> Vec<(&'static str, &Table)> {
    let targets =
        manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = targets.filter_map(Value::as_table).chain([manifest]);
    tables
        .flat_map(|table| {
            KINDS.iter().filter_map(|kind| Some((*kind, table.get(*kind)?.as_table()?)))
        })
        .collect()
}

/// A dependency on a package that this one may not know.
fn edge(file: &File, package: &Package, key: &str, value: &Value) -> Option<Problem> {
    let used = value.get("package").and_then(Value::as_str).unwrap_or(key);
    let line = line_of(&file.text, key);
    if package.burn == Unknown && (used == "burn" || used.starts_with("burn-")) {
        return Some(Problem::new(
            &file.path,
            line,
            format!("{} knows no Burn, but uses {used}", package.name),
        ));
    }
    let ours = PACKAGES.iter().any(|package| package.name == used) || used.starts_with("rekindle");
    let allowed = match package.uses {
        Any => true,
        Only(uses) => uses.contains(&used),
    };
    let message = || format!("{} may not use {used}: dependencies point one way", package.name);
    (ours && !allowed).then(|| Problem::new(&file.path, line, message()))
}

/// Dependencies that whoever installs a published package could not have.
fn unpublished(file: &File, name: &str, dependencies: &Table) -> Vec<Problem> {
    let used = dependencies.keys().filter(|key| UNPUBLISHED.contains(&key.as_str()));
    let problem = |key: &String| {
        let message = format!("{name} is published, {key} is not: use it in tests alone");
        Problem::new(&file.path, line_of(&file.text, key), message)
    };
    used.map(problem).collect()
}

/// Dependencies that turn a backend on.
fn backends(file: &File, dependencies: &Table) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (key, value) in
        dependencies.iter().filter(|(key, _)| *key == "burn" || key.starts_with("burn-"))
    {
        let features = value.get("features").and_then(Value::as_array).into_iter().flatten();
        for feature in
            features.filter_map(Value::as_str).filter(|feature| BACKENDS.contains(feature))
        {
            let message = format!(
                "a library names the backend `{feature}`: the device decides, the facade turns it on"
            );
            problems.push(Problem::new(&file.path, line_of(&file.text, key), message));
        }
    }
    problems
}

/// Features of the package itself that turn a backend on.
fn backend_features(file: &File, manifest: &Table) -> Vec<Problem> {
    let features = manifest.get("features").and_then(Value::as_table).into_iter().flatten();
    let names_one = |(key, parts): &(&String, &Value)| {
        let parts = parts.as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut names = parts.filter_map(|part| part.rsplit('/').next()).chain([key.as_str()]);
        names.any(|name| BACKENDS.contains(&name))
    };
    let message = "a library's feature names a backend: the device decides, the facade turns it on";
    features
        .filter(names_one)
        .map(|(key, _)| Problem::new(&file.path, line_of(&file.text, key), message))
        .collect()
}

/// What a package does not take from the workspace, and a folder of another name.
fn inherited(file: &File, manifest: &Table, name: &str) -> Vec<Problem> {
    let from_workspace = |value: Option<&Value>| {
        value.and_then(|value| value.get("workspace")?.as_bool()) == Some(true)
    };
    let package = manifest.get("package");
    let mut problems = Vec::new();
    let described = DESCRIBED.into_iter().filter(|_| !UNPUBLISHED.contains(&name));
    for key in INHERITED.into_iter().chain(described) {
        let value = package.and_then(|package| package.get(key));
        let message = if key == PUBLISH && UNPUBLISHED.contains(&name) {
            let says_so = value.and_then(Value::as_bool) == Some(false);
            (!says_so).then(|| format!("{name} is never published: write `{key} = false`"))
        } else {
            let message = || format!("does not inherit `{key}`: write `{key}.workspace = true`");
            (!from_workspace(value)).then(message)
        };
        let line = line_of(&file.text, key);
        problems.extend(message.map(|message| Problem::new(&file.path, line, message)));
    }
    if !from_workspace(manifest.get("lints")) {
        problems.push(Problem::new(
            &file.path,
            1,
            "does not inherit the lints: write `[lints]`, `workspace = true`",
        ));
    }
    let folder =
        file.path.strip_prefix("crates/").and_then(|path| path.strip_suffix("/Cargo.toml"));
    if folder.is_some_and(|folder| folder != name) {
        problems.push(Problem::new(
            &file.path,
            1,
            format!("the folder is not named after the package, `{name}`"),
        ));
    }
    problems
}

/// Where a key stands, or the first line.
fn line_of(text: &str, key: &str) -> usize {
    let stands = |line: &str| {
        let rest = line.trim_start_matches([' ', '[', '"']).strip_prefix(key);
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=', '"', ']']))
    };
    1 + text.lines().position(stands).unwrap_or_default()
}

#[cfg(test)]
mod tests;
