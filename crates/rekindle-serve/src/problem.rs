//! What is wrong with a request, as one form of JSON.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// What kind of thing is wrong: an HTTP status, and a word for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// The query or the body is not what the endpoint takes.
    BadRequest,
    /// The body is no JSON, or not the one that the endpoint takes.
    BadJson,
    /// There is no valid token.
    Unauthorized,
    /// This server was not started so that it would do this.
    Forbidden,
    /// There is no such address.
    NotFound,
    /// There is no model of this name.
    UnknownModel,
    /// The address is there, for another method.
    MethodNotAllowed,
    /// The body took too long to arrive.
    BodyTimeout,
    /// The body is longer than allowed.
    BodyTooLarge,
    /// More items than go through at once.
    TooManyItems,
    /// A picture of more pixels than are decoded.
    PictureTooLarge,
    /// A body of a content type that is not read.
    UnsupportedMediaType,
    /// The request names another host.
    UnknownHost,
    /// A picture cannot be read.
    UnreadablePicture,
    /// A text cannot be read.
    UnreadableText,
    /// A row cannot be read.
    UnreadableRow,
    /// An item of another kind than the model takes.
    OtherKind,
    /// The model cannot do this.
    NotSupported,
    /// Too much is waiting.
    Busy,
    /// A bug.
    Internal,
    /// The server is about to end.
    Stopping,
}

impl Code {
    /// The HTTP status, and the word.
    const fn row(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "bad_request"),
            Self::BadJson => (400, "bad_json"),
            Self::Unauthorized => (401, "unauthorized"),
            Self::Forbidden => (403, "forbidden"),
            Self::NotFound => (404, "not_found"),
            Self::UnknownModel => (404, "unknown_model"),
            Self::MethodNotAllowed => (405, "method_not_allowed"),
            Self::BodyTimeout => (408, "body_timeout"),
            Self::BodyTooLarge => (413, "body_too_large"),
            Self::TooManyItems => (413, "too_many_items"),
            Self::PictureTooLarge => (413, "picture_too_large"),
            Self::UnsupportedMediaType => (415, "unsupported_media_type"),
            Self::UnknownHost => (421, "unknown_host"),
            Self::UnreadablePicture => (422, "unreadable_picture"),
            Self::UnreadableText => (422, "unreadable_text"),
            Self::UnreadableRow => (422, "unreadable_row"),
            Self::OtherKind => (422, "other_kind"),
            Self::NotSupported => (422, "not_supported"),
            Self::Busy => (429, "busy"),
            Self::Internal => (500, "internal"),
            Self::Stopping => (503, "stopping"),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The word for programs.
    pub const fn word(self) -> &'static str {
        self.row().1
    }
}

/// What is wrong with a request: the thing, the cause and the remedy in a sentence. It holds no path and no backtrace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What kind of thing.
    pub code: Code,
    /// For people.
    pub message: String,
    /// Which part of the request, as `items[2].image`.
    pub field: Option<String>,
    /// Seconds after which to try again.
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem of the request as a whole.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), field: None, retry_after: None }
    }

    /// A problem of a part of it; the message says its name first.
    pub fn of(code: Code, field: &str, message: impl std::fmt::Display) -> Self {
        let message = format!("{field}: {message}");
        Self { field: Some(field.to_owned()), ..Self::new(code, message) }
    }

    /// A model that cannot do what is asked for.
    pub fn not_supported(what: &str) -> Self {
        Self::new(Code::NotSupported, format!("this model {what}; GET /v1/models says what it can"))
    }

    /// Something that nobody expected: whoever asked can do nothing about it.
    pub(crate) fn internal() -> Self {
        let message = "the server failed at this request; its log says how, please report it";
        Self::new(Code::Internal, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code.word(), "message": self.message });
        if let Some(field) = &self.field {
            error["field"] = field.as_str().into();
        }
        let status = StatusCode::from_u16(self.code.status()).unwrap_or_default();
        let body = json!({ "error": error }).to_string();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
