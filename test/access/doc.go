// Package access decides who may do what with what the examples make: every
// principal by every action by every resource. What is expected is written down
// in expected/; what holds is decided by @cloud-copilot/iam-simulate from the
// synthesized identity, resource and trust policies. docs/security.md is
// generated from it, and a mutation test breaks the policies one by one.
package access
