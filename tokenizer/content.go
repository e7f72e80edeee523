package tokenizer

import (
	"bytes"
	"strconv"
)

// Content is what bounds the input of a call, from its body alone.
type Content struct {
	// Bytes are those of the body: no tokenizer makes more tokens than bytes, and what
	// frames a message has more bytes in JSON than it has tokens.
	Bytes int64
	// Beside are tokens that a provider may add to them: its frame, and what it tells
	// the model of tools.
	Beside int64
	// Parts are at least as many as its parts that are no text: pictures, sound, files.
	Parts int64
	// Pictures are those of Parts that can be nothing but a picture each.
	Pictures int64
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
	pictureWords = [][]byte{[]byte(`"image_url"`), []byte(`"input_image"`), []byte(`"image"`)}
	inlineWords  = [][]byte{[]byte(`"inlineData"`), []byte(`"inline_data"`)} // of any kind, which their types say
	mediaWords   = [][]byte{
		[]byte(`"input_audio"`), []byte(`"input_file"`), []byte(`"fileData"`), []byte(`"file_data"`), []byte(`"images"`), []byte(`"document"`),
		[]byte(`"document_url"`), []byte(`"video"`), []byte(`"video_url"`), []byte(`"audio"`),
	}
	typeWords      = [][]byte{[]byte(`"mimeType"`), []byte(`"mime_type"`)}
	elsewhereWords = [][]byte{
		[]byte(`"previous_response_id"`), []byte(`"conversation"`), []byte(`"conversation_id"`), []byte(`"file_id"`), []byte(`"file_ids"`), []byte(`"fileUri"`), []byte(`"file_uri"`),
		[]byte(`"cachedContent"`), []byte(`"cached_content"`), []byte(`"item_reference"`), []byte(`"s3Location"`), []byte(`"container"`),
		[]byte(`"document_url"`), []byte(`"previous_interaction_id"`), []byte(`"promptVariables"`), []byte(`"file_url"`),
		[]byte(`"data_sources"`), []byte(`"dataSources"`),
	}
	// What is kept at the provider and may have hosted tools of its own.
	keptWords = [][]byte{[]byte(`"pmpt_`), []byte(`"prompt_id"`), []byte(`"agent_id"`), []byte(`"agent_reference"`), []byte(`"assistant_id"`), []byte(`"preset"`)}
	// What strange does not see, and more: words stand for tools wherever they stand.
	hostedWords = [][]byte{
		[]byte(`"web_search`), []byte(`"file_search`), []byte(`"fileSearch`), []byte(`"code_interpreter`), []byte(`"code_execution`), []byte(`"codeExecution`), []byte(`"mcp"`), []byte(`"mcp_servers"`),
		[]byte(`"image_generation`), []byte(`"computer_use`), []byte(`"web_fetch`), []byte(`"googleSearch`), []byte(`"google_search`), []byte(`"googleMaps"`), []byte(`"google_maps"`), []byte(`"urlContext"`),
		[]byte(`"url_context"`), []byte(`"search_parameters"`), []byte(`"connectors"`), []byte(`"plugins"`), []byte(`"tool_search`), []byte(`"advisor`),
		[]byte(`"retrieval"`), []byte(`"enterpriseWebSearch"`), []byte(`"enterprise_web_search"`), []byte(`"x_search`), []byte(`"live_search`), []byte(`"collections_search`),
		[]byte(`"systemTool"`), []byte(`"document_library"`), []byte(`"browser_search`), []byte(`"browser_automation`), []byte(`"visit_website`), []byte(`"wolfram_alpha`), []byte(`"enable_search"`),
	}
)

// What providers add to a request. Templates of open models begin with some dozens
// of tokens about the date and the format of answers. Anthropic tells the model of
// tools with up to 530 tokens, and of each of its own with up to 735:
// https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview#pricing
const (
	frame      = 256
	aboutTools = 1024
)

// toolWords stand for tools, or for one whose definition the provider has.
var toolWords = [][]byte{
	[]byte(`"tools"`), []byte(`"functions"`), []byte(`"toolConfig"`), []byte(`"bash_`), []byte(`"text_editor_`), []byte(`"computer_`), []byte(`"memory_`),
}

// ContentOf weighs a JSON body, on the high side: a word that stands for something
// else counts too, and a tool that nobody knows is taken for a hosted one. It reads the
// body once for each word that it looks for, and once more where it has parts, or
// tools.
func ContentOf(body []byte) Content {
	hides := spelt(body) || anyOf(body, keptWords)
	c := Content{Bytes: int64(len(body)), Elsewhere: hides || anyOf(body, elsewhereWords), Hosted: hides || anyOf(body, hostedWords) || strange(body)}
	c.Beside = frame + aboutTools*count(body, toolWords)
	c.Pictures = partsOf(body, pictureWords)
	if c.Pictures > 0 && !pictured(body) {
		c.Pictures, c.Parts = 0, c.Pictures
	}
	inline := count(body, inlineWords)
	if inline > 0 && typed(body) >= inline {
		c.Pictures += inline
	} else {
		c.Parts += inline
	}
	c.Parts += c.Pictures + partsOf(body, mediaWords)
	return c
}

func count(body []byte, words [][]byte) (n int64) {
	for _, word := range words {
		n += int64(bytes.Count(body, word))
	}
	return n
}

var dataURL = []byte(`"data:`)

// isPicture reports whether a type begins that is a picture's.
func isPicture(text []byte) bool {
	kind, found := bytes.CutPrefix(text, []byte("image"))
	return found && (bytes.HasPrefix(kind, []byte("/")) || bytes.HasPrefix(kind, []byte(`\/`)))
}

// pictured reports whether all data that stands in URLs is of pictures.
func pictured(body []byte) bool {
	for {
		i := bytes.Index(body, dataURL)
		if i < 0 {
			return true
		}
		if body = body[i+len(dataURL):]; !isPicture(body) {
			return false
		}
	}
}

// typed counts the members that say the type of data, if all say that it is a
// picture; else it is 0.
func typed(body []byte) (n int64) {
	for _, word := range typeWords {
		for rest := body; ; {
			i := bytes.Index(rest, word)
			if i < 0 {
				break
			}
			rest = rest[i+len(word):]
			value := bytes.TrimLeft(rest[:min(len(rest), 64)], " \t\r\n:")
			if len(value) == 0 || value[0] != '"' || !isPicture(value[1:]) {
				return 0
			}
			n++
		}
	}
	return n
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

// spelt reports whether letters, digits or underscores are written as escapes: names
// may then be other than they look. Nothing that writes JSON does so by itself.
func spelt(body []byte) bool {
	for at := 0; ; {
		i := bytes.Index(body[at:], []byte(`\u00`))
		if i < 0 || at+i+6 > len(body) {
			return false
		}
		at += i
		before := len(body[:at]) - len(bytes.TrimRight(body[:at], `\`))
		if c, err := strconv.ParseUint(string(body[at+4:at+6]), 16, 8); err == nil && before%2 == 0 && isNameByte(byte(c)) {
			return true
		}
		at += 4
	}
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
