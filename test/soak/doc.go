// Package soak builds many applications many times against one registry, two at a time, while one request in twenty to the cache goes
// wrong: `go -C test test ./soak` for a minute, `make soak` for longer. No build may fail, no image may differ from the one that is built
// without a cache, and nothing may be left: no process, no mount, no file, and no memory that grows.
//
// Faults strike the requests to the cache's repository alone. Those to the image's and to the base's are the build's own, cache or none.
package soak
