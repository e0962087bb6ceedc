//! The `rekindle` binary: find a model, predict with it, make it your own.

mod cli;

use std::process::ExitCode;

use clap::Parser;

use cli::output;

fn main() -> ExitCode {
    let code = match cli::Cli::try_parse() {
        Err(error) => return output::usage(&error),
        Ok(cli) => cli.run().unwrap_or_else(|error| {
            output::complain(&format!("error: {}", output::causes(&error)));
            ExitCode::FAILURE
        }),
    };
    output::end(code)
}
