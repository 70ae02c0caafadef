// Vercel's AI SDK with @ai-sdk/amazon-bedrock, which runs the loop around tools itself.

import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { answerOnStdio, MODEL, REGION, ROUNDS, TOOLS } from "./talk.js";

const tools = Object.fromEntries(
  Object.entries(TOOLS).map(([name, { parameter, call }]) => [
    name,
    tool({
      inputSchema: jsonSchema({
        type: "object",
        properties: { [parameter]: { type: "string" } },
        required: [parameter],
      }),
      execute: async (input) => call(input),
    }),
  ]),
);

await answerOnStdio(async ({ url, prompt, stream, tools: offered }) => {
  const bedrock = createAmazonBedrock({ baseURL: url, region: REGION });
  const options = {
    model: bedrock(MODEL),
    prompt,
    maxRetries: 1,
    ...(offered && { tools, stopWhen: stepCountIs(ROUNDS) }),
  };
  const steps = await (stream ? streamed : whole)(options);
  return steps.map(({ text, reasoningText, toolCalls }) => ({
    text,
    reasoning: reasoningText ?? "",
    calls: toolCalls.map(({ toolName, input }) => [toolName, input]),
  }));
});

async function whole(options) {
  return (await generateText(options)).steps;
}

async function streamed(options) {
  const answer = streamText({ ...options, onError: () => {} });
  for await (const part of answer.fullStream) {
    if (part.type === "error") throw part.error;
  }
  return answer.steps;
}
