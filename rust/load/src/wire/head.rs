//! What of an answer's head matters.

/// The head of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// What the body is said to be.
    pub media: Media,
    /// The content type as it came, where it is not an event stream's.
    pub content_type: Option<String>,
    /// `x-amzn-ErrorType`, as it came.
    pub error_type: Option<String>,
    /// What Bedrock says the answer costs, where a header says it.
    pub output_tokens: Option<u64>,
    /// The same of the prompt.
    pub input_tokens: Option<u64>,
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) close: bool,
    pub(super) contradiction: bool,
}

/// What a body is said to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Media {
    /// `application/vnd.amazon.eventstream`
    EventStream,
    /// `application/json`
    Json,
    /// Anything else.
    Other,
    /// There is no content type.
    #[default]
    Unsaid,
}

impl Media {
    fn of(value: &[u8]) -> Self {
        let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if essence.eq_ignore_ascii_case(b"application/vnd.amazon.eventstream") {
            Self::EventStream
        } else if essence.eq_ignore_ascii_case(b"application/json") {
            Self::Json
        } else {
            Self::Other
        }
    }
}

impl Head {
    /// A head without headers.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Take a header.
    pub fn header(&mut self, name: &str, value: &[u8]) {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let number = || str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
        // The lengths tell most names apart from those that matter.
        match name.len() {
            12 if is("content-type") => {
                self.media = Media::of(value);
                self.content_type = (self.media != Media::EventStream)
                    .then(|| String::from_utf8_lossy(value).into_owned());
            }
            14 if is("content-length") => {
                let length = number();
                self.contradiction |=
                    length.is_none() || self.length.is_some_and(|known| Some(known) != length);
                self.length = length;
            }
            17 if is("transfer-encoding") => {
                self.chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                self.contradiction |= !self.chunked;
            }
            10 if is("connection") => {
                let mut options = value.split(|byte| *byte == b',');
                self.close |=
                    options.any(|option| option.trim_ascii().eq_ignore_ascii_case(b"close"));
            }
            16 if is("x-amzn-errortype") => {
                self.error_type = Some(String::from_utf8_lossy(value).into_owned());
            }
            33 if is("x-amzn-bedrock-output-token-count") => self.output_tokens = number(),
            32 if is("x-amzn-bedrock-input-token-count") => self.input_tokens = number(),
            _ => {}
        }
    }
}
