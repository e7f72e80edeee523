package tokenizer

import "testing"

func TestOnVertex(t *testing.T) {
	const place = "/v1/projects/p-1/locations/europe-west4/publishers/"
	m := VertexCall{Project: "p-1", Location: "europe-west4", Model: "m@2"}
	streamed := m
	streamed.Stream = true
	for path, want := range map[string]VertexCall{
		place + "makers/models/m@2:rawPredict":             m,
		"/prefix" + place + "makers/models/m@2:rawPredict": m,
		place + "makers/models/m@2:streamRawPredict":       streamed,
		"/publishers/makers/models/m:rawPredict":           {Model: "m"},
		place + "makers/models/m@2:predict":                {},
		place + "makers/models/m@2":                        {},
		place + "others/models/m@2:rawPredict":             {},
		place + "makers-too/models/m@2:rawPredict":         {},
		place + "makers/m@2:rawPredict":                    {},
		"/models/m:rawPredict":                             {},
		"":                                                 {},
	} {
		if got, ok := OnVertex(path, "makers"); ok != (want != VertexCall{}) || ok && got != want {
			t.Errorf("%s: %+v, %v; want %+v", path, got, ok, want)
		}
	}
	const path = place + "makers/models/m@2:rawPredict"
	if n := testing.AllocsPerRun(10, func() { OnVertex(path, "makers") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnotherModelOnVertex(t *testing.T) {
	const place = "/v1/projects/p/locations/l/publishers/makers/models/"
	for _, verb := range []string{":rawPredict", ":streamRawPredict"} {
		v, ok := OnVertex(place+"m@2"+verb, "makers")
		if got, want := v.Ask(place+"m@2"+verb, "n/1"), place+"n%2F1"+verb; !ok || got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
