package tokenizer

import "bytes"

// Content is what bounds the input of a call, from its body alone.
type Content struct {
	// Bytes are those of the body: no tokenizer makes more tokens than bytes, and what
	// frames a message has more bytes in JSON than it has tokens.
	Bytes int64
	// Parts are at least as many as its parts that are no text: pictures, sound, files.
	Parts int64
	// Elsewhere says that the provider reads more than the body: earlier answers, files,
	// prompts by their ids, cached content.
	Elsewhere bool
	// Hosted says that tools run at the provider: what they read and cost, the body
	// does not tell.
	Hosted bool
}

// Names and values of JSON bodies, in the quotes that they have there: in a text
// quotes are escaped. Of some only the beginning is known, as dates follow.
var (
	mediaWords = [][]byte{
		[]byte(`"image_url"`), []byte(`"input_image"`), []byte(`"input_audio"`), []byte(`"input_file"`), []byte(`"inlineData"`), []byte(`"inline_data"`),
		[]byte(`"fileData"`), []byte(`"file_data"`), []byte(`"image"`), []byte(`"images"`), []byte(`"document"`), []byte(`"document_url"`), []byte(`"video"`), []byte(`"video_url"`), []byte(`"audio"`),
	}
	elsewhereWords = [][]byte{
		[]byte(`"previous_response_id"`), []byte(`"conversation"`), []byte(`"conversation_id"`), []byte(`"file_id"`), []byte(`"file_ids"`), []byte(`"fileUri"`), []byte(`"file_uri"`),
		[]byte(`"cachedContent"`), []byte(`"cached_content"`), []byte(`"prompt_id"`), []byte(`"item_reference"`), []byte(`"s3Location"`), []byte(`"container"`),
		[]byte(`"document_url"`), []byte(`"agent_id"`), []byte(`"previous_interaction_id"`), []byte(`"promptVariables"`), []byte(`"file_url"`),
	}
	hostedWords = [][]byte{
		[]byte(`"web_search`), []byte(`"file_search`), []byte(`"fileSearch`), []byte(`"code_interpreter`), []byte(`"code_execution`), []byte(`"codeExecution`), []byte(`"mcp"`), []byte(`"mcp_servers"`),
		[]byte(`"image_generation`), []byte(`"computer_use`), []byte(`"web_fetch`), []byte(`"googleSearch`), []byte(`"google_search`), []byte(`"googleMaps"`), []byte(`"google_maps"`), []byte(`"urlContext"`),
		[]byte(`"url_context"`), []byte(`"search_parameters"`), []byte(`"connectors"`), []byte(`"plugins"`), []byte(`"tool_search`), []byte(`"advisor`), []byte(`"shell"`),
	}
)

// ContentOf weighs a JSON body, on the high side: a word that stands for something
// else counts too. It reads the body once for each word that it looks for.
func ContentOf(body []byte) Content {
	c := Content{Bytes: int64(len(body)), Elsewhere: anyOf(body, elsewhereWords), Hosted: anyOf(body, hostedWords)}
	for _, word := range mediaWords {
		c.Parts += int64(bytes.Count(body, word))
	}
	return c
}

func anyOf(body []byte, words [][]byte) bool {
	for _, word := range words {
		for rest := body; ; {
			i := bytes.Index(rest, word)
			if i < 0 {
				break
			}
			if i == 0 || rest[i-1] != '\\' { // else it is a quote in a text
				return true
			}
			rest = rest[i+len(word):]
		}
	}
	return false
}
