//! Answers that are read to their end.

use serde::de::DeserializeOwned;

use crate::Error;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The address that was asked, as it may be shown.
    pub url: String,
    /// The HTTP status, 200 to 299.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The content.
    pub content: Vec<u8>,
}

impl Answer {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The content as JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Answer`] where it is not JSON, or not laid out as the type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.content).map_err(|error| Error::Answer {
            url: self.url.clone(),
            problem: format!(
                "the answer is not what a Hub says here: {error}; is HF_ENDPOINT a Hub, or does a proxy \
                 or a login page answer in its place?"
            ),
        })
    }
}
