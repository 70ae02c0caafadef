//! InvokeModel and its stream: the model's own JSON.

use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::primitives::Blob;
use aws_sdk_bedrockruntime::types::ResponseStream;
use serde_json::{Value, json};

use crate::{Failure, MODEL};

fn body() -> Blob {
    let body = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "hello"}],
    });
    Blob::new(body.to_string())
}

pub async fn whole(client: &Client) -> Result<Vec<Value>, Failure> {
    let request = client.invoke_model().model_id(MODEL).content_type("application/json");
    let answer = request.body(body()).send().await?;
    Ok(vec![serde_json::from_slice(answer.body.as_ref())?])
}

pub async fn chunks(client: &Client) -> Result<Vec<Value>, Failure> {
    let request = client.invoke_model_with_response_stream().model_id(MODEL);
    let answer = request.content_type("application/json").body(body()).send().await?;
    let mut stream = answer.body;
    let mut chunks = Vec::new();
    while let Some(event) = stream.recv().await? {
        let ResponseStream::Chunk(part) = event else {
            return Err(Failure::of("an unknown event"));
        };
        let bytes = part.bytes.ok_or_else(|| Failure::of("a chunk without bytes"))?;
        chunks.push(serde_json::from_slice(bytes.as_ref())?);
    }
    Ok(chunks)
}
