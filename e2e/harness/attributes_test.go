package harness

import (
	"bytes"
	"strings"
	"testing"

	"github.com/farebox/farebox/e2e/provider"
	"github.com/farebox/farebox/envoy"
)

// sidecar is the shipped configuration in an Envoy that believes to stand beside
// a workload, with a route that says who pays.
func sidecar(o envoy.Options) ([]byte, error) {
	text, err := envoy.Config(o)
	const node = "node:\n  id: sidecar~10.0.0.9~bot-7f.shop~shop.svc.cluster.local\n  cluster: bot\n" +
		"  metadata: {NAMESPACE: shop, SERVICE_ACCOUNT: bot-account, WORKLOAD_NAME: bot}\n"
	const route = "                match: { prefix: \"/\" }\n"
	text = bytes.Replace(text, []byte(route), []byte(route+
		"                metadata: { filter_metadata: { farebox: { team: support, project: alpha } } }\n"), 1)
	return append([]byte(node), text...), err
}

// TestEnvoySendsWhoPays holds the attributes of who pays to what Envoy has, and
// to nothing where it has none.
func TestEnvoySendsWhoPays(t *testing.T) {
	for there, config := range map[bool]func(envoy.Options) ([]byte, error){false: nil, true: sidecar} {
		s, p := throughWith(t, provider.Scenario{}, EnvoyOptions{Config: config})
		if resp, _ := call(t, s.URL+"/v1/chat/completions", `{"model":"m"}`); resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
		_, attrs, _ := p.take()
		for name, want := range map[string]string{
			"xds.route_metadata.filter_metadata['farebox']['team']":    "support",
			"xds.route_metadata.filter_metadata['farebox']['project']": "alpha",
			"xds.node.id":                          "sidecar~10.0.0.9~bot-7f.shop~shop.svc.cluster.local",
			"xds.node.metadata['NAMESPACE']":       "shop",
			"xds.node.metadata['SERVICE_ACCOUNT']": "bot-account",
			"xds.node.metadata['WORKLOAD_NAME']":   "bot",
		} {
			if got := attrs[name]; there && !strings.Contains(got, `"`+want+`"`) {
				t.Errorf("%s is %s, want %q", name, got, want)
			} else if !there && got != "" && got != `string_value:""` {
				t.Errorf("%s is %s where there is none", name, got)
			}
		}
	}
}
