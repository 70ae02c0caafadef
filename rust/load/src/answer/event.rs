//! What kind of event a frame is, by its headers.

use eventstream::Headers;

use crate::failure::Failure;

/// The events of both streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    MessageStart,
    BlockStart,
    BlockDelta,
    BlockStop,
    MessageStop,
    Metadata,
    Chunk,
    /// An event that the service model does not have. SDKs skip it.
    Unknown,
}

/// The kind of a frame's event.
///
/// # Errors
///
/// It is an exception, or neither that nor an event.
pub(super) fn kind_of(headers: Headers<'_>) -> Result<Kind, Failure> {
    let text = |name| headers.get_str(name).unwrap_or_default();
    match text(":message-type") {
        "event" => {}
        "exception" => return Err(Failure::exception(text(":exception-type"))),
        "error" => return Err(Failure::exception(text(":error-code"))),
        _ => return Err(Failure::Grammar),
    }
    Ok(match text(":event-type") {
        "messageStart" => Kind::MessageStart,
        "contentBlockStart" => Kind::BlockStart,
        "contentBlockDelta" => Kind::BlockDelta,
        "contentBlockStop" => Kind::BlockStop,
        "messageStop" => Kind::MessageStop,
        "metadata" => Kind::Metadata,
        "chunk" => Kind::Chunk,
        _ => Kind::Unknown,
    })
}
