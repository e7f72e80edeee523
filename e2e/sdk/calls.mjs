// Calls of the npm clients: OpenAI's own, and the AI SDK with its providers for
// OpenAI and for whatever is compatible. It runs in the folder where they are
// installed.
//
// Standard input is one JSON plan: {"calls": [CALL, ...]}. For each call, in order,
// one line of JSON goes to standard output: what the client itself made of the
// answer, or the error that it threw.
//
// A CALL is {"name", "base_url", "headers", "retries", "do", "args"}: the headers are
// the client's default headers; "do" is the resource of OpenAI's client whose
// create is called, or "ai:PROVIDER.KIND", the model that the AI SDK is given.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { OpenAI, APIError } = require("openai");
const { APICallError, RetryError, embed, generateText, streamText } = require("ai");
const { createOpenAI } = require("@ai-sdk/openai");
const { createOpenAICompatible } = require("@ai-sdk/openai-compatible");

globalThis.AI_SDK_LOG_WARNINGS = false; // they would stand between the results

// usageOf gives the counts of OpenAI's client one set of names.
function usageOf({ usage }) {
  if (!usage) return null;
  const responses = usage.input_tokens !== undefined;
  const inside = responses ? usage.input_tokens_details : usage.prompt_tokens_details;
  const out = responses ? usage.output_tokens_details : usage.completion_tokens_details;
  return {
    input: responses ? usage.input_tokens : usage.prompt_tokens,
    output: (responses ? usage.output_tokens : usage.completion_tokens) ?? 0,
    total: usage.total_tokens,
    cached: inside?.cached_tokens ?? 0,
    reasoning: out?.reasoning_tokens ?? 0,
  };
}

function textOf(answer) {
  if (answer.output_text !== undefined) return answer.output_text;
  return (answer.choices ?? []).map((c) => c.message?.content ?? c.delta?.content ?? c.text ?? "").join("");
}

function whole(answer) {
  const told = { id: answer.id ?? "", model: answer.model, text: textOf(answer), usage: usageOf(answer) };
  if (answer.object === "list") told.vector = Array.from(answer.data[0].embedding);
  return told;
}

async function streamed(events) {
  const told = { id: "", model: "", text: "", usage: null, usages: 0 };
  for await (const event of events) {
    if (event.type === "response.output_text.delta") told.text += event.delta;
    else if (event.type === "response.completed") {
      const end = event.response;
      Object.assign(told, { id: end.id, model: end.model, usage: usageOf(end), usages: 1 });
    } else if (event.type === undefined) {
      Object.assign(told, { id: event.id, model: event.model });
      told.text += textOf(event);
      if (usageOf(event)) {
        told.usage = usageOf(event);
        told.usages++;
      }
    }
  }
  return told;
}

async function official({ base_url, headers, retries, args, do: path }) {
  const client = new OpenAI({ baseURL: base_url, apiKey: "sk-story", defaultHeaders: headers, maxRetries: retries, timeout: 120_000 });
  const resource = path.split(".").reduce((at, step) => at[step], client);
  const { data, response } = await resource.create(args).withResponse();
  const told = args.stream ? await streamed(data) : whole(data);
  return { ...told, cost: response.headers.get("x-farebox-cost-usd") ?? "" };
}

// counted gives the counts of the AI SDK the same names. A count that it was not
// told is undefined.
function counted(usage) {
  if (usage.inputTokens === undefined) return null;
  return {
    input: usage.inputTokens,
    output: usage.outputTokens,
    total: usage.totalTokens,
    cached: usage.inputTokenDetails.cacheReadTokens ?? 0,
    reasoning: usage.outputTokenDetails.reasoningTokens ?? 0,
  };
}

async function aiSDK({ base_url, headers, retries, args, do: path }) {
  const [name, kind] = path.slice("ai:".length).split(".");
  const { stream, ask_usage: includeUsage, model: id, ...rest } = args;
  const settings = { baseURL: base_url, apiKey: "sk-story", headers };
  const provider = name === "openai" ? createOpenAI(settings) : createOpenAICompatible({ ...settings, name, includeUsage });
  const given = { model: provider[kind](id), maxRetries: retries, ...rest };
  if (kind === "embeddingModel") {
    const { embedding, usage, response } = await embed(given);
    const count = { input: usage.tokens, output: 0, total: usage.tokens, cached: 0, reasoning: 0 };
    return { id: "", model: response.body.model, text: "", vector: embedding, usage: count, cost: response.headers["x-farebox-cost-usd"] };
  }
  if (!stream) {
    const { text, usage, response } = await generateText(given);
    return { id: response.id, model: response.modelId, text, usage: counted(usage), cost: response.headers["x-farebox-cost-usd"] ?? "" };
  }
  const running = streamText(given);
  let text = "";
  for await (const piece of running.textStream) text += piece;
  const usage = counted(await running.usage);
  const response = await running.response;
  return { id: response.id, model: response.modelId, text, usage, usages: usage ? 1 : 0, cost: "" };
}

// thrown describes an error of either client. One that neither makes is ours.
function thrown(error) {
  const last = RetryError.isInstance(error) ? error.lastError : error;
  if (APICallError.isInstance(last)) {
    const said = last.data?.error ?? {};
    return {
      type: error.name, status: last.statusCode, code: said.code ?? "", message: last.message,
      retry_after: last.responseHeaders?.["retry-after"] ?? "",
    };
  }
  if (error instanceof APIError) {
    return {
      type: error.constructor.name, status: error.status, code: error.code ?? "", message: error.message,
      retry_after: error.headers?.get("retry-after") ?? "",
    };
  }
  throw error;
}

for (const call of JSON.parse(readFileSync(0, "utf8")).calls) {
  const make = call.do.startsWith("ai:") ? aiSDK : official;
  let told;
  try {
    told = await make(call);
  } catch (error) {
    told = { error: thrown(error) };
  }
  console.log(JSON.stringify({ ...told, name: call.name }));
}
