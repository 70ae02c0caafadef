//! Names of AWS errors and their statuses, and what a caller of this crate can get wrong.

use std::fmt;

/// An argument that makes no sense: which, and what it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(String);

impl Invalid {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

/// Refused before it reaches the model: malformed, too large, of a kind that does not fit.
pub const VALIDATION: &str = "ValidationException";
/// No such operation, or not by that method.
pub const UNKNOWN_OPERATION: &str = "UnknownOperationException";
/// No fixture matched.
pub const NOT_FOUND: &str = "ResourceNotFoundException";
/// No fixture matched, in strict mode.
pub const UNAVAILABLE: &str = "ServiceUnavailableException";

/// The errors that a caller of Bedrock Runtime can meet. The first twelve are modelled; the others
/// come from the front of the service.
pub const STATUSES: [(&str, u16); 18] = [
    ("AccessDeniedException", 403),
    ("ConflictException", 400),
    ("InternalServerException", 500),
    ("ModelErrorException", 424),
    ("ModelNotReadyException", 429),
    ("ModelStreamErrorException", 424),
    ("ModelTimeoutException", 408),
    (NOT_FOUND, 404),
    ("ServiceQuotaExceededException", 400),
    (UNAVAILABLE, 503),
    ("ThrottlingException", 429),
    (VALIDATION, 400),
    ("ExpiredTokenException", 403),
    ("FTUFormNotFilled", 404),
    ("IncompleteSignature", 400),
    ("InternalFailure", 500),
    (UNKNOWN_OPERATION, 404),
    ("UnrecognizedClientException", 403),
];

/// The status that the service gives an error of that name.
pub fn status_of(name: &str) -> Option<u16> {
    STATUSES.iter().find(|(known, _)| *known == name).map(|(_, status)| *status)
}
