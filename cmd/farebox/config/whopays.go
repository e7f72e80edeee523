package config

// whoPays is the part of docs/config.md on attribution and owners.
const whoPays = `
## Who pays

Each attribute is looked for in its sources, in order; the first that gives a value wins, so what proves something stands before what a caller
may write: a certificate, a token, an API key, a workload and a route cannot be forged by a caller, a header and a body can. The record of a call
says which source it was (` + "`farebox explain`" + `). Sources that hold a secret or a prompt are refused.

` + "```yaml" + `
attribution:
  team:             [{spiffe: "spiffe://acme.example/ns/{}/sa/*"}, {jwt: {claim: team, provider: corp}}, {api_key: team}, {header: x-team}]
  user:             [{jwt: {claim: sub, provider: corp}}]
  actor:            [{jwt: {claim: act.sub, provider: corp}}]     # who acts for the user
  project:          [{route: metadata.project}, {body: metadata.project}, {header: x-project}]
  interaction:      [{header: x-session-id}, {trace: true}]
  provider_project: [{header: openai-project}]        # plain headers of a provider; it gets them too
  provider_org:     [{header: openai-organization}]
  server_name:      [{attribute: connection.requested_server_name}]
  on_unknown:       refuse
owners: {file: owners.csv}
` + "```" + `

Farebox verifies no certificate and no token: Envoy does, before it asks. ` + "`spiffe`" + ` reads the URI of the certificate that the caller showed
(connection.mtls, connection.uri_san_peer_certificate). A pattern is compared part by part between slashes, so that a longer ID cannot slip a part
in; one that does not fit gives nothing, and the record says so. ` + "`jwt`" + ` reads what the jwt_authn filter published of a token, in the metadata
envoy.filters.http.jwt_authn: never the token itself, which nobody has verified when that filter is not there. A claim of several values gives
nothing: farebox does not choose.

A ` + "`path`" + ` is a part of the request's path that ` + "`routes`" + ` has a name for, such as the collection that a search of vectors goes to.

Envoy sends only the attributes that its ext_proc filter lists in request_attributes, and claims where forwarding_namespaces lists that metadata.
The configuration that ` + "`farebox envoy`" + ` prints lists those of certificate, route, cluster and workload, and of the route's metadata the keys team and
project; with ` + "`--config`" + ` it adds what this file reads beside them, such as ` + "`xds.route_metadata.filter_metadata['farebox']['region']`" + ` or an
` + "`attribute`" + `. ` + "`farebox check FILE --envoy ENVOY`" + ` says what Envoy does not send. docs/security.md tells how each identity is proved.

With ` + "`owners`" + `, a team counts only while the directory lists it; ` + "`on_unknown`" + ` says what happens to the others, and to an API key that no team has.
Its cost_centre, gl_account and entity at the time of the call go into the record as attributes, so that usage can be asked by them. API keys are
listed by their keyed hash, which this ledger's secret makes:

` + "```" + `
farebox owners hash-key --config farebox.yaml < key
` + "```" + `

A file of owners has a header row and the columns team, cost_centre, gl_account, entity, lead, slack, pager, parent, keys, from, until, of which only
team is needed, in any order:

` + "```csv" + `
team,cost_centre,parent,keys,from,until
acme,,,,,
support,CC-17,acme,hmac:7d2f0c6a5b1e4f8890a1b2c3d4e5f607,,2026-07-01
support,CC-18,acme,hmac:7d2f0c6a5b1e4f8890a1b2c3d4e5f607 hmac:0f1e2d3c4b5a69788796a5b4c3d2e1f0,2026-07-01,
` + "```" + `
`
