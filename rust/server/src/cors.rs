//! Which web pages may read answers: CORS headers of Bedrock's paths. Preflights are the app's.

/// One origin, or `*`. Since there is but one, answers need not know who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors(String);

impl Cors {
    /// Allow an origin, as `scheme://host[:port]`, or `*`.
    ///
    /// # Errors
    ///
    /// It cannot stand in a header.
    pub fn new(origin: String) -> Result<Self, String> {
        if origin.is_empty() || !origin.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{origin:?} is not an origin"));
        }
        Ok(Self(origin))
    }

    /// The headers of an answer.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let vary = (self.0 != "*").then_some(("vary", "origin"));
        let names =
            [("access-control-allow-origin", &*self.0), ("access-control-expose-headers", "*")];
        names.into_iter().chain(vary)
    }
}
