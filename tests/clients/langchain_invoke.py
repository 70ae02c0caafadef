"""langchain-aws by InvokeModel: BedrockEmbeddings and BedrockLLM.

A request is a line of JSON: the URL, what to make, its arguments, and what to ask.
"""

from typing import Any

from langchain_aws import BedrockEmbeddings, BedrockLLM

from tests.clients.talk import answer_on_stdio


def ask(request: Any) -> Any:
    """Return vectors, or pieces of text."""
    options = {"endpoint_url": request["url"], **request["options"]}
    prompt = request["prompt"]
    if request["kind"] == "embeddings":
        return {"vectors": BedrockEmbeddings(**options).embed_documents(prompt)}
    model = BedrockLLM(**options)
    streamed = request["kind"] == "stream"
    return {"pieces": list(model.stream(prompt)) if streamed else [model.invoke(prompt)]}


if __name__ == "__main__":
    answer_on_stdio(ask)
