// Package template reads a synthesized CDK app (cdk.out) and returns its CodeBuild projects as CloudFormation
// would create them: buildspec, environment variables and sources, with every intrinsic function evaluated
// and every asset resolved to its file. It needs no AWS account: an account or region that the app leaves
// open gets a made-up value.
package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// The account and region of a stack that names none.
const (
	MadeUpAccount = "111122223333"
	MadeUpRegion  = "eu-central-1"
)

// App is a synthesized app: the stacks of a cloud assembly and of the assemblies nested in it.
type App struct {
	stacks []*stack
}

// stack is one CloudFormation template and where it is deployed.
type stack struct {
	name     string
	env      environment
	template templateFile
	assets   []asset
	// deployed holds physical names by logical ID.
	deployed map[string]string
	// answers holds the attributes of custom resources by logical ID.
	answers map[string]map[string]string
}

type templateFile struct {
	Parameters map[string]struct {
		Default any `json:"Default"`
	} `json:"Parameters"`
	Resources map[string]resource `json:"Resources"`
	Outputs   map[string]output   `json:"Outputs"`
}

type resource struct {
	Type       string         `json:"Type"`
	Properties map[string]any `json:"Properties"`
}

type output struct {
	Value  any `json:"Value"`
	Export struct {
		Name any `json:"Name"`
	} `json:"Export"`
}

// manifest holds the parts of a cloud assembly's manifest.json that this package needs.
// https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html
type manifest struct {
	Artifacts map[string]struct {
		Type        string `json:"type"`
		Environment string `json:"environment"`
		Properties  struct {
			TemplateFile  string `json:"templateFile"`
			StackName     string `json:"stackName"`
			DirectoryName string `json:"directoryName"`
			File          string `json:"file"`
		} `json:"properties"`
	} `json:"artifacts"`
}

// Load reads the cloud assembly that `cdk synth` wrote to dir.
func Load(dir string) (*App, error) {
	app := &App{}
	if err := app.load(dir); err != nil {
		return nil, err
	}
	if len(app.stacks) == 0 {
		return nil, fmt.Errorf("template: %s has no stack: run `npx cdk synth` first", dir)
	}
	return app, nil
}

func (a *App) load(dir string) error {
	var m manifest
	if err := readJSON(filepath.Join(dir, "manifest.json"), &m); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("template: %s is not a synthesized CDK app (no manifest.json): run `npx cdk synth` first", dir)
		}
		return err
	}
	var assets []asset
	for _, id := range sortedKeys(m.Artifacts) {
		artifact := m.Artifacts[id]
		var err error
		switch artifact.Type {
		case "aws:cloudformation:stack":
			err = a.loadStack(dir, id, artifact.Environment, artifact.Properties.TemplateFile, artifact.Properties.StackName)
		case "cdk:cloud-assembly":
			err = a.load(filepath.Join(dir, artifact.Properties.DirectoryName))
		case "cdk:asset-manifest":
			var found []asset
			found, err = loadAssets(dir, artifact.Properties.File)
			assets = append(assets, found...)
		}
		if err != nil {
			return err
		}
	}
	for _, s := range a.stacks {
		s.assets = append(s.assets, assets...)
	}
	return nil
}

func (a *App) loadStack(dir, id, where, file, name string) error {
	if name == "" {
		name = id
	}
	s := &stack{name: name}
	var err error
	if s.env, err = parseEnvironment(where); err != nil {
		return fmt.Errorf("template: stack %s: %w", name, err)
	}
	if err := readJSON(filepath.Join(dir, file), &s.template); err != nil {
		return err
	}
	a.stacks = append(a.stacks, s)
	return nil
}

var environmentForm = regexp.MustCompile(`^aws://([^/]+)/([^/]+)$`)

// parseEnvironment parses aws://ACCOUNT/REGION from a manifest, where either part may be unknown.
func parseEnvironment(where string) (environment, error) {
	match := environmentForm.FindStringSubmatch(where)
	if match == nil {
		return environment{}, fmt.Errorf("environment %q in manifest.json is not of the form aws://ACCOUNT/REGION", where)
	}
	env := environment{Account: match[1], Region: match[2]}
	if env.Account == "unknown-account" {
		env.Account = MadeUpAccount
	}
	if env.Region == "unknown-region" {
		env.Region = MadeUpRegion
	}
	return env, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("template: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("template: %s does not have the expected JSON: %w", path, err)
	}
	return nil
}
