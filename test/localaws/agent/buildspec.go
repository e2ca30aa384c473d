package agent

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// buildspec is the part of a buildspec that this agent runs.
type buildspec struct {
	shell     string
	variables map[string]string
	exported  []string
	phases    map[string]phase
	reports   map[string]report
	graph     map[string]GraphBuild
}

type phase struct {
	Commands  []string
	Finally   []string
	OnFailure string
}

type report struct {
	Files         []string
	BaseDirectory string
	DiscardPaths  string
	FileFormat    string
}

// phaseNames are the phases of a buildspec in the order in which they run.
var phaseNames = []string{"install", "pre_build", "build", "post_build"}

// parse parses a buildspec. The error lists everything that CodeBuild would refuse or that this agent does
// not support.
func parse(text string) (*buildspec, error) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return nil, fmt.Errorf("agent: the buildspec is not YAML: %w", err)
	}
	if document.Kind != yaml.DocumentNode {
		return nil, errors.New("agent: the buildspec is empty")
	}
	p := &parser{}
	spec := p.buildspec(document.Content[0])
	return spec, errors.Join(p.problems...)
}

func (p *parser) buildspec(root *yaml.Node) *buildspec {
	spec := &buildspec{phases: map[string]phase{}, reports: map[string]report{}}
	top := p.mapping(root, "", keys{
		known:       []string{"version", "env", "phases", "reports", "batch"},
		unsupported: []string{"run-as", "proxy", "artifacts", "cache"},
	})
	if version := p.text(top["version"], "version"); version != "0.2" {
		p.problem(root, "version is %q: this agent supports 0.2", version)
	}
	p.env(spec, top["env"])
	spec.graph = p.batch(top["batch"])
	phases := p.mapping(top["phases"], "phases", keys{known: phaseNames})
	if len(phases) == 0 {
		p.problem(root, "phases is required")
	}
	for name, node := range phases {
		spec.phases[name] = p.phase("phases."+name, node)
	}
	for name, node := range p.mapping(top["reports"], "reports", keys{any: true}) {
		spec.reports[name] = p.report("reports."+name, node)
	}
	return spec
}

func (p *parser) env(spec *buildspec, node *yaml.Node) {
	env := p.mapping(node, "env", keys{
		known:       []string{"shell", "variables", "exported-variables"},
		unsupported: []string{"parameter-store", "secrets-manager", "git-credential-helper"},
	})
	spec.shell = "/bin/sh"
	if shell, ok := env["shell"]; ok {
		spec.shell = p.text(shell, "env.shell")
		if !slices.Contains([]string{"bash", "/bin/sh"}, spec.shell) {
			p.problem(shell, "env.shell is %q: on Linux, use bash or /bin/sh", spec.shell)
		}
	}
	spec.variables = map[string]string{}
	for name, value := range p.mapping(env["variables"], "env.variables", keys{any: true}) {
		if strings.HasPrefix(name, "CODEBUILD_") {
			p.problem(value, "env.variables.%s: names that start with CODEBUILD_ are reserved", name)
		}
		spec.variables[name] = p.text(value, "env.variables."+name)
	}
	spec.exported = p.texts(env["exported-variables"], "env.exported-variables")
	for _, name := range spec.exported {
		if strings.HasPrefix(name, "AWS_") {
			p.problem(env["exported-variables"], "env.exported-variables: %s cannot be exported, because its name starts with AWS_", name)
		}
	}
}

// retry matches the third form of on-failure: RETRY, RETRY-COUNT, RETRY-REGEX, RETRY-COUNT-REGEX.
var retry = regexp.MustCompile(`^RETRY(-|$)`)

func (p *parser) phase(path string, node *yaml.Node) phase {
	unsupported := []string{"run-as"}
	if path == "phases.install" {
		unsupported = append(unsupported, "runtime-versions")
	}
	fields := p.mapping(node, path, keys{known: []string{"commands", "finally", "on-failure"}, unsupported: unsupported})
	parsed := phase{
		Commands: p.texts(fields["commands"], path+".commands"),
		Finally:  p.texts(fields["finally"], path+".finally"),
	}
	if len(parsed.Commands) == 0 {
		p.problem(node, "%s.commands is required", path)
	}
	if rule, ok := fields["on-failure"]; ok {
		parsed.OnFailure = p.text(rule, path+".on-failure")
		switch {
		case parsed.OnFailure == "ABORT" || parsed.OnFailure == "CONTINUE":
		case retry.MatchString(parsed.OnFailure):
			p.problem(rule, "%s.on-failure: this agent does not support RETRY", path)
		default:
			p.problem(rule, "%s.on-failure is %q: use ABORT, CONTINUE or RETRY", path, parsed.OnFailure)
		}
	}
	return parsed
}

func (p *parser) report(path string, node *yaml.Node) report {
	fields := p.mapping(node, path, keys{known: []string{"files", "base-directory", "discard-paths", "file-format"}})
	parsed := report{
		Files:         p.texts(fields["files"], path+".files"),
		BaseDirectory: p.text(fields["base-directory"], path+".base-directory"),
		DiscardPaths:  p.text(fields["discard-paths"], path+".discard-paths"),
		FileFormat:    p.text(fields["file-format"], path+".file-format"),
	}
	if len(parsed.Files) == 0 {
		p.problem(node, "%s.files is required", path)
	}
	return parsed
}
