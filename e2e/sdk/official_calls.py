"""Calls of the providers' own Python clients, as any program makes them.

Standard input is one JSON plan: {"calls": [CALL, ...]}. For each call, in order,
one line of JSON goes to standard output: what the client itself made of the
answer, or the exception that it raised.

A CALL is {"name", "base_url", "headers", "do", "args", "patient"}: the headers go
with the call, "do" is CLIENT.METHOD, "args" are the method's arguments. A patient
client retries as its makers have it do; no other does. What is told of it is
{"name", "text", "usage", "seen"}: the text and the usage as the client tells them,
and all that it made of the answer, event by event; or {"name", "error", "raised"}:
the exception, its class, the status that it knows and what it says.
"""

import contextlib
import json
import sys


def plain(made):
    """A client's object as JSON can hold it."""
    return made.model_dump(mode="json", by_alias=False, warnings=False) if hasattr(made, "model_dump") else made


def last(events, member):
    """The last of a member that some events have."""
    found = [e[member] for e in events if isinstance(e, dict) and e.get(member)]
    return found[-1] if found else None


def told(text, usage, seen):
    return {"text": text, "usage": usage, "seen": seen}


def once(call, **options):
    """Options by which a client does not retry, unless it is patient."""
    return {} if call.get("patient") else options


def raised(e):
    """What an exception tells whoever catches it."""
    response = getattr(e, "response", None)
    if isinstance(response, dict):  # boto3
        return {"type": type(e).__name__, "status": response["ResponseMetadata"]["HTTPStatusCode"], "message": str(e)}
    status = [s for s in (getattr(e, name, None) for name in ("status_code", "code")) if isinstance(s, int)]
    return {"type": type(e).__name__, "status": status[0] if status else 0, "message": str(e)}


def anthropic(call, method):
    import anthropic

    client = anthropic.Anthropic(api_key="key-story", base_url=call["base_url"], default_headers=call["headers"], **once(call, max_retries=0))
    if method == "count_tokens":
        count = plain(client.messages.count_tokens(**call["args"]))
        return told("", count, count)
    events = []
    if method == "stream":
        with client.messages.stream(**call["args"]) as stream:
            events = [plain(e) for e in stream]
            message = plain(stream.get_final_message())
    else:
        message = plain(client.messages.create(**call["args"]))
    text = "".join(part["text"] for part in message["content"] if part["type"] == "text")
    return told(text, message["usage"], [*events, message])


def gemini(call, method):
    from google import genai

    client = genai.Client(api_key="key-story", http_options={"base_url": call["base_url"], "headers": call["headers"]})
    if method == "embed_content":
        made = plain(client.models.embed_content(**call["args"]))
        return told("", made["usage_metadata"], {name: of for name, of in made.items() if name != "sdk_http_response"})
    if method == "generate_content_stream":
        answers = list(client.models.generate_content_stream(**call["args"]))
    else:
        answers = [client.models.generate_content(**call["args"])]
    parts = [p for a in answers for p in a.candidates[0].content.parts]
    seen = [{name: of for name, of in plain(a).items() if name != "sdk_http_response"} for a in answers]  # headers are no part of it
    return told("".join(p.text or "" for p in parts if not p.thought), last(seen, "usage_metadata"), seen)


def bedrock(call, method):
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "bedrock-runtime", region_name="eu-north-1", endpoint_url=call["base_url"], aws_access_key_id="story", aws_secret_access_key="story",
        config=Config(proxies={}, **once(call, retries={"total_max_attempts": 1})),
    )

    def add(request, **_):  # behind the signature, which does not cover them
        for name, value in call["headers"].items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime", add)
    answer = getattr(client, method)(**call["args"])
    answer.pop("ResponseMetadata")
    if method == "converse":
        return told(answer["output"]["message"]["content"][0]["text"], answer["usage"], answer)
    if method == "converse_stream":
        events = list(answer["stream"])
        text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
        return told(text, last(events, "metadata")["usage"], events)
    if method == "invoke_model":
        made = json.loads(answer["body"].read())
        return told(made["content"][0]["text"], made["usage"], made)
    events = [json.loads(e["chunk"]["bytes"]) for e in answer["body"]]
    text = "".join(e["delta"].get("text", "") for e in events if e["type"] == "content_block_delta")
    return told(text, last(events, "usage"), events)


def cohere(call, method):
    import cohere

    client = cohere.ClientV2(api_key="key-story", base_url=call["base_url"])
    options = {"additional_headers": call["headers"], **once(call, max_retries=0)}
    if method == "chat_stream":
        events = [plain(e) for e in client.chat_stream(**call["args"], request_options=options)]
        text = "".join(e["delta"]["message"]["content"]["text"] for e in events if e["type"] == "content-delta")
        return told(text, events[-1]["delta"]["usage"], events)
    made = plain(getattr(client, method)(**call["args"], request_options=options))
    text = made["message"]["content"][0]["text"] if method == "chat" else ""
    return told(text, made["usage"] if method == "chat" else made["meta"], made)


def mistral(call, method):
    from mistralai.client import Mistral
    from mistralai.client.conversations import Conversations  # client.beta and client.audio want libraries that calls do not
    from mistralai.client.speech import Speech

    client = Mistral(api_key="key-story", server_url=call["base_url"])
    room, _, do = method.rpartition("/")
    rooms = {
        "": client.chat, "fim": client.fim, "agents": client.agents, "ocr": client.ocr,
        "conversations": Conversations(client.sdk_configuration), "speech": Speech(client.sdk_configuration),
    }
    ask = dict(call["args"], http_headers=call["headers"])
    if do == "embeddings":
        made = plain(client.embeddings.create(**ask))
        return told("", made["usage"], made)
    made = getattr(rooms[room], do)(**ask)
    if do in ("stream", "start_stream"):
        events = [plain(e.data) for e in made]
        if room == "conversations":
            return told("".join(e.get("content", "") for e in events), last(events, "usage"), events)
        text = "".join(e["choices"][0]["delta"].get("content") or "" for e in events)
        return told(text, last(events, "usage"), events)
    made = plain(made)
    if room == "conversations":
        return told(made["outputs"][-1]["content"], made["usage"], made)
    if room == "ocr":
        return told(made["pages"][0]["markdown"], made["usage_info"], made)
    if room == "speech":
        return told(made["audio_data"], None, made)
    return told(made["choices"][0]["message"]["content"], made["usage"], made)


def ollama(call, method):
    import ollama

    client = ollama.Client(host=call["base_url"], headers=call["headers"])
    answer = getattr(client, method)(**call["args"])
    seen = [plain(e) for e in answer] if call["args"].get("stream") else [plain(answer)]
    end = seen[-1]
    usage = {name: end[name] for name in ("prompt_eval_count", "eval_count") if end.get(name) is not None}
    return told("".join(e["message"]["content"] for e in seen) if method == "chat" else "", usage, seen)


CLIENTS = {f.__name__: f for f in (anthropic, gemini, bedrock, cohere, mistral, ollama)}


def main():
    for call in json.load(sys.stdin)["calls"]:
        client, method = call["do"].split(".")
        with contextlib.redirect_stdout(sys.stderr):  # no client stands between the results
            try:
                result = CLIENTS[client](call, method)
            except Exception as e:  # whatever it raises, that is what the client made of it
                result = {"error": f"{type(e).__name__}: {e}", "raised": raised(e)}
        print(json.dumps(dict(result, name=call["name"]), default=str), flush=True)


if __name__ == "__main__":
    main()
