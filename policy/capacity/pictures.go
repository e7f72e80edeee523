package capacity

import "github.com/farebox/farebox/policy/names"

// pictures are the most tokens that models count for one picture, as the page of
// their maker says: the first that fits counts. Of sound, video and files no page
// says a most; neither of the pictures of models that are not here.
var pictures = [...]struct {
	providers, models []string // models: patterns in lower case
	tokens            int64
	page              string
}{
	// A picture is scaled down to so many tokens, more since Opus 4.7.
	{claudeHosts, []string{
		"*claude-3*", "*claude-4-*", "*claude-haiku-4*", "*claude-sonnet-4*", "*claude-opus-4", "*claude-opus-4@*", "*claude-opus-4-2*",
		"*claude-opus-4-0*", "*claude-opus-4-1*", "*claude-opus-4-5*", "*claude-opus-4-6*",
	}, 1600, anthropicPage},
	{claudeHosts, []string{"*claude-opus-*", "*claude-sonnet-*", "*claude-haiku-*", "*claude-fable-*", "*claude-mythos-*"}, 4784, anthropicPage},

	// Tiles of 512 pixels of a picture that is scaled down to 2048 by 768: 8 at most,
	// and a base.
	{openaiHosts, []string{"gpt-4o", "chatgpt-4o-latest", "gpt-4.1", "gpt-4.5-preview", "gpt-4-turbo"}, 85 + 8*170, openaiPage},
	{openaiHosts, []string{"gpt-4o-mini"}, 2833 + 8*5667, openaiPage},
	{openaiHosts, []string{"gpt-5", "gpt-5-chat-latest"}, 70 + 8*140, openaiPage},
	{openaiHosts, []string{"o1", "o1-pro", "o3"}, 75 + 8*150, openaiPage},
	{openaiHosts, []string{"computer-use-preview"}, 65 + 8*129, openaiPage},
	// Patches of 32 pixels, 1536 at most, times a factor.
	{openaiHosts, []string{"gpt-4.1-mini", "gpt-5-mini"}, 1536*162/100 + 1, openaiPage},
	{openaiHosts, []string{"gpt-4.1-nano", "gpt-5-nano"}, 1536*246/100 + 1, openaiPage},
	{openaiHosts, []string{"o4-mini"}, 1536*172/100 + 1, openaiPage},

	// That of the highest resolution that may be asked for.
	{[]string{"gemini", "vertex"}, []string{"gemini-3*"}, 2240, "https://ai.google.dev/gemini-api/docs/media-resolution"},
}

const (
	anthropicPage = "https://platform.claude.com/docs/en/build-with-claude/vision"
	openaiPage    = "https://platform.openai.com/docs/guides/images-vision"
)

var (
	claudeHosts = []string{"anthropic", "bedrock", "vertex", "azure"}
	openaiHosts = []string{"openai", "azure"}
)

// picture sets what the row's model counts for a picture, where its maker says.
func (r *Row) picture() {
	for i := range pictures {
		p := &pictures[i]
		if r.Picture == 0 && names.OneFits(p.providers, r.Provider) && names.ModelFits(p.models, r.Model) {
			r.Picture = p.tokens
			r.Source += "; pictures: " + p.page
		}
	}
}
