package attribution

import (
	"strings"

	"github.com/farebox/farebox/policy"
)

// What Istio's agent writes into the node of the Envoy that it starts.
// https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
const (
	nodeID         = "xds.node.id" // sidecar~ADDRESS~POD.NAMESPACE~NAMESPACE.svc.DOMAIN
	nodeNamespace  = "xds.node.metadata['NAMESPACE']"
	nodeAccount    = "xds.node.metadata['SERVICE_ACCOUNT']"
	nodeWorkload   = "xds.node.metadata['WORKLOAD_NAME']"
	gatewayNode    = "router~"
	waypointNode   = "waypoint~"
	nodeIDPodField = 2
)

// workloadAttributes names what workload reads for a word.
func workloadAttributes(word string) []string {
	switch word {
	case "service_account":
		return []string{nodeID, nodeAccount}
	case "name":
		return []string{nodeID, nodeWorkload}
	}
	return []string{nodeID, nodeNamespace}
}

// workload says which workload Envoy stands beside. A gateway or waypoint stands
// beside none: there it says nothing.
func workload(word string, id policy.Identity) string {
	node := id.Attribute(nodeID)
	if strings.HasPrefix(node, gatewayNode) || strings.HasPrefix(node, waypointNode) {
		return ""
	}
	switch word {
	case "service_account":
		return id.Attribute(nodeAccount)
	case "name":
		return id.Attribute(nodeWorkload)
	}
	if ns := id.Attribute(nodeNamespace); ns != "" {
		return ns
	}
	pod := node
	for range nodeIDPodField {
		_, pod, _ = strings.Cut(pod, "~")
	}
	pod, _, _ = strings.Cut(pod, "~")
	return pod[strings.LastIndexByte(pod, '.')+1:]
}
