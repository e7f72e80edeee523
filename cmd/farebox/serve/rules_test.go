package serve

import (
	"testing"

	"github.com/farebox/farebox/cmd/farebox/config"
)

// TestProvidersTellWhatTheOperatorKnows hands every key of an entry over.
func TestProvidersTellWhatTheOperatorKnows(t *testing.T) {
	c, err := config.Parse("", []byte(`{
  metering: {inject_usage: true},
  providers: [
    {name: azure, dialect: openai, match: {host: "eu.*"}, account: sub-1, deployment: data_zone, region: eu, inject_usage: false},
    {name: azure, dialect: openai, match: {host: "us.*"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	list := providers(c)
	if len(list) != 2 {
		t.Fatalf("%d providers, want 2", len(list))
	}
	told, silent := list[0], list[1]
	if told.Name != "azure" || told.Dialect != "openai" || told.Account != "sub-1" || told.Deployment != "data_zone" || told.Region != "eu" || told.InjectUsage {
		t.Errorf("the first is %+v", told)
	}
	if silent.Account+silent.Deployment+silent.Region != "" || !silent.InjectUsage {
		t.Errorf("the second is %+v", silent)
	}
	if !told.Matches("eu.example.com", "", "") || told.Matches("us.example.com", "", "") {
		t.Error("the first matches another host than its own")
	}
}
