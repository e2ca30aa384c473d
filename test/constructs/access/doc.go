// Package access tests who may do what with the resources of the example configurations, and with the caches that
// attached projects and other apps use: every principal, action and resource. The expected answers are in
// expected/*.yaml; the actual ones come from @cloud-copilot/iam-simulate, which evaluates the synthesized identity,
// resource and trust policies. The tables of docs/security.md are generated from the expected answers. A mutation test
// breaks the policies one statement at a time and checks that an answer changes.
package access
