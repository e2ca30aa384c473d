package buildx

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPathsInTheArguments(t *testing.T) {
	cases := []struct {
		name      string
		arguments []string
		want      []string
	}{
		{"a build context", []string{"--push", "app"}, []string{"app"}},
		{"a build context after --", []string{"--push", "--", "app"}, []string{"app"}},
		{"a URL", []string{"https://example.com/shop.git"}, nil},
		{"the standard input", []string{"-"}, nil},
		{"the file of a secret", []string{"--secret", "id=a,src=x"}, []string{"x"}},
		{"the file of a secret, given as source", []string{"--secret=type=file,id=a,source=x"}, []string{"x"}},
		{"a secret from a variable", []string{"--secret=id=a,env=HOME"}, nil},
		{"a secret of type env, whose source is a variable", []string{"--secret=type=env,id=a,src=HOME"}, nil},
		{"a secret with the name of a variable", []string{"--secret=id=SET"}, nil},
		{"a secret without a file and without a variable of its name", []string{"--secret=id=a"}, []string{"a"}},
		{"SSH keys", []string{"--ssh=default=x,y", "--ssh=other"}, []string{"x", "y"}},
		{"a named context", []string{"--build-context=lib=x"}, []string{"x"}},
		{"a named context that is an image", []string{"--build-context=lib=docker-image://alpine"}, nil},
		{"a named context that is an OCI layout", []string{"--build-context=lib=oci-layout://x:tag@sha256:1"}, []string{"layout x"}},
		{"an output", []string{"-o", "x"}, []string{"x"}},
		{"an output with a type", []string{"--output=type=tar,dest=x"}, []string{"x"}},
		{"an output that may be an OCI layout", []string{"--output=type=oci,tar=false,dest=x"}, []string{"layout x"}},
		{"an output to the standard output", []string{"-o-"}, nil},
		{"local caches", []string{"--cache-from=type=local,src=x", "--cache-to=type=local,dest=y"}, []string{"layout x", "layout y"}},
		{"a metadata file and an image ID file", []string{"--metadata-file=x", "--iidfile", "y"}, []string{"x", "y"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, path := range ParseArgs(c.arguments).Paths(func(variable string) bool { return variable == "SET" }) {
				value := path.Value
				if path.IsLayout {
					value = "layout " + value
				}
				got = append(got, value)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestPoliciesInTheArguments(t *testing.T) {
	args := ParseArgs([]string{"--policy=reset=true,filename=a.rego", "--policy", "filename=cwd://b.rego,strict=true", "."})
	assert.Equal(t, []string{"a.rego", "cwd://b.rego"}, args.Policies())
}
