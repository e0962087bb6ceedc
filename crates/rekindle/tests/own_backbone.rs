//! The example of a user's own network, at toy size.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::fs;

#[path = "../examples/own_backbone.rs"]
#[allow(dead_code, reason = "its main is not run")]
mod example;

#[test]
fn a_network_of_ones_own_is_fine_tuned_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let first = example::run([20, 8], folder.path()).unwrap();
    let saved = || fs::read(folder.path().join("best.safetensors")).unwrap();
    let weights = saved();
    // Of ten classes.
    assert!(first.iter().all(|accuracy| *accuracy > 0.15), "{first:?}");
    // Features of all stages, and of those below the last.
    for kept in ["embeddings.bin", "features-2.bin", "last.state"] {
        assert!(folder.path().join(kept).exists(), "{kept}");
    }
    // It goes on from its end.
    assert_eq!(example::run([20, 8], folder.path()).unwrap(), first);
    assert!(saved() == weights);
}
