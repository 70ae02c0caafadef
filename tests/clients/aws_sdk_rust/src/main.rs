//! aws-sdk-bedrockruntime, with the HTTP client that it comes with. Answers as talk.py says.

mod converse;
mod documents;
mod invoke;
mod stream;

use std::collections::HashMap;
use std::fmt::Debug;

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::{DisplayErrorContext, SdkError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

const MODEL: &str = "us.anthropic.claude-sonnet-4-20250514-v1:0";

#[derive(Deserialize)]
struct Request {
    url: String,
    prompt: String,
    stream: bool,
    tools: bool,
    native: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Reply {
    Turns(Vec<Turn>),
    Chunks(Vec<Value>),
    Failure(Failure),
}

#[derive(Serialize, Default)]
struct Turn {
    text: String,
    reasoning: String,
    calls: Vec<(String, Value)>,
}

#[derive(Serialize)]
struct Failure {
    kinds: Vec<String>,
    message: String,
}

impl Failure {
    fn of(message: &str) -> Self {
        Self { kinds: Vec::new(), message: message.to_owned() }
    }
}

impl<E, R> From<SdkError<E, R>> for Failure
where
    E: std::error::Error + 'static,
    R: Debug + 'static,
{
    fn from(error: SdkError<E, R>) -> Self {
        let kinds = vec![error.as_service_error().map_or_else(|| variant(&error), variant)];
        Self { kinds, message: DisplayErrorContext(&error).to_string() }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::of(&error.to_string())
    }
}

/// The name of an enum's variant: an error's type is one, and has no name at run time.
fn variant(value: &impl Debug) -> String {
    let shown = format!("{value:?}");
    shown.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

async fn ask(client: &Client, request: &Request) -> Result<Reply, Failure> {
    Ok(match (request.native, request.stream) {
        (true, true) => Reply::Chunks(invoke::chunks(client).await?),
        (true, false) => Reply::Chunks(invoke::whole(client).await?),
        (false, _) => Reply::Turns(converse::turns(client, request).await?),
    })
}

async fn client_of(url: &str) -> Client {
    let settings = aws_config::load_from_env().await;
    Client::from_conf(
        aws_sdk_bedrockruntime::config::Builder::from(&settings).endpoint_url(url).build(),
    )
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut clients = HashMap::new();
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await.expect("stdin can be read") {
        let request: Request = serde_json::from_str(&line).expect("a request is JSON");
        if !clients.contains_key(&request.url) {
            clients.insert(request.url.clone(), client_of(&request.url).await);
        }
        let reply = ask(&clients[&request.url], &request).await.unwrap_or_else(Reply::Failure);
        println!("{}", serde_json::to_string(&reply).expect("a reply can be JSON"));
    }
}
