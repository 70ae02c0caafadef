// Answers on stdout what is asked on stdin, as talk.py says.

import { createInterface } from "node:readline";

export const MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0";
export const REGION = "us-east-1";
export const ROUNDS = 8;

export const TOOLS = {
  get_weather: { parameter: "city", call: ({ city }) => `rain in ${city}` },
  get_time: { parameter: "zone", call: ({ zone }) => `noon in ${zone}` },
};

export async function answerOnStdio(ask) {
  for await (const line of createInterface({ input: process.stdin })) {
    let reply;
    try {
      reply = { turns: await ask(JSON.parse(line)) };
    } catch (error) {
      reply = { failure: failureOf(error) };
    }
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
  process.exit(0);
}

function failureOf(error) {
  const kinds = [];
  const messages = [];
  for (let cause = error; cause; cause = cause.lastError ?? cause.cause) {
    kinds.push(String(cause.name), String(cause.constructor?.name));
    messages.push(typeof cause === "string" ? cause : cause.message ?? JSON.stringify(cause));
  }
  return { kinds, message: messages.join("; ") };
}
