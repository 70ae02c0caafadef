//! What can be wrong with a request's answer.

use std::borrow::Cow;
use std::io;

use rustix::io::Errno;

/// Why a request did not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No connection.
    Connect,
    /// No TLS session on a connection.
    Tls,
    /// No connection, because no port was left to make it from.
    NoPort,
    /// No connection, because no file descriptor was left for it.
    NoFile,
    /// It took longer than it was given.
    Timeout,
    /// Another status than 200; the AWS error code, or the status where there is none.
    Http(String),
    /// An exception or an error inside the stream; its name.
    Exception(String),
    /// A checksum that is wrong.
    Crc,
    /// A frame that is wrong in another way.
    Frame,
    /// The answer ended before it was whole.
    Truncated,
    /// Events, or a JSON body, that the service would not send.
    Grammar,
    /// The connection was cut before the answer's end.
    Reset,
    /// Not HTTP.
    BadHttp,
    /// A stream was asked for, and something else came.
    NotEventStream,
    /// Another text than the one that was expected.
    Mismatch,
    /// The content came all at once, and the run calls that an error.
    Burst,
}

/// Names that come from the endpoint are cut to this, in bytes.
const MAX_NAME: usize = 64;

impl Failure {
    /// A failure of another status than 200.
    pub fn http(code: &str) -> Self {
        Self::Http(clean(code))
    }

    /// A failure of an exception in the stream.
    pub fn exception(name: &str) -> Self {
        Self::Exception(clean(name))
    }

    /// The kind that errors are counted under.
    pub fn kind(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::NoPort => "no_port",
            Self::NoFile => "no_file",
            Self::Timeout => "timeout",
            Self::Http(code) => return Cow::Owned(format!("http:{code}")),
            Self::Exception(name) => return Cow::Owned(format!("exception:{name}")),
            Self::Crc => "crc",
            Self::Frame => "frame",
            Self::Truncated => "truncated",
            Self::Grammar => "grammar",
            Self::Reset => "reset",
            Self::BadHttp => "bad_http",
            Self::NotEventStream => "not_event_stream",
            Self::Mismatch => "mismatch",
            Self::Burst => "burst",
        })
    }

    /// Whether asking again at once would hammer an endpoint that is not there.
    pub fn is_of_the_connection(&self) -> bool {
        matches!(self, Self::Connect | Self::Tls | Self::NoPort | Self::NoFile | Self::Reset)
    }
}

impl From<&io::Error> for Failure {
    /// Why a connection could not be made.
    fn from(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => Self::NoPort,
            Some(Errno::MFILE | Errno::NFILE) => Self::NoFile,
            _ => Self::Connect,
        }
    }
}

impl From<eventstream::Error> for Failure {
    fn from(error: eventstream::Error) -> Self {
        use eventstream::ErrorKind as Kind;
        match error.kind {
            Kind::PreludeChecksum { .. } | Kind::MessageChecksum { .. } => Self::Crc,
            Kind::Truncated { .. } => Self::Truncated,
            Kind::NotEventStream { .. } => Self::NotEventStream,
            _ => Self::Frame,
        }
    }
}

/// An error's name as the SDKs read it: without what follows a colon or stands before a hash.
fn clean(name: &str) -> String {
    let name = name.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default();
    let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name: String = name.chars().filter(allowed).take(MAX_NAME).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}
