// Package faults breaks the things that a build depends on, at every point where they can break, and checks
// the result of the build: the image, the exit status, the verdict, the time, leftovers on the machine, and
// the cache that the next build finds. The matrix of results is docs/evidence/reliability.md.
//
// BuildKit and the registry are real. Each cell has its own front between them, which misbehaves on request.
// The helper runs in a mount namespace with its own host names, trusted certificate and builder's folder.
package faults
