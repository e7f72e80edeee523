package ledgertest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/farebox/farebox/policy"
	"github.com/farebox/farebox/policy/money"
	"github.com/farebox/farebox/tokenizer"
)

// Start is when the samples happen.
var Start = time.Date(2026, 3, 1, 22, 30, 0, 0, time.UTC)

// ID makes the n-th call id.
func ID(n int) policy.CallID {
	id := policy.CallID{6: 0x70, 8: 0x80}
	binary.BigEndian.PutUint32(id[12:], uint32(n))
	return id
}

// Record makes the n-th record: one second after the one before, with every
// field filled and two lines. Its ids are "req-n", "trace-n" and "resp-n".
func Record(n int) policy.Record {
	at := Start.Add(time.Duration(n) * time.Second)
	return policy.Record{
		ID: ID(n), Attempt: 1,
		RequestID: fmt.Sprintf("req-%d", n), TraceID: fmt.Sprintf("trace-%d", n), ResponseID: fmt.Sprintf("resp-%d", n),
		Interaction: fmt.Sprintf("chat-%d", n),
		Owner: policy.Owner{
			{Name: "team", Value: "support", Rule: "header x-team"},
			{Name: "project", Value: `a "quoted" \ näme` + "\n\x00", Rule: "default"},
			{Name: "app", Value: "", Rule: "missing"},
		},
		Dialect: "openai", Operation: "chat", Provider: "azure", Developer: "openai", Host: "llm.example.com", KeyHash: "k1", ProviderCost: "1.4e-05",
		Account: "acme", AccountTold: "organization=o project=p", Deployment: "data_zone", Region: "swedencentral", Size: "1024x1024", Quality: "high",
		ModelAsked: "gpt-4o", Model: "gpt-4o-2024-08-06", TierAsked: "auto", Tier: "default", Stream: true,
		Status: 200, Finish: "stop", Outcome: policy.Served, Success: true, Reason: "none", Purpose: policy.User, Tries: 2,
		Source: tokenizer.Counted, Priced: true,
		Shares: tokenizer.Shares{System: 1, History: 2, Last: 3, Tools: 4, Media: 5},
		Inputs: 5, Repeated: 2, Held: money.Nano(1_234_567_890).Amount(),
		Admitted: at.Add(-time.Second), FirstToken: at.Add(-time.Second / 2), Completed: at,
		Lines: []policy.Line{
			Line(tokenizer.Output, 7, money.Amount{Micro: 70, Pico: 999_999}),
			Line(tokenizer.Input, 11, money.Amount{Micro: 11, Pico: 1}),
		},
		Rulings: []policy.Ruling{{Rule: "shape[0]", Did: policy.Changed, Why: `at most "2048" tokens`}, {Rule: "runaway", Did: policy.RunawayInput}},
	}
}

// Line makes a priced line that charges what it is told, and lists twice that.
func Line(c tokenizer.Class, quantity int64, charged money.Amount) policy.Line {
	return policy.Line{
		Model: "gpt-4o-2024-08-06", Class: c, Quantity: quantity, Source: tokenizer.Reported, State: policy.Priced,
		RateID: "openai/gpt-4o/" + c.String(), Rate: 2_500_000,
		List: charged.Add(charged), Contracted: charged.Add(money.Amount{Pico: 3}), Charged: charged,
		ContractID: "config:prices.discounts[0]", ChargeID: "config:prices.rate_card[1]",
		Currency: "EUR", FXRate: "1.0832", ChargeCurrency: "GBP", ChargeFXRate: "1.25", Unmet: "tier=priority", Waived: quantity / 3, Context: 100 * quantity,
	}
}

// Opening makes the opening that Record(n) closes.
func Opening(n int) policy.Opening {
	r := Record(n)
	return policy.Opening{Ticket: policy.Ticket{
		Request: policy.Request{
			ID: r.ID, Provider: r.Provider, Host: r.Host, RequestID: r.RequestID, TraceID: r.TraceID, KeyHash: r.KeyHash,
			Retry: 1, Malformed: true, At: r.Admitted, Account: r.Account, Deployment: r.Deployment, Region: r.Region,
			Call: tokenizer.Call{
				Dialect: r.Dialect, Operation: r.Operation, Model: r.ModelAsked, Tier: r.TierAsked, Stream: true, AsksUsage: true,
				Choices: 2, MaxOutput: 300, Shares: r.Shares, Region: r.Region, Account: r.Account, Size: r.Size, Quality: r.Quality,
			},
		},
		Owner: r.Owner, Refusal: &policy.Refusal{Code: "c", Status: 429, Message: "m", Retry: time.Second},
		Hold: policy.Hold{Input: 40, Output: 600}, Rulings: r.Rulings, Model: "gpt-4o-mini", MaxOutput: 2048,
	}}
}

// Varied makes n records that differ in everything that can be grouped, summed
// or missing, the same for the same seed.
func Varied(seed uint64, n int) []policy.Record {
	r := rand.New(rand.NewPCG(seed, 1))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	records := make([]policy.Record, n)
	for i := range records {
		rec := Record(i)
		rec.Owner = policy.Owner{{Name: "team", Value: one("support", "research", `o'"b\`, "")}}
		if r.IntN(3) > 0 {
			rec.Owner = append(rec.Owner, policy.Attribute{Name: "cost.centre-1", Value: one("CC-17", "CC-18")})
		}
		rec.Model, rec.Provider = one("small", "large"), one("openai", "azure", "")
		rec.Interaction, rec.Success = fmt.Sprintf("chat-%d", r.IntN(n/3+1)), r.IntN(2) > 0
		if r.IntN(20) == 0 {
			rec.Interaction = ""
		}
		rec.Dialect, rec.Operation = one("openai", "anthropic"), one("chat", "embeddings")
		rec.Outcome, rec.Purpose = one(policy.Served, policy.CutOff, policy.Refused), one(policy.User, policy.Retry)
		rec.Source = tokenizer.Source(r.IntN(int(tokenizer.Reported) + 1))
		rec.Completed = Start.Add(time.Duration(r.Int64N(int64(50 * time.Hour)))).Truncate(time.Microsecond)
		rec.Lines = nil
		for range r.IntN(4) {
			l := Line(tokenizer.Class(r.IntN(int(tokenizer.Classes))), r.Int64N(1e6), money.Amount{Micro: r.Int64N(1e15), Pico: r.Int64N(1e6)})
			l.State = one(policy.Priced, policy.Unpriced, policy.Free)
			rec.Lines = append(rec.Lines, l)
		}
		records[i] = rec
	}
	return records
}
