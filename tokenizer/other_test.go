package tokenizer

import "testing"

func TestOther(t *testing.T) {
	list := []Other{{"files/*/content", "content", true}, {"files", "files", true}, {"audio/**", "audio", false}}
	for path, want := range map[string]string{
		"/v1/files": "files", "/v1/files/": "files", "/a/b/files": "files", "/files": "files", "files": "",
		"/v1/files/f-1": "", "/v1/files/f-1/content": "content", "/v1/files//content": "content", "/v1/files/content": "",
		"/v1/audio": "audio", "/v1/audio/speech": "audio", "/audio/a/b": "audio", "/v1/myaudio": "", "": "", "/": "",
	} {
		op, free, ok := FindOther(list, path)
		if op != want || ok != (want != "") || free != (ok && want != "audio") {
			t.Errorf("%q: %q, free %v, %v", path, op, free, ok)
		}
	}
}

func FuzzFindOther(f *testing.F) {
	f.Add("/v1/files", "files/*")
	f.Fuzz(func(t *testing.T, path, tail string) {
		if _, _, ok := FindOther([]Other{{Tail: "**"}}, "/"+path+"x"); !ok {
			t.Errorf("%q is not below everything", path)
		}
		FindOther([]Other{{Tail: tail}}, path)
	})
}
