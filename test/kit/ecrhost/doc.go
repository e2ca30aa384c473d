// Package ecrhost simulates a part of AWS on loopback: private registries under Amazon ECR's host names, with
// TLS and ECR's sign-in, and the APIs of ECR and STS that issue tokens and credentials. Programs of a Server
// do the same as in production: they resolve the host, verify a certificate, request a token and send it.
//
// The registries follow ECR's rules: a repository exists once it was created or pulled through, an image is
// imported when it is pulled by tag and not by digest, a tag can be immutable, a manifest is an image or an
// index of images, and each manifest counts as an image for lifecycle rules. They do not evaluate IAM
// policies: a list names the principals that may use a registry, and Config.Allow decides each of their
// requests.
//
// It needs Linux and root, because the names resolve through a mount namespace with its own /etc/hosts.
package ecrhost
