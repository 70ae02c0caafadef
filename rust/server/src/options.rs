//! Bounds and places.

use std::path::PathBuf;
use std::time::Duration;

use crate::cors::Cors;
use crate::tls::Identity;

/// The longest head of a request. Bearer tokens and session tokens take a few thousand bytes.
pub const MAX_HEAD_BYTES: usize = 65_536;
/// How many headers a request may have.
pub const MAX_HEADERS: usize = 100;
/// How long the other side may take to close, to read a last word, or, once the server is about to
/// end, to go on with a request that has begun.
pub const LAST_WORD: Duration = Duration::from_secs(2);
/// How much of what still comes is thrown away before a connection is closed: one that is closed
/// with unread bytes takes back what it sent.
pub(crate) const MAX_DISCARDED_BYTES: usize = 16_000_000;
/// The longest body for the app. Fixtures may come by the thousand, but not without end.
pub const MAX_APP_BODY_BYTES: usize = 100_000_000;
/// How much all bodies for the app may hold together.
pub const MAX_APP_BODIES_BYTES: usize = 2 * MAX_APP_BODY_BYTES;
/// How many times the limit is read, and thrown away, before what is too long is answered: a client
/// that is still sending would not see the answer. But not without end.
pub const DRAIN_FACTOR: usize = 4;
/// How many connections there may be, unless said otherwise.
pub const MAX_CONNECTIONS: usize = 20_000;

/// How many more than so many connections may be there for a while: each hears that it is one too
/// many while it still sends. Above that they are closed at once.
pub fn max_refused(connections: usize) -> usize {
    (connections / 8).clamp(8, 256)
}

/// How many requests may be under way, unless said otherwise.
pub const MAX_IN_FLIGHT: usize = 20_000;
/// How long a connection may be without a request, unless said otherwise. boto3 keeps connections
/// in a pool; one that is closed under it costs a retry.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// What a server is made with.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many workers.
    pub threads: usize,
    /// How many connections there may be; those above are refused.
    pub max_connections: usize,
    /// How many requests may be under way; those above are refused.
    pub max_in_flight: usize,
    /// How many answers may be made, or wait for that, at a time; those above are refused.
    pub max_making: usize,
    /// How many streams an HTTP/2 connection may have at a time.
    pub max_streams: u32,
    /// How long the head of a request may take.
    pub head_timeout: Duration,
    /// How long a body, or a reader of an answer, may make no progress.
    pub stall_timeout: Duration,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// Where the app listens that serves all other paths.
    pub app: Option<PathBuf>,
    /// TCP connections speak TLS.
    pub tls: Option<Identity>,
    /// Whose pages may read Bedrock's answers.
    pub cors: Option<Cors>,
    /// Workers serve what they can; otherwise hyper serves every connection.
    pub workers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_connections: MAX_CONNECTIONS,
            max_in_flight: MAX_IN_FLIGHT,
            max_making: 20_000,
            max_streams: 1000,
            head_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(120),
            idle_timeout: IDLE_TIMEOUT,
            app: None,
            tls: None,
            cors: None,
            workers: true,
        }
    }
}
