package capacity

import "github.com/farebox/farebox/policy/names"

// pictures are the most tokens that models are charged for one picture, as the page
// of their maker says: the first that fits counts. Of sound, video and files no page
// says a most; neither of the pictures of models that are not here, which are taken
// for all that the model can read.
var pictures = [...]struct {
	providers, models []string // models: patterns in lower case
	tokens            int64
	page              string
}{
	// A token for each 28 pixels square of a picture that is scaled down to 1568 of
	// them, about 1600 as the page said first; to 4784 by Claude 4.7 and later. Names
	// of models that are to come are left out: they may see more.
	{claudeHosts, []string{
		"*claude-3*", "*claude-4-opus*", "*claude-4-sonnet*", "*claude-haiku-4-5*",
		"*claude-sonnet-4", "*claude-sonnet-4@*", "*claude-sonnet-4-2*", "*claude-sonnet-4-0*", "*claude-sonnet-4-5*", "*claude-sonnet-4-6*",
		"*claude-opus-4", "*claude-opus-4@*", "*claude-opus-4-2*", "*claude-opus-4-0*", "*claude-opus-4-1*", "*claude-opus-4-5*", "*claude-opus-4-6*",
	}, 1600, claudePage},
	{claudeHosts, []string{
		"*claude-opus-4-7*", "*claude-opus-4-8*", "*claude-opus-5*", "*claude-sonnet-5*", "*claude-haiku-5*", "*claude-fable-5*", "*claude-mythos-5*",
		"*claude-mythos-preview*",
	}, 4784, claudePage},

	// Tiles of 512 pixels of a picture that is scaled down, never up, to 2048 by 768: 8
	// at most, and a base. That nothing is scaled up is what Azure's page says
	// (https://learn.microsoft.com/azure/ai-services/openai/overview#image-input-tokens,
	// which has the models of 2024), and what was billed:
	// https://community.openai.com/t/vision-pricing-calculator-inaccurate-resizing-rounding-vs-api-costs/1281361
	// Those of gpt-4o-mini are for the bill alone: they may be more than its window.
	{openaiHosts, []string{"gpt-4o", "gpt-4.1", "gpt-4.5-preview", "gpt-4-turbo"}, 85 + 8*170, openaiPage},
	{openaiHosts, []string{"gpt-4o-mini"}, 2833 + 8*5667, openaiPage},
	{openaiHosts, []string{"gpt-5", "gpt-5-chat-latest"}, 70 + 8*140, openaiPage},
	{openaiHosts, []string{"o1", "o1-pro", "o3"}, 75 + 8*150, openaiPage},
	{openaiHosts, []string{"computer-use-preview"}, 65 + 8*129, openaiPage},
	// Patches of 32 pixels, times a factor: 6144 at most, at any detail, where the page
	// said 1536 until the middle of 2026.
	{openaiHosts, []string{"gpt-4.1-mini", "gpt-5-mini"}, 6144*162/100 + 2, openaiPage},
	{openaiHosts, []string{"gpt-4.1-nano", "gpt-5-nano"}, 6144*246/100 + 2, openaiPage},
	{openaiHosts, []string{"o4-mini"}, 6144*172/100 + 2, openaiPage},

	// That of the highest resolution that may be asked for of a part.
	{[]string{"gemini", "vertex"}, []string{"gemini-3*"}, 2240, "https://ai.google.dev/gemini-api/docs/media-resolution#token-counts"},
}

const (
	claudePage = "https://platform.claude.com/docs/en/build-with-claude/vision"
	openaiPage = "https://developers.openai.com/api/docs/guides/images-vision#calculating-costs"
)

var (
	claudeHosts = []string{"anthropic", "bedrock", "vertex", "azure"}
	openaiHosts = []string{"openai", "azure"}
)

// picture sets what the row's model is charged for a picture, where its maker says.
func (r *Row) picture() {
	for i := range pictures {
		p := &pictures[i]
		if r.Picture == 0 && names.OneFits(p.providers, r.Provider) && names.ModelFits(p.models, r.Model) {
			r.Picture = p.tokens
			r.Source += "; pictures: " + p.page
		}
	}
}
