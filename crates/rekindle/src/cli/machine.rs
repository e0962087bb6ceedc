//! What this build and this machine have: the long version, and `rekindle doctor` without data.

use std::{fs, path::Path, process::ExitCode};

#[cfg(feature = "net")]
use rekindle::hub::{HubSettings, NetworkAccess};
use rekindle::{cards::LicensePolicy, kernels::Isa};
use rekindle_base::AtomicFile;
use rekindle_doctor::Severity;
use serde::Serialize;

#[cfg(feature = "net")]
use super::weights::reach;
use super::{output, weights::policy};

/// Memory below which a network of usual size does not train, in bytes.
const LITTLE_MEMORY: u64 = 2 << 30;
/// Space below which weights do not fit, in bytes.
const LITTLE_SPACE: u64 = 1 << 30;

/// What of the features this build has.
const FEATURES: [(&str, bool); 6] = [
    ("net", cfg!(feature = "net")),
    ("parquet", cfg!(feature = "parquet")),
    ("cuda", cfg!(feature = "cuda")),
    ("cuda-nvrtc", cfg!(feature = "cuda-nvrtc")),
    ("vulkan", cfg!(feature = "vulkan")),
    ("wgpu", cfg!(feature = "wgpu")),
];

/// What was found of one thing.
#[derive(Serialize)]
struct Found {
    what: &'static str,
    /// None where all is well.
    severity: Option<Severity>,
    text: String,
}

impl Found {
    fn well(what: &'static str, text: String) -> Self {
        Self { what, severity: None, text }
    }

    fn bad(what: &'static str, severity: Severity, text: String) -> Self {
        Self { what, severity: Some(severity), text }
    }
}

/// What `rekindle --version` prints: the version, then a line for each thing that a report of a fault should have.
pub(super) fn version() -> String {
    let lines = [
        concat!("rekindle ", env!("CARGO_PKG_VERSION")).to_owned(),
        format!("features: {}", features()),
        format!("instructions: {}", instructions()),
        format!("threads: {}", threads()),
        format!("cache: {}", output::one_line(cache())),
    ];
    lines.join("\n")
}

fn features() -> String {
    let has: Vec<_> = FEATURES.iter().filter(|(_, has)| *has).map(|(name, _)| *name).collect();
    if has.is_empty() { "none".to_owned() } else { has.join(", ") }
}

/// The sets of instructions that kernels are compiled for and this machine has, and which of them is used.
fn instructions() -> String {
    let has: Vec<_> = Isa::available().iter().map(|isa| format!("{isa:?}")).collect();
    let best = format!("{:?}", Isa::best());
    if has.first() == Some(&best) {
        has.join(", ")
    } else {
        format!("{}; {best} is used, as REKINDLE_ISA asks", has.join(", "))
    }
}

/// Threads that commands use where `--threads` says nothing.
fn threads() -> usize {
    rayon::current_num_threads()
}

/// The folder that weights are kept in, or why there is none.
#[cfg(feature = "net")]
fn cache() -> String {
    match HubSettings::from_env() {
        Ok(settings) => settings.cache.display().to_string(),
        Err(error) => rekindle_base::causes(&error),
    }
}

/// The folder that weights are kept in, or why there is none.
#[cfg(not(feature = "net"))]
fn cache() -> String {
    "none".to_owned()
}

