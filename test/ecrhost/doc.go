// Package ecrhost is a piece of AWS on loopback: private registries under Amazon ECR's own host names, with TLS and ECR's
// sign-in, and the two APIs that hand out what signs in, ECR's and STS's. Programs that run in its world take the path that
// they take in production: they look the host up, trust a certificate, ask for a token and show it.
//
// The registries keep ECR's rules: a repository is there once it was created, or pulled through; a tag may be fixed; a manifest is
// an image's or an index of such. IAM is not among them: who is let in to a registry is a list, and what they may do there is for the
// caller to decide, request by request.
//
// It needs Linux and root: names are made to resolve by a mount namespace with an /etc/hosts of its own.
package ecrhost
