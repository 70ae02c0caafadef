// @aws-sdk/client-bedrock-runtime, with the handler that it comes with unless it is told to speak
// HTTP/1.1. Answers as talk.py says.

import { createInterface } from "node:readline";
import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { NodeHttpHandler } from "@smithy/node-http-handler";

const MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0";
const ROUNDS = 8;

const TOOLS = {
  get_weather: { parameter: "city", call: ({ city }) => `rain in ${city}` },
  get_time: { parameter: "zone", call: ({ zone }) => `noon in ${zone}` },
};

const toolConfig = {
  tools: Object.entries(TOOLS).map(([name, { parameter }]) => ({
    toolSpec: {
      name,
      inputSchema: {
        json: { type: "object", properties: { [parameter]: { type: "string" } } },
      },
    },
  })),
};

const nativeInput = {
  modelId: MODEL,
  contentType: "application/json",
  body: JSON.stringify({
    anthropic_version: "bedrock-2023-05-31",
    max_tokens: 100,
    messages: [{ role: "user", content: "hello" }],
  }),
};

const clients = new Map();

function clientOf({ url, http1 }) {
  const key = `${url} ${http1}`;
  if (!clients.has(key)) {
    const handler = http1 ? { requestHandler: new NodeHttpHandler() } : {};
    clients.set(key, new BedrockRuntimeClient({ endpoint: url, ...handler }));
  }
  return clients.get(key);
}

async function ask(request) {
  const client = clientOf(request);
  if (request.native) {
    return { chunks: await (request.stream ? chunksOf(client) : answerOf(client)) };
  }

  const messages = [{ role: "user", content: [{ text: request.prompt }] }];
  const turns = [];
  while (turns.length < ROUNDS) {
    const input = { modelId: MODEL, messages, ...(request.tools && { toolConfig }) };
    const content = await (request.stream ? streamed : whole)(client, input);
    turns.push(turnOf(content));
    const uses = content.filter((block) => block.toolUse).map((block) => block.toolUse);
    if (!uses.length || !request.tools) break;
    messages.push({ role: "assistant", content });
    messages.push({ role: "user", content: uses.map(resultOf) });
  }
  return { turns };
}

async function whole(client, input) {
  return (await client.send(new ConverseCommand(input))).output.message.content;
}

async function streamed(client, input) {
  const blocks = [];
  let ended = false;
  for await (const event of (await client.send(new ConverseStreamCommand(input))).stream) {
    if (event.$unknown) throw new Error(`unknown event: ${event.$unknown}`);
    const { contentBlockStart: start, contentBlockDelta: delta } = event;
    if (start) blocks[start.contentBlockIndex] = structuredClone(start.start);
    if (delta) join((blocks[delta.contentBlockIndex] ??= {}), delta.delta);
    if (event.messageStop) ended = true;
  }
  if (!ended) throw new Error("the stream ended before the message");
  for (const { toolUse } of blocks.filter((block) => block.toolUse)) {
    toolUse.input = JSON.parse(toolUse.input || "{}");
  }
  return blocks;
}

function join(block, { text, toolUse, reasoningContent, $unknown }) {
  if ($unknown || reasoningContent?.$unknown) throw new Error("unknown member of a union");
  if (text !== undefined) block.text = (block.text ?? "") + text;
  if (toolUse) block.toolUse.input = (block.toolUse.input ?? "") + toolUse.input;
  if (reasoningContent) {
    const thought = ((block.reasoningContent ??= {}).reasoningText ??= { text: "" });
    thought.text += reasoningContent.text ?? "";
  }
}

async function answerOf(client) {
  const { body } = await client.send(new InvokeModelCommand(nativeInput));
  return [jsonOf(body)];
}

async function chunksOf(client) {
  const command = new InvokeModelWithResponseStreamCommand(nativeInput);
  const chunks = [];
  for await (const { chunk } of (await client.send(command)).body) {
    chunks.push(jsonOf(chunk.bytes));
  }
  return chunks;
}

function jsonOf(bytes) {
  return JSON.parse(new TextDecoder().decode(bytes));
}

function resultOf({ toolUseId, name, input }) {
  return { toolResult: { toolUseId, content: [{ json: { said: TOOLS[name].call(input) } }] } };
}

function turnOf(content) {
  const parts = content.flatMap((block) => block.citationsContent?.content ?? [block]);
  return {
    text: parts.map((part) => part.text ?? "").join(""),
    reasoning: content
      .map((block) => block.reasoningContent?.reasoningText?.text ?? "")
      .join(""),
    calls: content
      .filter((block) => block.toolUse)
      .map(({ toolUse }) => [toolUse.name, toolUse.input]),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply;
  try {
    reply = await ask(JSON.parse(line));
  } catch (error) {
    const kinds = [error.name, error.constructor.name];
    reply = { failure: { kinds, message: error.message } };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
process.exit(0);
