package bpe

import (
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// Counts were computed with OpenAI's own library, tiktoken 0.14.0.
var vectors = []struct {
	text          string
	cl100k, o200k int
}{
	{"", 0, 0},
	{"a", 1, 1},
	{"Hello, world!", 4, 4},
	{"tokens are not words", 4, 4},
	{"Bonjour le monde, ça va très bien", 8, 8},
	{"日本語のテキストを数える", 12, 9},
	{"Привет, как дела?", 8, 6},
	{"   leading spaces", 3, 3},
	{"line\n\n\nbreaks\r\n \n \n\ttabs", 8, 8},
	{"12345678901234567890", 7, 7},
	{"don't won't I'LL they've", 9, 5},
	{"<|endoftext|> is only text", 10, 10},
	{"<|fim_prefix|><|endofprompt|>", 13, 12},
	{"🙂🙃👩\u200d👩\u200d👧\u200d👦", 23, 14},
	{"func main() {\n\tfmt.Println(\"hi\")\n}\n", 10, 10},
	{`{"role":"user","content":"x"}`, 9, 9},
	{"CamelCaseIdentifier snake_case_name", 7, 6},
	{"https://example.com/a/b?c=d&e=f", 11, 11},
	{"مرحبا بالعالم", 10, 4},
	{"नमस्ते दुनिया", 13, 5},
	{"e\u0301 combining \u200b zero width", 6, 6},
	{"!!!???...---", 4, 4},
	{"supercalifragilisticexpialidocious", 11, 10},
	{"\x00\x01\x02", 3, 3},
	{strings.Repeat("a", 100), 13, 13},
	{strings.Repeat("\n", 50), 3, 4},
	{strings.Repeat(" ", 200), 2, 2},
	{strings.Repeat("The quick brown fox jumps over the lazy dog. ", 20), 201, 201},
	{strings.Repeat("x1", 3000), 6000, 6000},
}

func TestCount(t *testing.T) {
	for _, v := range vectors {
		for encoding, want := range map[string]int{CL100K: v.cl100k, O200K: v.o200k} {
			if got, err := Count(encoding, v.text); err != nil || got != want {
				t.Errorf("Count(%s, %.40q) = %d, %v, want %d", encoding, v.text, got, err, want)
			}
		}
	}
}

// Runs beyond maxRun are counted in parts, at most two tokens off for each part.
func TestCountOfLongRuns(t *testing.T) {
	for _, v := range []struct {
		text          string
		cl100k, o200k int
	}{
		{strings.Repeat("a", 5000), 625, 625},
		{strings.Repeat("日", 4000), 4000, 2000},
		{strings.Repeat("!", 5000), 625, 313},
		{strings.Repeat(" ", 5000), 40, 40},
		{strings.Repeat("ab", 4000), 4000, 2000},
	} {
		slack := 2 * (len(v.text)/maxRun + 1)
		for encoding, want := range map[string]int{CL100K: v.cl100k, O200K: v.o200k} {
			if got, err := Count(encoding, v.text); err != nil || got < want-slack || got > want+slack {
				t.Errorf("Count(%s, %.8q…) = %d, %v, want %d ± %d", encoding, v.text, got, err, want, slack)
			}
		}
	}
}

func TestCountRefuses(t *testing.T) {
	if _, err := Count(O200K, strings.Repeat(" ", MaxText+1)); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("a text beyond the bound: %v", err)
	}
	if _, err := Count("p50k_base", "x"); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("an unknown encoding: %v", err)
	}
	if _, err := load("no_such", "x"); err == nil {
		t.Error("a vocabulary that is not there gave no error")
	}
	if _, err := load(CL100K, "("); err == nil {
		t.Error("a pattern that is none gave no error")
	}
}

func TestGaveUpRepeatsNoText(t *testing.T) {
	if got := gaveUp("prompt").Error(); strings.Contains(got, "prompt") {
		t.Errorf("gaveUp = %q", got)
	}
}

func TestEncoding(t *testing.T) {
	for model, want := range map[string]string{
		"gpt-4o": O200K, "gpt-4o-mini-2024-07-18": O200K, "GPT-4o": O200K, "chatgpt-4o-latest": O200K,
		"gpt-4.1-nano": O200K, "gpt-5": O200K, "gpt-5-mini": O200K, "gpt-5.4": O200K, "openai/gpt-5": O200K,
		"o1": O200K, "o1-mini": O200K, "o3-2025-04-16": O200K, "o4-mini": O200K,
		"ft:gpt-4o-mini-2024-07-18:acme::abc": O200K, "ft:gpt-3.5-turbo:acme": CL100K,
		"gpt-4": CL100K, "gpt-4-turbo": CL100K, "gpt-4-0613": CL100K, "gpt-3.5-turbo-0125": CL100K, "gpt-35-turbo": CL100K,
		"text-embedding-3-small": CL100K, "text-embedding-ada-002": CL100K,
		"": "", "gpt-4.9": "", "gpt-50": "", "o10": "", "gpt-2": "", "claude-sonnet-4-5": "", "gemini-2.5-pro": "", "o": "", "openai/": "",
	} {
		if got, ok := Encoding(model); got != want || ok != (want != "") {
			t.Errorf("Encoding(%q) = %q, %v, want %q", model, got, ok, want)
		}
	}
}

func TestCountIsSafeForConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, v := range vectors {
				if got, err := Count(O200K, v.text); err != nil || got != v.o200k {
					t.Errorf("Count(%.20q) = %d, %v", v.text, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzCount(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.text)
	}
	f.Add("\xff\xfe broken \xc3")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Count(O200K, text)
		if err != nil || n > 3*len(text) || (n == 0) != (text == "") {
			t.Fatalf("Count(%q) = %d, %v", text, n, err)
		}
		if utf8.ValidString(text) && n > len(text) {
			t.Fatalf("Count(%q) = %d, of %d bytes", text, n, len(text))
		}
	})
}

func BenchmarkCount(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1000)
	for name, text := range map[string]string{"text": text, "worst": strings.Repeat("ab", 40<<10)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Count(O200K, text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
