//! The `rekindle` binary: find a model, predict with it, make it your own.

mod cli;

use std::process::ExitCode;

use cli::output;

fn main() -> ExitCode {
    let code = match cli::Cli::asked() {
        Err(code) => return code,
        Ok(cli) => cli.run().unwrap_or_else(|error| {
            output::complain(&format!("error: {}", output::causes(&error)));
            ExitCode::FAILURE
        }),
    };
    output::end(code)
}
