//! Says whether the library compiles its generic functions for all inputs and tasks: see `src/instances.rs`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(instances)");
    // What a library has compiled is taken from it where both are optimised little. Of the profiles it is this workspace's
    // that has this level: with others it would be compiled for nothing.
    if std::env::var("OPT_LEVEL").as_deref() == Ok("1") {
        println!("cargo::rustc-cfg=instances");
    }
}
