// Calls of Anthropic's own npm client, and of the AI SDK with its provider for
// Anthropic. It runs in the folder where they are installed.
//
// Standard input is one JSON plan: {"calls": [CALL, ...]}. For each call, in order,
// one line of JSON goes to standard output: what the client itself made of the
// answer, or the error that it threw.
//
// A CALL is {"name", "base_url", "headers", "do", "args", "patient"}, as of official_calls.py;
// "do" is anthropic.create, anthropic.stream, anthropic.countTokens, ai.generateText
// or ai.streamText.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { Anthropic } = require("@anthropic-ai/sdk");
const { generateText, streamText } = require("ai");
const { createAnthropic } = require("@ai-sdk/anthropic");

globalThis.AI_SDK_LOG_WARNINGS = false; // they would stand between the results

// once are options by which a client does not retry, unless it is patient.
const once = (patient) => (patient ? {} : { maxRetries: 0 });

async function anthropic({ base_url, headers, args, patient }, method) {
  const client = new Anthropic({ apiKey: "key-story", baseURL: base_url, defaultHeaders: headers, ...once(patient) });
  if (method === "countTokens") {
    const count = await client.messages.countTokens(args);
    return { text: "", usage: count, seen: count };
  }
  const events = [];
  let message;
  if (method === "stream") {
    const running = client.messages.stream(args);
    for await (const event of running) events.push(structuredClone(event));
    message = await running.finalMessage();
  } else {
    message = await client.messages.create(args);
  }
  const text = message.content.map((part) => (part.type === "text" ? part.text : "")).join("");
  return { text, usage: message.usage, seen: [...events, message] };
}

async function ai({ base_url, headers, args, patient }, method) {
  const { model, ...rest } = args;
  const provider = createAnthropic({ baseURL: base_url + "/v1", apiKey: "key-story", headers });
  const given = { model: provider(model), ...once(patient), onError: () => {}, ...rest };
  const running = method === "streamText" ? streamText(given) : await generateText(given);
  const pieces = [];
  if (method === "streamText") for await (const piece of running.textStream) pieces.push(piece);
  const [text, usage, reason, response] = await Promise.all([running.text, running.usage, running.finishReason, running.response]);
  return { text, usage, seen: [pieces, text, usage, reason, response.id, response.modelId] };
}

for (const call of JSON.parse(readFileSync(0, "utf8")).calls) {
  const [client, method] = call.do.split(".");
  let told;
  try {
    told = await { anthropic, ai }[client](call, method);
  } catch (error) {
    const last = error.lastError ?? error; // the AI SDK wraps what it retried
    told = { error: `${error.name}: ${error.message}`, raised: { type: error.constructor.name, status: last.status ?? last.statusCode ?? 0, message: error.message } };
  }
  console.log(JSON.stringify({ ...told, name: call.name }));
}
