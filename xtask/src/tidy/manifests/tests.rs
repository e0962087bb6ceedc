use super::*;

/// A manifest that breaks no rule.
fn good(name: &str) -> String {
    let line = |key: &&str| match *key {
        PUBLISH if UNPUBLISHED.contains(&name) => "publish = false\n".to_owned(),
        key => format!("{key}.workspace = true\n"),
    };
    let described = DESCRIBED.iter().filter(|_| !UNPUBLISHED.contains(&name));
    let inherited: String = INHERITED.iter().chain(described).map(line).collect();
    format!("[package]\nname = \"{name}\"\n{inherited}[lints]\nworkspace = true\n")
}

fn found(path: &str, text: &str) -> Vec<String> {
    problems(&[File::new(path, text)]).iter().map(ToString::to_string).collect()
}

fn check(name: &str, more: &str, expected: &[&str]) {
    let found = found(&format!("crates/{name}/Cargo.toml"), &format!("{}{more}\n", good(name)));
    assert_eq!(found.len(), expected.len(), "{name} {more}: {found:?}");
    for (problem, part) in found.iter().zip(expected) {
        assert!(problem.contains(part), "no `{part}` in: {problem}");
    }
}

#[test]
fn dependencies_point_one_way() {
    check("rekindle-images", "[dependencies]\nrekindle-cards.workspace = true", &[]);
    check(
        "rekindle-data",
        "[dependencies]\nrekindle-layers.workspace = true",
        &["may not use rekindle-layers"],
    );
    check(
        "rekindle-cards",
        "[dependencies]\nserde = \"1\"\nrekindle.workspace = true",
        &["Cargo.toml:14: "],
    );
    check(
        "rekindle-transfer",
        "[dev-dependencies]\nrekindle-vision.workspace = true",
        &["rekindle-vision"],
    );
    check(
        "rekindle-train",
        "[target.'cfg(unix)'.dependencies]\nrekindle-data.workspace = true",
        &["rekindle-data"],
    );
    check(
        "rekindle-train",
        "[dependencies]\nx = { package = \"rekindle-data\" }",
        &["rekindle-data"],
    );
    check(
        "rekindle-vision",
        "[dependencies]\nrekindle-unheard-of = \"1\"",
        &["rekindle-unheard-of"],
    );
    check(
        "rekindle",
        "[dependencies]\nrekindle-train.workspace = true\nrekindle-vision.workspace = true",
        &[],
    );
    check("rekindle-unheard-of", "", &["not in the table"]);
}

#[test]
fn cards_data_and_xtask_know_no_burn() {
    for name in ["rekindle-cards", "rekindle-data", "xtask"] {
        check(name, "[dependencies]\nburn.workspace = true", &["knows no Burn"]);
        check(name, "[dev-dependencies]\nburn-tensor = \"1\"", &["knows no Burn"]);
    }
    check("rekindle-layers", "[dependencies]\nburn.workspace = true", &[]);
}

#[test]
fn no_library_names_a_backend() {
    let with = |kind: &str, feature: &str| {
        format!("[{kind}]\nburn = {{ workspace = true, features = [\"{feature}\"] }}")
    };
    check("rekindle-layers", &with("dependencies", "flex"), &["backend `flex`"]);
    check("rekindle-layers", &with("dev-dependencies", "flex"), &[]);
    check("rekindle-layers", &with("dependencies", "optim"), &[]);
    check("rekindle", &with("dependencies", "cuda"), &[]);
    check("rekindle-lab", &with("dependencies", "ndarray"), &[]);
    check("rekindle-train", "[features]\ncuda = []", &["feature names a backend"]);
    check("rekindle-train", "[features]\nfast = [\"burn/wgpu\"]", &["feature names a backend"]);
    check("rekindle-train", "[features]\nfast = [\"burn/simd\"]", &[]);
    let root = "[workspace]\n[workspace.dependencies]\nburn = { version = \"1\", features = [\"vulkan\"] }\n";
    assert!(found("Cargo.toml", root)[0].starts_with("Cargo.toml:3: "));
}

#[test]
fn every_package_inherits() {
    check("rekindle-data", "", &[]);
    let path = "crates/rekindle-data/Cargo.toml";
    for key in INHERITED.into_iter().chain(DESCRIBED) {
        let text = good("rekindle-data")
            .replace(&format!("{key}.workspace = true"), &format!("{key} = \"x\""));
        assert!(found(path, &text)[0].contains(&format!("does not inherit `{key}`")), "{key}");
    }
    let text = good("rekindle-data").replace("[lints]\nworkspace = true\n", "");
    assert!(found(path, &text)[0].contains("lints"));
    assert!(found(path, &good("rekindle-train"))[0].contains("folder"));
    assert!(found("xtask/Cargo.toml", &good("xtask")).is_empty());
    assert_eq!(found(path, "[package").len(), 1);
}

#[test]
fn what_is_never_published_says_so_and_is_used_in_tests_alone() {
    for name in UNPUBLISHED {
        check(name, "", &[]);
        let path = format!("crates/{name}/Cargo.toml");
        let text = good(name).replace("publish = false", "publish.workspace = true");
        assert!(found(&path, &text)[0].contains("is never published"), "{name}");
        let text = good("rekindle-data").replace("publish.workspace = true", "publish = false");
        assert!(found("crates/rekindle-data/Cargo.toml", &text)[0].contains("does not inherit"));
    }
    check("rekindle", "[dev-dependencies]\nrekindle-loopback.workspace = true", &[]);
    check("xtask", "[dependencies]\nrekindle-loopback.workspace = true", &[]);
    check("rekindle", "[dependencies]\nrekindle-loopback.workspace = true", &["is published"]);
}
