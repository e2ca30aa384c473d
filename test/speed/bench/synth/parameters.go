package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/lifecycle"
)

// parameters are the input of both apps, a JSON file.
type parameters struct {
	Builds int `json:"builds"`
	// PerStack keeps a stack below CloudFormation's limit of 500 resources.
	PerStack int `json:"perStack"`
	// Source is a directory with a Dockerfile, Helper a zip.
	Source string `json:"source"`
	Helper string `json:"helper"`
	// The other fields are texts that the constructs put into templates themselves.
	BuildSpec string            `json:"buildSpec"`
	Upstreams map[string]string `json:"upstreams"`
	Rules     map[string]string `json:"rules"`
}

// writeParameters writes the files that the apps need, and their parameters, below dir. It returns the path
// of the parameters.
func writeParameters(dir string, builds int) (string, error) {
	p := parameters{
		Builds: builds, PerStack: 50,
		Source: filepath.Join(dir, "shop"), Helper: filepath.Join(dir, "helper.zip"),
		BuildSpec: buildspecs.Image,
		Upstreams: map[string]string{"ecr-public": "public.ecr.aws", "k8s": "registry.k8s.io", "quay": "quay.io"},
		Rules:     map[string]string{},
	}
	for name, rules := range map[string]*[]*lifecycle.Rule{
		"cache": lifecycle.CacheRules(), "image": lifecycle.ImageRules(), "pullThrough": lifecycle.PullThroughRules(),
	} {
		text, problems := lifecycle.Render(name, rules)
		if len(problems) > 0 {
			return "", fmt.Errorf("lifecycle rules: %v", problems)
		}
		p.Rules[name] = text
	}
	text, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(p.Source, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "parameters.json")
	for name, content := range map[string][]byte{
		filepath.Join(p.Source, "Dockerfile"): []byte("FROM scratch\n"), p.Helper: []byte("a zip that is not opened"), path: text,
	} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return "", err
		}
	}
	return path, nil
}
