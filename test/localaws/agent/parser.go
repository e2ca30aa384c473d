package agent

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// parser parses a buildspec's YAML and collects every problem with its line.
type parser struct {
	problems []error
}

// keys are the keys that a mapping may have.
type keys struct {
	known []string
	// unsupported are keys of CodeBuild that this agent does not support.
	unsupported []string
	// any means that the user can choose the keys.
	any bool
}

func (p *parser) problem(node *yaml.Node, format string, args ...any) {
	line := 1
	if node != nil {
		line = node.Line
	}
	p.problems = append(p.problems, fmt.Errorf("agent: buildspec line %d: %s", line, fmt.Sprintf(format, args...)))
}

// mapping returns the values of the node by key. The node may be nil.
func (p *parser) mapping(node *yaml.Node, path string, allowed keys) map[string]*yaml.Node {
	if node == nil {
		return nil
	}
	if node = resolve(node); node.Kind != yaml.MappingNode {
		p.problem(node, "%s is not a mapping", named(path))
		return nil
	}
	values := map[string]*yaml.Node{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		full := key.Value
		if path != "" {
			full = path + "." + key.Value
		}
		switch {
		case values[key.Value] != nil:
			p.problem(key, "%s is given twice", full)
		case allowed.any || slices.Contains(allowed.known, key.Value):
			values[key.Value] = resolve(value)
		case slices.Contains(allowed.unsupported, key.Value):
			p.problem(key, "%s is a feature of CodeBuild that this agent does not have", full)
		default:
			p.problem(key, "%s is not a key of a buildspec", full)
		}
	}
	return values
}

// text returns the text of a scalar node, or "" if the node is nil.
func (p *parser) text(node *yaml.Node, path string) string {
	if node == nil {
		return ""
	}
	if node.Kind != yaml.ScalarNode {
		p.problem(node, "%s is not a string (quote a text that contains a colon and a space, or YAML reads it as a mapping)", path)
		return ""
	}
	return node.Value
}

func (p *parser) texts(node *yaml.Node, path string) []string {
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		p.problem(node, "%s is not a list", path)
		return nil
	}
	texts := make([]string, len(node.Content))
	for i, item := range node.Content {
		texts[i] = p.text(resolve(item), fmt.Sprintf("%s[%d]", path, i))
	}
	return texts
}

// resolve follows a YAML alias to its anchor.
func resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func named(path string) string {
	if path == "" {
		return "the buildspec"
	}
	return path
}
