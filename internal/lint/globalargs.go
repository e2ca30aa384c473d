package lint

import "github.com/moby/buildkit/frontend/dockerfile/shell"

// expand fills in the ARGs that stand before the first FROM. It is false where a value is only known in the build.
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
