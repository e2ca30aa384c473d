package main

// change is what a build's sources differ in from those that its newest cache was made from.
type change string

const (
	nothing      change = "nothing"
	source       change = "source"
	dependencies change = "dependencies"
	everything   change = "no cache yet"
)

// scope is where a build finds caches.
type scope string

const (
	// mainBranch is the default branch, which has one import.
	mainBranch scope = "main"
	// first is the first build of another branch: its own cache is not there.
	first scope = "first of a branch"
	// later builds of a branch find their own cache and main's.
	later scope = "later on a branch"
)

// kind is a kind of build; all builds of a kind ask the registry for the same.
type kind struct {
	scope  scope
	change change
}

// kinds are all of them, in the order of the tables.
var kinds = []kind{
	{mainBranch, everything}, {mainBranch, nothing}, {mainBranch, source}, {mainBranch, dependencies},
	{first, nothing}, {first, source}, {first, dependencies},
	{later, nothing}, {later, source}, {later, dependencies},
}

// writes tells whether the build exports its cache: one that was given what its own cache was made from leaves that out.
func (k kind) writes() bool { return k.change != nothing || k.scope == first }
