"""Calls of OpenAI's Python client, as any program makes them.

Standard input is one JSON plan: {"calls": [CALL, ...]}. For each call, in order,
one line of JSON goes to standard output: what the client itself made of the
answer, or the exception that it raised.

A CALL is {"name", "base_url", "headers", "retries", "do", "args"}: the headers are
the client's default headers, "do" is the resource whose create is called, "args"
are its arguments.
"""

import json
import sys

import openai


def usage_of(answer):
    """The counts of an answer or an event, under one set of names."""
    usage = getattr(answer, "usage", None)
    if usage is None:
        return None
    if hasattr(usage, "input_tokens"):  # responses
        inside, out = usage.input_tokens_details, getattr(usage, "output_tokens_details", None)
        counts = (usage.input_tokens, usage.output_tokens)
    else:
        inside, out = getattr(usage, "prompt_tokens_details", None), getattr(usage, "completion_tokens_details", None)
        counts = (usage.prompt_tokens, getattr(usage, "completion_tokens", 0))
    return {
        "input": counts[0], "output": counts[1], "total": usage.total_tokens,
        "cached": getattr(inside, "cached_tokens", None) or 0,
        "reasoning": getattr(out, "reasoning_tokens", None) or 0,
    }


def text_of(answer):
    if hasattr(answer, "output_text"):  # responses
        return answer.output_text
    text = ""
    for choice in getattr(answer, "choices", []):
        said = getattr(choice, "message", None) or getattr(choice, "delta", None)
        text += (said.content if said is not None else choice.text) or ""
    return text


def whole(answer):
    told = {"id": getattr(answer, "id", ""), "model": answer.model, "text": text_of(answer), "usage": usage_of(answer)}
    if getattr(answer, "object", "") == "list":  # embeddings
        told["vector"] = answer.data[0].embedding
    return told


def streamed(events):
    told = {"id": "", "model": "", "text": "", "usage": None, "usages": 0}
    for event in events:
        kind = getattr(event, "type", "")
        if kind == "response.output_text.delta":
            told["text"] += event.delta
        elif kind == "response.completed":
            end = event.response
            told.update(id=end.id, model=end.model, usage=usage_of(end), usages=1)
            if end.output_text != told["text"]:
                raise ValueError("the deltas are not the whole")
        elif not kind:
            told.update(id=event.id, model=event.model)
            told["text"] += text_of(event)
            if usage_of(event) is not None:
                told["usage"] = usage_of(event)
                told["usages"] += 1
    return told


def result(call):
    client = openai.OpenAI(
        base_url=call["base_url"], api_key="sk-story", default_headers=call["headers"], max_retries=call["retries"], timeout=120,
    )
    resource = client
    for step in call["do"].split("."):
        resource = getattr(resource, step)
    try:
        raw = resource.with_raw_response.create(**call["args"])
        told = streamed(raw.parse()) if call["args"].get("stream") else whole(raw.parse())
        told["cost"] = raw.headers.get("x-farebox-cost-usd", "")
        return told
    except openai.APIStatusError as e:
        return {"error": {
            "type": type(e).__name__, "status": e.status_code, "code": e.code or "", "message": e.message,
            "retry_after": e.response.headers.get("retry-after", ""),
        }}
    except openai.APIError as e:  # amid a stream
        return {"error": {"type": type(e).__name__, "status": 0, "code": e.code or "", "message": e.message, "retry_after": ""}}


def main():
    for call in json.load(sys.stdin)["calls"]:
        print(json.dumps(dict(result(call), name=call["name"])), flush=True)


if __name__ == "__main__":
    main()
