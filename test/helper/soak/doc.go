// Package soak builds many applications many times against one registry, two at a time, while one in twenty
// requests to the cache fails: `go -C test test ./helper/soak` for a minute, `make soak` for longer. Every build
// must succeed, every image must equal the one built without a cache, and nothing may be left behind: no
// process, no mount, no file, and no growing memory.
//
// Only requests to the cache's repository fail. Those for images and base images are needed with or without a
// cache.
package soak
