// Package faults breaks what a build depends on, at every point where it can break, and looks at what becomes of the build:
// the image, the exit status, the verdict, the time, what is left on the machine, and the cache that the next build finds.
// docs/evidence/reliability.md is the matrix of what it saw.
//
// BuildKit and the registry are real. Between them stands a front of each cell's own, which misbehaves on request. The
// helper runs in a mount namespace where names, the trusted certificate and the builder's folder are the cell's own.
package faults
