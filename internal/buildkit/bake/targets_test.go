package bake

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// printed is what buildx v0.38.2 and v0.32.1 print for a target with every kind of value.
const printed = `{
  "group": {"default": {"targets": ["a"]}},
  "target": {
    "b": {"context": "services/b", "dockerfile": "Dockerfile"},
    "a": {
      "annotations": ["k=v"], "attest": [{"mode": "max", "type": "provenance"}, {"disabled": "true", "type": "sbom"}],
      "context": ".", "contexts": {"c": "docker-image://alpine", "e": "cwd://y", "b": "target:b"}, "dockerfile": "cwd://Dockerfile",
      "dockerfile-inline": "FROM x\nRUN echo $${HOME} %%{y}", "args": {"A": null, "B": "", "C": "$${x}"}, "labels": {"org.x": "v"}, "target": "last",
      "tags": ["h/a:1"], "cache-from": [{"ref": "h/own", "type": "registry"}], "cache-to": [{"type": "inline"}],
      "secret": [{"id": "k", "src": "/etc/k"}, {"id": "E", "env": "HOME"}, {"id": "n"}], "ssh": [{"id": "default"}, {"id": "key", "paths": ["/a", "/b"]}],
      "platforms": ["linux/amd64", "linux/arm64"], "output": [{"dest": "out,1", "type": "local"}, {"name": "h/b", "push": "true", "type": "image"}],
      "pull": true, "no-cache": true, "network": "host", "no-cache-filter": ["s1", "s2"], "shm-size": "1m", "ulimits": ["nofile=1:2"],
      "resources": {"cpu-shares": 5}, "entitlements": ["network.host"], "extra-hosts": {"h": "1.2.3.4"},
      "policy": [{"Files": [{"Filename": "p.rego", "Data": null}], "Reset": false}]
    }
  }
}`

func TestReadTargets(t *testing.T) {
	targets, err := ReadTargets([]byte(printed))
	require.NoError(t, err)
	require.Len(t, targets, 2)
	a, b := targets[0], targets[1]
	assert.Equal(t, "FROM x\nRUN echo ${HOME} %{y}", a.Inline, "buildx escapes it for HCL")
	assert.Equal(t, []string{
		"--tag=h/a:1", "--file=Dockerfile", "--target=last", "--platform=linux/amd64,linux/arm64", "--build-arg=B=", "--build-arg=C=${x}",
		"--build-context=b=target:b", "--build-context=c=docker-image://alpine", "--build-context=e=y",
		"--cache-from=type=registry,ref=h/own", "--cache-to=type=inline",
		"--secret=id=k,src=/etc/k", "--secret=env=HOME,id=E", "--secret=id=n", "--ssh=default", "--ssh=key=/a,/b",
		`--output=type=local,"dest=out,1"`, "--output=type=image,name=h/b,push=true",
		"--attest=type=provenance,mode=max", "--attest=type=sbom,disabled=true", "--label=org.x=v", "--annotation=k=v",
		"--network=host", "--shm-size=1m", "--ulimit=nofile=1:2", "--resource=cpu-shares=5", "--add-host=h=1.2.3.4", "--allow=network.host",
		"--policy=filename=p.rego", "--no-cache-filter=s1,s2", "--no-cache", "--pull", "--", ".",
	}, a.BuildArgs(""))
	assert.Equal(t, []string{"--file=services/b/Dockerfile", "--", "services/b"}, b.BuildArgs(""))
	assert.Equal(t, "/tmp/D", b.withFile(t, "/tmp/D"))
}

func (t Target) withFile(test *testing.T, path string) string {
	args := t.BuildArgs(path)
	require.NotEmpty(test, args)
	return args[0][len("--file="):]
}

func TestReadTargetsOfAnotherForm(t *testing.T) {
	_, err := ReadTargets([]byte("not JSON"))
	assert.ErrorContains(t, err, "read the targets that docker buildx bake prints")
	targets, err := ReadTargets([]byte(`{"target":{"a":{"context":"https://example.com/x.git","dockerfile":"Dockerfile","output":["type=registry"]}}}`))
	require.NoError(t, err)
	assert.Equal(t, []string{"type=registry"}, targets[0].DeclaredOutputs(), "older versions print texts")
	assert.Equal(t, "Dockerfile", targets[0].DockerfilePath(), "it is in the remote context")
}

func TestInlineCaches(t *testing.T) {
	value := func(text string) map[string]*string { return map[string]*string{"BUILDKIT_INLINE_CACHE": &text} }
	for _, c := range []struct {
		args map[string]*string
		want bool
	}{
		{nil, false}, {map[string]*string{"BUILDKIT_INLINE_CACHE": nil}, false},
		{value("1"), true}, {value("true"), true}, {value("0"), false}, {value(""), false}, {value("yes"), false},
	} {
		assert.Equal(t, c.want, Target{Args: c.args}.WritesInlineCache(), "as buildx reads it: %v", c.args)
	}
	assert.True(t, Target{CacheTo: []option{"type=registry,ref=h/own", "type=inline"}}.WritesInlineCache())
	assert.True(t, IsInlineCache("type=inline"))
	assert.True(t, IsInlineCache("type=inline,x=y"))
	assert.False(t, IsInlineCache("type=registry,ref=h/inline"))
	assert.False(t, IsInlineCache("inline"), "a reference")
}

func TestSameSource(t *testing.T) {
	one, two := "1", "2"
	target := Target{Context: ".", Dockerfile: "Dockerfile", Args: map[string]*string{"V": &one}}
	other := target
	other.Stage, other.Tags = "web", []string{"x"}
	assert.True(t, target.SameSource(other), "another stage of the same Dockerfile")
	other.Args = map[string]*string{"V": &two}
	assert.False(t, target.SameSource(other), "other arguments")
	other.Args = map[string]*string{"V": nil}
	assert.False(t, target.SameSource(other), "an argument without a value")
}
