package bedrock

import "strings"

// target is what the id in a path says.
type target struct {
	model   string // as prices name it; an ARN that hides the model, whole
	region  string // of an ARN
	account string // of an ARN
}

// named are the kinds of ARN resource that end in a model's own id. Of others,
// as application inference profiles, provisioned, imported and customized models
// and prompt routers, only their owner knows which model answers: prices are told
// of them by their whole ARN.
var named = [...]string{"foundation-model/", "inference-profile/"}

// aim reads an id: that of a model, of an inference profile ("us.", "global."
// and the like before the model's, which stays, for they have prices of their
// own), or an ARN, arn:partition:service:region:account:resource.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
func aim(id string) target {
	const parts = 6
	t := target{model: id}
	if fields := strings.SplitN(id, ":", parts); len(fields) == parts && fields[0] == "arn" {
		t.region, t.account = strings.Clone(fields[3]), strings.Clone(fields[4])
		for _, kind := range named {
			if model, ok := strings.CutPrefix(fields[5], kind); ok && model != "" {
				t.model = model
			}
		}
	}
	t.model = strings.Clone(t.model)
	return t
}

// hides reports whether a target's model is only known from the answer.
func hides(model string) bool { return model == "" || strings.HasPrefix(model, "arn:") }

// made reports whether a model's id names this maker, or this family of one:
// "anthropic.", "amazon.nova".
func made(model, by string) bool {
	return strings.HasPrefix(model, by) || strings.Contains(model, "."+by) || strings.Contains(model, "/"+by)
}
