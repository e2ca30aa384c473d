// Package cache knows the layer caches of builds: the refs that name them, the buildx flags that read and write them,
// what a registry holds at a ref, and the record next to each cache. The record has the inputs of the build that wrote
// the cache and how long its steps took; from it a later build knows how much time the cached steps saved, why a step
// had to run, and whether there is anything new to export.
package cache

// MinBytesPerSecond is the minimum speed of what holds a cache or its mounts, in either direction. A slower registry or
// bucket counts as not answering.
const MinBytesPerSecond = 50_000
