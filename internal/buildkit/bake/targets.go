package bake

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/layercache/layercache/internal/buildkit/buildx"
)

// Target is a target as `docker buildx bake --print` prints it.
type Target struct {
	Name          string             `json:"-"`
	Annotations   []string           `json:"annotations"`
	Attest        []option           `json:"attest"`
	Context       string             `json:"context"`
	Contexts      map[string]string  `json:"contexts"`
	Dockerfile    string             `json:"dockerfile"`
	Inline        string             `json:"dockerfile-inline"`
	Args          map[string]*string `json:"args"`
	Labels        map[string]*string `json:"labels"`
	Tags          []string           `json:"tags"`
	CacheFrom     []option           `json:"cache-from"`
	CacheTo       []option           `json:"cache-to"`
	Stage         string             `json:"target"`
	Secrets       []option           `json:"secret"`
	SSH           []agent            `json:"ssh"`
	Platforms     []string           `json:"platforms"`
	Outputs       []option           `json:"output"`
	Pull          bool               `json:"pull"`
	NoCache       bool               `json:"no-cache"`
	Network       string             `json:"network"`
	NoCacheFilter []string           `json:"no-cache-filter"`
	ShmSize       string             `json:"shm-size"`
	Ulimits       []string           `json:"ulimits"`
	Resources     map[string]any     `json:"resources"`
	Call          string             `json:"call"`
	Entitlements  []string           `json:"entitlements"`
	ExtraHosts    map[string]*string `json:"extra-hosts"`
	Policies      []policy           `json:"policy"`
}

// policy names the files of a source policy.
type policy struct{ Files []struct{ Filename string } }

// agent is an SSH agent, or keys.
type agent struct {
	ID    string
	Paths []string
}

// flag returns the value of --ssh.
func (a agent) flag() string {
	if len(a.Paths) == 0 {
		return a.ID
	}
	return a.ID + "=" + strings.Join(a.Paths, ",")
}

// option is a value that buildx prints as an object, in the form of the flag of `docker buildx build`.
type option string

// UnmarshalJSON reads an object or a text.
func (o *option) UnmarshalJSON(content []byte) error {
	var text string
	if json.Unmarshal(content, &text) == nil {
		*o = option(text)
		return nil
	}
	var attributes map[string]any
	if err := json.Unmarshal(content, &attributes); err != nil {
		return err
	}
	var fields []string
	for _, name := range slices.SortedFunc(maps.Keys(attributes), typeFirst) {
		fields = append(fields, fmt.Sprintf("%s=%v", name, attributes[name]))
	}
	*o = option(line(fields))
	return nil
}

func typeFirst(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "type":
		return -1
	case b == "type":
		return 1
	}
	return strings.Compare(a, b)
}

// line returns the fields as a line of CSV, the form that buildx reads.
func line(fields []string) string {
	var text bytes.Buffer
	writer := csv.NewWriter(&text)
	_ = writer.Write(fields)
	writer.Flush()
	return strings.TrimSuffix(text.String(), "\n")
}

// texts returns the values of options.
func texts(options []option) []string {
	var values []string
	for _, o := range options {
		values = append(values, string(o))
	}
	return values
}

// ReadTargets reads what `docker buildx bake --print` prints: the targets to build, and those that they take as a
// context, by name.
func ReadTargets(printed []byte) ([]Target, error) {
	var definition struct {
		Target map[string]Target `json:"target"`
	}
	if err := json.Unmarshal(printed, &definition); err != nil {
		return nil, fmt.Errorf("read the targets that docker buildx bake prints: %w", err)
	}
	var targets []Target
	for _, name := range slices.Sorted(maps.Keys(definition.Target)) {
		t := definition.Target[name]
		t.Name = name
		t.unescape()
		targets = append(targets, t)
	}
	return targets, nil
}

// escaped replaces what buildx escapes for HCL.
var escaped = strings.NewReplacer("$${", "${", "%%{", "%{")

func (t *Target) unescape() {
	t.Inline = escaped.Replace(t.Inline)
	for i, annotation := range t.Annotations {
		t.Annotations[i] = escaped.Replace(annotation)
	}
	for _, values := range []map[string]*string{t.Args, t.Labels, t.ExtraHosts} {
		for _, value := range values {
			if value != nil {
				*value = escaped.Replace(*value)
			}
		}
	}
}

// OwnCacheFrom returns the values of cache-from in the bake file.
func (t Target) OwnCacheFrom() []string { return texts(t.CacheFrom) }

