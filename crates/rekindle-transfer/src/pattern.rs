//! Patterns over the checkpoint's names of parameters.

use regex::Regex;

/// A glob, or a regular expression where the text begins with `^`; it matches whole names.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    /// Compiles `*` (any characters, dots too) and `?` (one character), or the regular expression.
    ///
    /// # Errors
    ///
    /// What is wrong with the regular expression.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let expression = match text.strip_prefix('^') {
            Some(rest) => rest.to_owned(),
            None => regex::escape(text).replace(r"\*", ".*").replace(r"\?", "."),
        };
        match Regex::new(&format!("^(?:{expression})$")) {
            Ok(regex) => Ok(Self(regex)),
            Err(error) => {
                // The last line of the message says what; the others draw where.
                let message = error.to_string();
                let what = message.lines().last().unwrap_or_default().trim();
                Err(format!("`{text}` is no regular expression ({what})"))
            }
        }
    }

    /// Whether this is the name of a parameter that is meant.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("layer1.*", "layer1.0.conv1.weight", true),
            ("layer1.*", "layer10.0.conv1.weight", false),
            ("layer1", "layer1.0.conv1.weight", false),
            ("*.bn?.*", "layer1.0.bn2.bias", true),
            ("*.bn?.*", "layer1.0.bnx2.bias", false),
            ("bn1.weight", "bn1xweight", false),
            ("layer[12]*", "layer1.0.conv1.weight", false),
            (r"^layer[12]\..*", "layer2.0.conv1.weight", true),
            (r"^layer[12]\.", "layer2.0.conv1.weight", false),
            (r"^.*bias|fc\.weight$", "fc.weight", true),
        ] {
            assert_eq!(Pattern::new(pattern).unwrap().matches(name), expected, "{pattern} {name}");
        }
        let error = Pattern::new("^layer(1").unwrap_err();
        assert!(error.contains("`^layer(1` is no regular expression (error: unclosed"), "{error}");
    }
}