/// Examines this machine and prints what was found; 2 where something would stop a command.
pub(super) fn examine(json: bool) -> anyhow::Result<ExitCode> {
    let mut found = vec![
        Found::well("version", format!("{}, features: {}", env!("CARGO_PKG_VERSION"), features())),
        processor(),
        memory(),
        writable("temporary", &std::env::temp_dir(), "TMPDIR names another folder"),
    ];
    found.extend(of_weights());
    for it in &found {
        if json {
            output::json(it)?;
            continue;
        }
        let word = match it.severity {
            None => "well",
            Some(Severity::Note) => "note",
            Some(Severity::Warning) => "warning",
            Some(Severity::Error) => "error",
        };
        say!("{word:<8} {:<10} {}", it.what, output::one_line(&it.text));
    }
    if !json {
        say!("`rekindle doctor DATA` examines pictures or texts before training on them");
    }
    let stops = found.iter().any(|it| it.severity == Some(Severity::Error));
    Ok(if stops { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn processor() -> Found {
    let text = format!("{} threads; instructions: {}", threads(), instructions());
    match Isa::best() {
        Isa::Portable => {
            let slow = "; without AVX2 the kernels take two to four times as long";
            Found::bad("processor", Severity::Note, text + slow)
        }
        _ => Found::well("processor", text),
    }
}

/// Memory that can be had without swapping, where the system says it as Linux does.
fn memory() -> Found {
    let bytes = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? << 10)
    };
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let (Some(all), Some(free)) = (bytes(&text, "MemTotal:"), bytes(&text, "MemAvailable:")) else {
        return Found::bad(
            "memory",
            Severity::Note,
            "this system does not say how much".to_owned(),
        );
    };
    let text = format!("{} of {} are free", gib(free), gib(all));
    if free < LITTLE_MEMORY {
        let text =
            text + "; networks of usual size need two: take a smaller batch, or end other programs";
        return Found::bad("memory", Severity::Warning, text);
    }
    Found::well("memory", text)
}

/// Whether weights can be kept and fetched, and under which licenses.
#[cfg(feature = "net")]
fn of_weights() -> Vec<Found> {
    match HubSettings::from_env() {
        Ok(settings) => vec![
            writable("cache", &settings.cache, "HF_HUB_CACHE names another folder"),
            network(settings),
            licenses(),
        ],
        // What any command that takes weights would say.
        Err(error) => {
            vec![Found::bad("settings", Severity::Error, rekindle_base::causes(&error))]
        }
    }
}

/// Under which licenses weights are taken.
#[cfg(not(feature = "net"))]
fn of_weights() -> Vec<Found> {
    let network = "not used: built without the feature `net`".to_owned();
    vec![Found::well("network", network), licenses()]
}

/// Whether files can be made in a folder, or in the nearest one above it that exists.
fn writable(what: &'static str, path: &Path, remedy: &str) -> Found {
    let shown = path.display();
    let Some(folder) = path.ancestors().find(|folder| folder.is_dir()) else {
        let text = format!("{shown}: no folder above it exists; {remedy}");
        return Found::bad(what, Severity::Error, text);
    };
    // Gone again when this ends.
    if let Err(error) = AtomicFile::create(&folder.join("rekindle-doctor")) {
        let text = format!("{shown}: nothing can be written there ({error}); {remedy}");
        return Found::bad(what, Severity::Error, text);
    }
    match fs4::available_space(folder) {
        Err(error) => Found::bad(what, Severity::Note, format!("{shown}: unknown space ({error})")),
        Ok(bytes) if bytes < LITTLE_SPACE => {
            let text = format!("{shown}: only {} are free; {remedy}", gib(bytes));
            Found::bad(what, Severity::Warning, text)
        }
        Ok(bytes) => Found::well(what, format!("{shown}: {} are free", gib(bytes))),
    }
}

/// Whether the Hub answers.
#[cfg(feature = "net")]
fn network(settings: HubSettings) -> Found {
    /// A repository that a card names.
    const ASKED: &str = "timm/resnet18.a1_in1k";
    /// The longest silence that is waited for.
    const SILENCE: std::time::Duration = std::time::Duration::from_secs(5);
    if settings.network == NetworkAccess::Offline {
        return Found::well("network", "not used: HF_HUB_OFFLINE is set".to_owned());
    }
    match reach(HubSettings { stall: SILENCE, ..settings }, ASKED) {
        Ok(endpoint) => Found::well("network", format!("{endpoint} answers")),
        Err(error) => {
            let text = rekindle_base::causes(&error);
            let text = format!("{text}; weights that are not in the cache cannot be fetched");
            Found::bad("network", Severity::Warning, text)
        }
    }
}

/// Whether the file of licenses can be read.
fn licenses() -> Found {
    let named = std::env::var_os(LicensePolicy::VARIABLE).filter(|name| !name.is_empty());
    match (policy(&[]), named) {
        (Err(error), _) => Found::bad("licenses", Severity::Error, output::causes(&error)),
        (Ok(_), None) => Found::well("licenses", "permissive ones alone are accepted".to_owned()),
        (Ok(_), Some(file)) => {
            let file = file.to_string_lossy();
            Found::well("licenses", format!("permissive ones, and those of {file}, are accepted"))
        }
    }
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
