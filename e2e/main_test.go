package e2e_test

import (
	"log"
	"os"
	"testing"

	"github.com/farebox/farebox/e2e/harness"
)

// kit has the parts of every story; farebox is built with the race detector.
var kit *harness.Kit

func TestMain(m *testing.M) {
	var err error
	if kit, err = harness.Open(harness.Options{Progress: os.Stderr, Race: true}); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := kit.Close(); err != nil {
		log.Print(err)
		code = 1
	}
	os.Exit(code)
}
