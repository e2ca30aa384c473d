package lint

import "github.com/moby/buildkit/frontend/dockerfile/shell"

// expand replaces the ARGs before the first FROM. It returns false when a value is known only during the
// build.
func (d *dockerfile) expand(word string) (string, bool) {
	expanded, unset, err := shell.NewLex(d.escape).ProcessWord(word, globalArgs(d.args))
	return expanded, err == nil && len(unset) == 0
}

type globalArgs map[string]string

func (g globalArgs) Get(name string) (string, bool) {
	value, ok := g[name]
	return value, ok
}

func (g globalArgs) Keys() []string {
	var keys []string
	for name := range g {
		keys = append(keys, name)
	}
	return keys
}
