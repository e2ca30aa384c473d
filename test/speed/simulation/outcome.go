package main

// change is how a build's sources differ from those of its newest cache.
type change string

const (
	nothing      change = "nothing"
	source       change = "source"
	dependencies change = "dependencies"
	everything   change = "no cache yet"
)

// scope is where a build looks for caches.
type scope string

const (
	// mainBranch is the default branch.
	mainBranch scope = "main"
	// first is the first build of another branch, whose own cache does not exist yet.
	first scope = "first of a branch"
	// later is a later build of a branch, which has its own cache.
	later scope = "later on a branch"
)

// kind is a type of build; all builds of a kind send the same requests.
type kind struct {
	scope  scope
	change change
}

// kinds lists all kinds in the order of the tables.
var kinds = []kind{
	{mainBranch, everything}, {mainBranch, nothing}, {mainBranch, source}, {mainBranch, dependencies},
	{first, nothing}, {first, source}, {first, dependencies},
	{later, nothing}, {later, source}, {later, dependencies},
}

// writes reports whether the build exports its cache. A build whose inputs equal those of its own cache does
// not.
func (k kind) writes() bool { return k.change != nothing || k.scope == first }