// OwnCacheTo returns the values of cache-to in the bake file.
func (t Target) OwnCacheTo() []string { return texts(t.CacheTo) }

// WritesInlineCache reports whether buildx would write a cache into the image: because of an argument, or of cache-to.
func (t Target) WritesInlineCache() bool {
	if slices.ContainsFunc(t.OwnCacheTo(), IsInlineCache) {
		return true
	}
	value := t.Args[buildx.InlineCache]
	if value == nil {
		return false
	}
	asked, _ := strconv.ParseBool(*value)
	return asked
}

// IsInlineCache reports whether a value of cache-to writes the cache into the image.
func IsInlineCache(cacheTo string) bool {
	first, _, _ := strings.Cut(cacheTo, ",")
	return first == "type=inline"
}

// DeclaredOutputs returns the values of output in the bake file.
func (t Target) DeclaredOutputs() []string { return texts(t.Outputs) }

// BuildsImage reports whether the target is built, not only looked at.
func (t Target) BuildsImage() bool { return t.Call == "" || t.Call == "build" }

// SameSource reports whether a step of the same name is the same step in both targets: they have the same Dockerfile,
// contexts, arguments and platforms.
func (t Target) SameSource(other Target) bool {
	equal := func(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
	return t.Inline == other.Inline && t.Dockerfile == other.Dockerfile && t.Context == other.Context &&
		maps.Equal(t.Contexts, other.Contexts) && maps.EqualFunc(t.Args, other.Args, equal) && slices.Equal(t.Platforms, other.Platforms)
}

// DockerfilePath returns the Dockerfile's path as buildx reads it: relative to the working directory for a local
// context, as written for a remote context or an absolute path, "" for an inline Dockerfile.
func (t Target) DockerfilePath() string {
	if path, ok := strings.CutPrefix(t.Dockerfile, "cwd://"); ok {
		return filepath.Clean(path)
	}
	switch {
	case t.Inline != "":
		return ""
	case strings.Contains(t.Context, "://") || strings.Contains(t.Dockerfile, "://") || filepath.IsAbs(t.Dockerfile):
		return t.Dockerfile
	}
	return filepath.Join(t.Context, t.Dockerfile)
}

// BuildArgs returns the arguments of `docker buildx build` that build the target. dockerfile is the path of the
// Dockerfile; "" means the target's own.
func (t Target) BuildArgs(dockerfile string) []string {
	if dockerfile == "" {
		dockerfile = t.DockerfilePath()
	}
	var args []string
	flag := func(name string, values ...string) {
		for _, value := range values {
			if value != "" {
				args = append(args, "--"+name+"="+value)
			}
		}
	}
	pairs := func(name string, values map[string]*string) {
		for _, key := range slices.Sorted(maps.Keys(values)) {
			if values[key] != nil {
				flag(name, key+"="+*values[key])
			}
		}
	}
	flag("tag", t.Tags...)
	flag("file", dockerfile)
	flag("target", t.Stage)
	flag("platform", strings.Join(t.Platforms, ","))
	pairs("build-arg", t.Args)
	for _, name := range slices.Sorted(maps.Keys(t.Contexts)) {
		flag("build-context", name+"="+strings.TrimPrefix(t.Contexts[name], "cwd://"))
	}
	flag("cache-from", texts(t.CacheFrom)...)
	flag("cache-to", texts(t.CacheTo)...)
	flag("secret", texts(t.Secrets)...)
	for _, key := range t.SSH {
		flag("ssh", key.flag())
	}
	flag("output", texts(t.Outputs)...)
	flag("attest", texts(t.Attest)...)
	pairs("label", t.Labels)
	flag("annotation", t.Annotations...)
	flag("network", t.Network)
	flag("shm-size", t.ShmSize)
	flag("ulimit", t.Ulimits...)
	for _, key := range slices.Sorted(maps.Keys(t.Resources)) {
		flag("resource", fmt.Sprintf("%s=%v", key, t.Resources[key]))
	}
	pairs("add-host", t.ExtraHosts)
	flag("allow", t.Entitlements...)
	for _, p := range t.Policies {
		for _, file := range p.Files {
			flag("policy", line([]string{"filename=" + file.Filename}))
		}
	}
	flag("no-cache-filter", strings.Join(t.NoCacheFilter, ","))
	if t.NoCache {
		args = append(args, "--no-cache")
	}
	if t.Pull {
		args = append(args, "--pull")
	}
	return append(args, "--", t.Context)
}
