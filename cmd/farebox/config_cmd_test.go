package main

import (
	"os"
	"testing"
)

// TestConfigSchemaIsTheDocument: what is printed is what is published.
func TestConfigSchemaIsTheDocument(t *testing.T) {
	want, err := os.ReadFile("../../docs/config.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if status, out, errOut := try("config", "schema"); status != 0 || out != string(want) || errOut != "" {
		t.Errorf("status %d, %d bytes, %q, want docs/config.schema.json", status, len(out), errOut)
	}
	if status, _, errOut := try("config", "schema", "more"); status != 1 || errOut == "" {
		t.Errorf("with an argument: status %d, %q", status, errOut)
	}
}
