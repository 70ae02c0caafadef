//! What is sent: requests, made once for each body and kept for as long as their signature holds.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;

use crate::arrive::Entry;
use crate::options::{Auth, Operation, Options};
use crate::sigv4::{Signed, Signer, hex_of_hash};
use crate::wire::Target;

/// The bodies that a run sends in turn.
#[derive(Debug, Clone)]
pub struct Bodies(Arc<[Bytes]>);

impl Bodies {
    /// The bodies that the options name; one short question where they name none.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a body is not JSON.
    pub fn new(options: &Options) -> Result<Self, String> {
        let mut lines = options.bodies.clone();
        let mut name = "bodies";
        if let Some(path) = &options.body_file {
            name = "body_file";
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("body_file: {path}: {error}"))?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            lines =
                text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
            if lines.is_empty() {
                return Err(format!("body_file: {path} has no bodies"));
            }
        }
        if lines.is_empty() {
            lines.push(question(options.operation, "Hello", None));
        }
        for (index, line) in lines.iter().enumerate() {
            serde_json::from_str::<&serde_json::value::RawValue>(line)
                .map_err(|error| format!("{name}[{index}]: not JSON: {error}"))?;
        }
        Ok(Self(lines.into_iter().map(Bytes::from).collect()))
    }

    /// The index of the body that an arrival sends.
    pub fn index(&self, ordinal: u64) -> usize {
        (ordinal % self.0.len() as u64) as usize
    }

    /// A body.
    pub fn get(&self, index: usize) -> &Bytes {
        &self.0[index]
    }
}

/// The body of a request of a trace: as many tokens as it had, at about one a word.
pub fn of_trace(operation: Operation, entry: &Entry) -> String {
    let words = "word ".repeat(entry.input_tokens as usize);
    question(operation, words.trim_end(), Some(entry.output_tokens))
}

fn question(operation: Operation, text: &str, max_tokens: Option<u32>) -> String {
    use serde_json::json;

    let body = if operation.converses() {
        let mut body = json!({"messages": [{"role": "user", "content": [{"text": text}]}]});
        if let Some(max_tokens) = max_tokens {
            body["inferenceConfig"] = json!({ "maxTokens": max_tokens });
        }
        body
    } else {
        json!({
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": max_tokens.unwrap_or(256),
            "messages": [{"role": "user", "content": text}],
        })
    };
    body.to_string()
}

/// A request, ready for either protocol. It holds secrets, so it has no `Debug`.
pub struct Rendered {
    /// What goes on an HTTP/1.1 connection.
    pub h1: Vec<u8>,
    path: String,
    authority: String,
    secure: bool,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Rendered {
    /// What goes on an HTTP/2 connection.
    ///
    /// # Errors
    ///
    /// A header that HTTP does not allow.
    pub fn h2(&self) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let scheme = if self.secure { "https" } else { "http" };
        let uri = format!("{scheme}://{}{}", self.authority, self.path);
        let builder = Request::post(uri).header("content-length", self.body.len());
        let builder = self
            .headers
            .iter()
            .fold(builder, |builder, (name, value)| builder.header(name.as_str(), value.as_str()));
        builder.body(Full::new(self.body.clone()))
    }
}

/// Makes requests, for one thread. It holds secrets, so it has no `Debug`.
pub struct Renderer {
    target: Target,
    headers: Vec<(String, String)>,
    signer: Option<Signer>,
    bodies: Bodies,
    kept: Vec<Option<Kept>>,
}

struct Kept {
    second: u64,
    hash: String,
    rendered: Rc<Rendered>,
}

impl Renderer {
    /// A renderer.
    ///
    /// # Errors
    ///
    /// A header that HTTP does not allow.
    pub fn new(options: &Options, target: Target, bodies: Bodies) -> Result<Self, String> {
        let mut headers = options.headers.clone();
        let given =
            |name: &str| options.headers.iter().any(|given| given.0.eq_ignore_ascii_case(name));
        if !given("content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        // A proxy must not compress what is timed by the frame, as the SDKs ask, too.
        if !given("accept-encoding") {
            headers.push(("accept-encoding".to_owned(), "identity".to_owned()));
        }
        let mut signer = None;
        match &options.auth {
            Auth::None => {}
            Auth::Bearer { token } => {
                headers.push(("authorization".to_owned(), format!("Bearer {token}")));
            }
            Auth::Sigv4 { access_key, secret_key, session_token, region, service } => {
                let token = session_token.as_deref();
                signer = Some(Signer::new(access_key, secret_key, token, region, service));
            }
        }
        let session = options.sessions.as_ref().and_then(|sessions| sessions.header.clone());
        let session = session.map(|name| (name, String::new()));
        for (name, value) in headers.iter().chain(&session) {
            hyper::header::HeaderName::try_from(name)
                .map_err(|_| format!("headers: not a header's name: {name:?}"))?;
            hyper::header::HeaderValue::try_from(value)
                .map_err(|_| format!("headers: not a value that {name:?} can have"))?;
        }
        let kept = bodies.0.iter().map(|_| None).collect();
        Ok(Self { target, headers, signer, bodies, kept })
    }

    /// The request of a body, sent at `unix` seconds.
    pub fn kept(&mut self, index: usize, unix: u64) -> Rc<Rendered> {
        let second = if self.signer.is_some() { unix } else { 0 };
        if let Some(kept) = &self.kept[index]
            && kept.second == second
        {
            return Rc::clone(&kept.rendered);
        }
        let body = self.bodies.get(index).clone();
        let hash = match self.kept[index].take() {
            Some(kept) => kept.hash,
            None => hex_of_hash(&body),
        };
        let rendered = Rc::new(self.render(body, &hash, None, unix));
        self.kept[index] = Some(Kept { second, hash, rendered: Rc::clone(&rendered) });
        rendered
    }

    /// The request of a body that is sent once.
    pub fn once(&mut self, body: Bytes, header: Option<(&str, &str)>, unix: u64) -> Rc<Rendered> {
        let hash = if self.signer.is_some() { hex_of_hash(&body) } else { String::new() };
        Rc::new(self.render(body, &hash, header, unix))
    }

    fn render(
        &mut self,
        body: Bytes,
        hash: &str,
        header: Option<(&str, &str)>,
        unix: u64,
    ) -> Rendered {
        let Target { path, authority, tls: secure, .. } = self.target.clone();
        let mut headers = self.headers.clone();
        if let Some(signer) = &mut self.signer {
            let content_type =
                headers.iter().find(|given| given.0.eq_ignore_ascii_case("content-type"));
            let content_type = content_type.map_or("", |given| given.1.as_str());
            let signed = Signed {
                method: "POST",
                path: &path,
                query: "",
                headers: &[("content-type", content_type), ("host", &authority)],
                body_hash: hash,
            };
            let added = signer.sign(&signed, unix);
            headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
        }
        headers.extend(header.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: {authority}\r\n");
        for (name, value) in &headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        let h1 = [head.as_bytes(), &body].concat();
        Rendered { h1, path, authority, secure, headers, body }
    }
}
