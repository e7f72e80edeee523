"""Prices the calls of the demo a second time, without Farebox.

Reads what the tap kept of each answer (the model server's own bytes) and the
callers' account of who asked for which answer; adds up the tokens that the
answers report, prices them with decimal arithmetic, and compares with what
"farebox usage --by team -o json" said. Ends with 1 and the differences when the
two do not agree to the last digit. Standard library only.
"""

import argparse
import collections
import decimal
import json
import sys

decimal.getcontext().prec = 60
decimal.getcontext().traps[decimal.Inexact] = True  # an inexact sum is an error
MILLION = decimal.Decimal(10**6)
METERS = ("input", "cache_read", "output")


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def documents(answer):
    """The JSON documents of one answer: one, or one for each event."""
    if not answer["content_type"].startswith("text/event-stream"):
        return [json.loads(answer["body"])]
    data = [line[len("data: "):] for line in answer["body"].splitlines() if line.startswith("data: ")]
    return [json.loads(d) for d in data if d != "[DONE]"]


def read(answer):
    """The id and the tokens by meter that one answer reports, the last report
    of a stream being the one that counts."""
    found, usage = None, None
    for d in documents(answer):
        d = d.get("response", d)
        found = found or d.get("id")
        usage = d.get("usage") or usage
    if usage is None:
        sys.exit("the answer %s to %s reports no usage" % (found, answer["path"]))
    chat = "prompt_tokens" in usage
    total = usage["prompt_tokens" if chat else "input_tokens"]
    details = usage.get("prompt_tokens_details" if chat else "input_tokens_details") or {}
    cached = details.get("cached_tokens") or 0
    return found, {
        "input": total - cached,
        "cache_read": cached,
        "output": usage["completion_tokens" if chat else "output_tokens"],
    }


def count(tap, calls, rates):
    """What each team had: calls, tokens by meter, cost in dollars."""
    tokens = {}
    for answer in tap:
        if answer["status"] == 200:
            found, counted = read(answer)
            tokens[found] = counted
    teams = collections.defaultdict(lambda: {"calls": 0, "cost": decimal.Decimal(0), **{m: 0 for m in METERS}})
    for call in calls:
        if call["response_id"] not in tokens:
            sys.exit("the tap has no answer %s" % call["response_id"])
        counted, team = tokens.pop(call["response_id"]), teams[call["team"]]
        team["calls"] += 1
        for m in METERS:
            team[m] += counted[m]
            team["cost"] += counted[m] * rates[m] / MILLION
    if tokens:
        sys.exit("nobody asked for %s" % ", ".join(sorted(tokens)))
    return dict(teams)


def claimed(usage):
    """The same, as Farebox says."""
    out = {}
    for row in usage["rows"]:
        t = row["tokens"]
        strange = sorted(set(t) - set(METERS))
        if strange:
            sys.exit("farebox counts %s, which this recount does not know" % ", ".join(strange))
        if row["unpriced_calls"]:
            sys.exit("farebox has calls without a price")
        out[row["keys"]["team"]] = {
            "calls": row["calls"], "cost": decimal.Decimal(row["charged_usd"]), **{m: t.get(m, 0) for m in METERS},
        }
    return out


def rate(text):
    meter, _, price = text.partition("=")
    if meter not in METERS:
        raise argparse.ArgumentTypeError("unknown meter %r" % meter)
    return meter, decimal.Decimal(price)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tap", required=True, help="what the tap kept, JSON lines")
    p.add_argument("--calls", required=True, help="the callers' account, JSON lines")
    p.add_argument("--usage", required=True, help="what farebox said, JSON")
    p.add_argument("--rate", action="append", type=rate, required=True, metavar="METER=USD", help="dollars per million tokens")
    a = p.parse_args()
    rates = dict(a.rate)
    if set(rates) != set(METERS):
        p.error("a rate for each of " + ", ".join(METERS))
    ours = count(lines(a.tap), lines(a.calls), rates)
    with open(a.usage, encoding="utf-8") as f:
        theirs = claimed(json.load(f))
    different = 0
    for team in sorted(set(ours) | set(theirs)):
        for what in ("calls",) + METERS + ("cost",):
            x, y = (side.get(team, {}).get(what) for side in (ours, theirs))
            if x != y:
                different += 1
                print("%s, %s: recounted %s, farebox says %s" % (team, what, x, y))
    if different:
        sys.exit("%d differences" % different)
    for team, had in sorted(ours.items()):
        print("%-10s %3d calls  %s USD" % (team, had["calls"], had["cost"].normalize()))
    print("The recount agrees with farebox, to the last digit.")


if __name__ == "__main__":
    main()
