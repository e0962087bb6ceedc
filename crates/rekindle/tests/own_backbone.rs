//! The example of a user's own network, at toy size.
#![allow(clippy::unwrap_used, reason = "a test may; the lint does not see that helpers are tests")]

use std::fs;

#[path = "../examples/own_backbone.rs"]
#[allow(dead_code, reason = "its main is not run")]
mod example;

#[test]
fn a_network_of_ones_own_is_fine_tuned_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    // A folder that is not there is made.
    let made = folder.path().join("made");
    let first = example::run([20, 8], &made).unwrap();
    let saved = || fs::read(made.join("best.safetensors")).unwrap();
    let weights = saved();
    // Training begins where the probe ends, and keeps its best epoch; far too few pictures to ask for more.
    let [probe, tuned, again] = first;
    assert!(tuned >= probe && probe > 0.0 && again > 0.0, "{first:?}");
    // Features of all stages, and of those below the last.
    for kept in ["embeddings.bin", "features-2.bin", "last.state"] {
        assert!(made.join(kept).exists(), "{kept}");
    }
    // It goes on from its end.
    assert_eq!(example::run([20, 8], &made).unwrap(), first);
    assert!(saved() == weights);
}
