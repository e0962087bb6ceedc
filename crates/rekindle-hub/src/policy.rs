//! Which licenses are accepted: a file's, and those that are named.

use std::{ffi::OsString, fs};

use rekindle_cards::LicensePolicy;

use crate::Error;

/// The licenses that are accepted: those of the file that `REKINDLE_LICENSES` names, and these.
///
/// # Errors
///
/// [`Error::Io`] where the file cannot be read, [`Error::Cards`] where it is no policy or a name is no license's.
pub fn policy(accepted: &[String]) -> Result<LicensePolicy, Error> {
    let mut policy = policy_of(std::env::var_os(LicensePolicy::VARIABLE))?;
    for name in accepted {
        policy.accept(name)?;
    }
    Ok(policy)
}

/// The policy of a file; without one, that which accepts permissive licenses alone.
pub(crate) fn policy_of(file: Option<OsString>) -> Result<LicensePolicy, Error> {
    match file.filter(|path| !path.is_empty()) {
        Some(path) => {
            let text = fs::read_to_string(&path).map_err(Error::io("read the policy", &path))?;
            Ok(LicensePolicy::parse(&path.to_string_lossy(), &text)?)
        }
        None => Ok(LicensePolicy::default()),
    }
}
