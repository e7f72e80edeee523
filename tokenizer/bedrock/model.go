package bedrock

import "strings"

// target is what the id in a path says.
type target struct {
	model   string // as prices name it, or kind/id of what hides a model
	region  string // of an ARN
	account string // of an ARN
}

// named are the kinds of ARN resource that end in a model's own id.
var named = [...]string{"foundation-model/", "inference-profile/"}

// hiding are the kinds of ARN resource whose id does not tell which model
// answers.
var hiding = [...]string{
	"application-inference-profile/", "provisioned-model/", "custom-model/", "custom-model-deployment/", "imported-model/",
	"default-prompt-router/", "prompt-router/", "prompt/", "endpoint/", "marketplace/",
}

// aim reads an id: that of a model, of an inference profile ("us.", "global."
// and the like before the model's, which stays, for they have prices of their
// own), or an ARN, arn:partition:service:region:account:resource.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
func aim(id string) target {
	const parts = 6
	fields := strings.SplitN(id, ":", parts)
	if len(fields) < parts || fields[0] != "arn" {
		return target{model: strings.Clone(id)}
	}
	t := target{model: fields[5], region: strings.Clone(fields[3]), account: strings.Clone(fields[4])}
	for _, kind := range named {
		if model, ok := strings.CutPrefix(t.model, kind); ok && model != "" {
			t.model = model
		}
	}
	t.model = strings.Clone(t.model)
	return t
}

// hides reports whether a target's model is only known from the answer.
func hides(model string) bool {
	for _, kind := range hiding {
		if strings.HasPrefix(model, kind) {
			return true
		}
	}
	return model == ""
}

// made reports whether a model's id names this maker, or this family of one:
// "anthropic.", "amazon.nova".
func made(model, by string) bool {
	return strings.HasPrefix(model, by) || strings.Contains(model, "."+by) || strings.Contains(model, "/"+by)
}
