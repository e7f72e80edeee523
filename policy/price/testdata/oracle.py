"""Asks the calculators of litellm and genai-prices what calls cost. In come cases
as CSV on standard input, out goes a JSON object: for each case what each of the
two says in USD, or why it says nothing. Nothing is asked of a network.
"""

import csv
import datetime
import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import genai_prices
import litellm
from litellm import cost_calculator
from litellm._internal_context import pinned_billing_time
from litellm.litellm_core_utils.llm_cost_calc.tool_call_cost_tracking import StandardBuiltInToolCostTracking
from litellm.types.utils import Usage

AT = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.timezone.utc)

# How genai-prices calls a provider.
GENAI = {
    "bedrock": "aws",
    "gemini": "google",
    "vertex": "google",
    "xai": "x-ai",
    "moonshot": "moonshotai",
}


def total(usage, *names):
    """The sum of meters that were used."""
    return sum(usage.get(name, 0) for name in names)


def litellm_usage(usage):
    """Usage as litellm has it: totals, and parts of them."""
    audio, image = usage.get("input_audio", 0), usage.get("input_image", 0)
    read, five, hour = usage.get("cache_read", 0), usage.get("cache_write_5m", 0), usage.get("cache_write_1h", 0)
    prompt = usage.get("input", 0) + audio + image + read + five + hour
    completion = total(usage, "output", "output_audio", "output_image", "reasoning")
    details = {"cached_tokens": read, "text_tokens": usage.get("input", 0)}
    if audio:
        details["audio_tokens"] = audio
    if image:
        details["image_tokens"] = image
    if five or hour:
        details["cache_creation_tokens"] = five + hour
        details["cache_creation_token_details"] = {
            "ephemeral_5m_input_tokens": five,
            "ephemeral_1h_input_tokens": hour,
        }
    out = {"text_tokens": usage.get("output", 0)}
    for name, field in (("output_audio", "audio_tokens"), ("output_image", "image_tokens"), ("reasoning", "reasoning_tokens")):
        if usage.get(name):
            out[field] = usage[name]
    fields = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
        "completion_tokens_details": out,
    }
    if read or five or hour:
        fields["cache_read_input_tokens"] = read
        fields["cache_creation_input_tokens"] = five + hour
    return Usage(**fields)


def ask_litellm(case, usage):
    """What litellm's own functions say, in USD."""
    entry = litellm.model_cost[case["litellm"]]
    provider = entry["litellm_provider"].split("-")[0] if entry["litellm_provider"].startswith("vertex_ai") else entry["litellm_provider"]
    model = case["litellm"].removeprefix(provider + "/")
    if "images" in usage:
        size, quality = case["size"] or None, case["quality"] or None
        return cost_calculator.default_image_cost_calculator(model=model, custom_llm_provider=provider, quality=quality, n=usage["images"], size=size)
    if "audio_seconds" in usage:
        parts = litellm.cost_per_token(
            model=model, custom_llm_provider=provider, call_type="transcription", audio_transcription_file_duration=usage["audio_seconds"]
        )
        return sum(parts)
    if "rerank_units" in usage:
        units = {"search_units": usage["rerank_units"]}
        return sum(litellm.cost_per_token(model=model, custom_llm_provider=provider, call_type="rerank", rerank_billed_units=units))
    told = litellm_usage(usage)
    if case["tier"] == "batch":
        return sum(cost_calculator.batch_cost_calculator(usage=told, model=model, custom_llm_provider=provider))
    where = {}
    if case["region"] and provider == "openai":
        where["data_residency"] = case["region"]
    elif case["region"] and provider.startswith("vertex_ai"):
        where["vertex_location"] = case["region"]
    elif case["region"]:
        told.inference_geo = case["region"]
    cost = sum(
        litellm.cost_per_token(
            model=model, custom_llm_provider=provider, usage_object=told, service_tier=case["tier"] or None, call_type="completion", **where
        )
    )
    info = litellm.get_model_info(model=model, custom_llm_provider=provider)
    if usage.get("web_search"):
        cost += usage["web_search"] * StandardBuiltInToolCostTracking.get_cost_for_web_search(model_info=info)
    return cost


def ask_genai(case, usage):
    """What genai-prices says, in USD; totals hold their parts, as it wants them."""
    if case["region"] or "images" in usage:
        raise LookupError("it knows no price by region or image")
    provider = GENAI.get(case["provider"], case["provider"])
    fields = {
        "input_tokens": total(usage, "input", "input_audio", "cache_read", "cache_write_5m", "cache_write_1h"),
        "output_tokens": total(usage, "output", "output_audio", "output_image"),
        "cache_read_tokens": usage.get("cache_read"),
        "cache_write_tokens": total(usage, "cache_write_5m", "cache_write_1h") or None,
        "cache_write_1h_tokens": usage.get("cache_write_1h"),
        "input_audio_tokens": usage.get("input_audio"),
        "output_audio_tokens": usage.get("output_audio"),
        "output_image_tokens": usage.get("output_image"),
        "web_searches": usage.get("web_search"),
        "audio_seconds": usage.get("audio_seconds"),
        "input_audio_seconds": usage.get("audio_seconds"),
        "rerank_searches": usage.get("rerank_units"),
    }
    context = None
    if case["tier"] == "batch":
        context = {"processing": "batch"}
    elif case["tier"]:
        context = {"service_tier": case["tier"]}
    knows(provider, case["model"], context)
    price = genai_prices.calc_price(
        genai_prices.Usage(**{name: n for name, n in fields.items() if n}),
        case["model"],
        provider_id=provider,
        genai_request_timestamp=AT,
        price_context=context,
    )
    unpriced = {name for name, n in fields.items() if n} - priced_keys(price.model_price)
    if unpriced - {"input_tokens", "output_tokens"}:
        raise LookupError("it has no price of " + ", ".join(sorted(unpriced)))
    return price.total_price


def priced_keys(model_price):
    """The usage that a price has something for."""
    from genai_prices.data_units import unit_data

    have = {key for key, value in model_price.__dict__.items() if value is not None}
    keys = {usage for usage, unit in unit_data.items() if unit.get("price_key", usage) in have}
    if "audio_seconds" in keys or "input_audio_seconds" in keys:
        keys |= {"audio_seconds", "input_audio_seconds"}
    return keys


def knows(provider, model, context):
    """Refuses a model of which genai-prices has only another provider's price, and
    one without a price of the tier: it would give the standard price."""
    from genai_prices.data_snapshot import get_snapshot

    host, found = get_snapshot().find_provider_model(model, None, provider, None)
    if not any(found is own for own in host.models):
        raise LookupError("it takes the price of another provider")
    if context and not any(variant.when == context and variant.prices.__dict__ for variant in found.price_variants or ()):
        raise LookupError("it has no price of the tier")


def main():
    """Answers every case. What litellm prints goes elsewhere."""
    out, sys.stdout = sys.stdout, sys.stderr
    answers = {}
    for case in csv.DictReader(sys.stdin):
        usage = {name: int(n) for name, n in (part.split("=") for part in case["usage"].split(";"))}
        answer = {}
        for name, ask in (("litellm", ask_litellm), ("genai-prices", ask_genai)):
            try:
                with pinned_billing_time(AT):
                    usd = ask(case, usage)
                answer[name] = {"usd": repr(usd).removeprefix("Decimal('").removesuffix("')")}
            except Exception as reason:  # whatever it is, it is no price
                answer[name] = {"none": f"{type(reason).__name__}: {reason}"[:200]}
        answers[case["case"]] = answer
    json.dump(answers, out)


if __name__ == "__main__":
    main()
