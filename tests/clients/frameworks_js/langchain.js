// LangChain.js: ChatBedrockConverse, with the loop that its users write around it.

import { BedrockRuntimeClient } from "@aws-sdk/client-bedrock-runtime";
import { ChatBedrockConverse } from "@langchain/aws";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { answerOnStdio, MODEL, REGION, ROUNDS, TOOLS } from "./talk.js";

const tools = Object.entries(TOOLS).map(([name, { parameter }]) => ({
  toolSpec: {
    name,
    inputSchema: {
      json: { type: "object", properties: { [parameter]: { type: "string" } } },
    },
  },
}));

const chats = new Map();

function chatOf({ url, tools: offered }) {
  const key = `${url} ${offered}`;
  if (!chats.has(key)) {
    // `endpointHost` is for https alone.
    const client = new BedrockRuntimeClient({ endpoint: url });
    const chat = new ChatBedrockConverse({ model: MODEL, region: REGION, client, maxRetries: 0 });
    chats.set(key, offered ? chat.bindTools(tools) : chat);
  }
  return chats.get(key);
}

await answerOnStdio(async (request) => {
  const chat = chatOf(request);
  const messages = [new HumanMessage(request.prompt)];
  const turns = [];
  while (turns.length < ROUNDS) {
    const answer = await (request.stream ? streamed : whole)(chat, messages);
    turns.push(turnOf(answer));
    if (!answer.tool_calls.length || !request.tools) break;
    messages.push(answer, ...answer.tool_calls.map(resultOf));
  }
  return turns;
});

async function whole(chat, messages) {
  return chat.invoke(messages);
}

async function streamed(chat, messages) {
  let answer;
  for await (const chunk of await chat.stream(messages)) {
    answer = answer ? answer.concat(chunk) : chunk;
  }
  return answer;
}

function resultOf({ id, name, args }) {
  return new ToolMessage({ tool_call_id: id, content: TOOLS[name].call(args) });
}

function turnOf({ content, tool_calls: calls }) {
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
  return {
    text: blocks.map((block) => block.text ?? "").join(""),
    reasoning: blocks.map((block) => block.reasoning ?? "").join(""),
    calls: calls.map(({ name, args }) => [name, args]),
  };
}
