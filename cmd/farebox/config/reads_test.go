package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReads(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want Reads
	}{
		"nothing of Envoy": {"{}", Reads{}},
		"all that there is": {
			`attribution:
  team: [{jwt: {claim: team, provider: corp}}, {spiffe: "spiffe://a/{}"}, {workload: namespace}, {header: x-team}]
  user: [{jwt: {claim: sub, provider: bank}}, {jwt: {claim: sub, provider: corp}}]
  zone: [{attribute: request.scheme}, {route: metadata.zone}, {workload: name}, {workload: service_account}, {body: a}]
  trust_xfcc: true
`,
			Reads{
				Attributes: []string{
					"connection.mtls", "connection.uri_san_peer_certificate", "request.scheme", "xds.node.id", "xds.node.metadata['NAMESPACE']",
					"xds.node.metadata['SERVICE_ACCOUNT']", "xds.node.metadata['WORKLOAD_NAME']", "xds.route_metadata.filter_metadata['farebox']['zone']",
				},
				Tokens: []string{"bank", "corp"}, Certificates: true, XFCC: true,
			},
		},
		"trust for nothing": {"attribution: {trust_xfcc: true}", Reads{}},
	} {
		if diff := cmp.Diff(tc.want, mustParse(t, tc.in).Reads()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
