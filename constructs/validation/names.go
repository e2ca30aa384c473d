package validation

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Names are the names that users write for the props of one construct, by the path of the prop without
// indexes, such as "Build.Secrets" for the key "secrets" of cdk.json. A program in Go writes the props
// themselves and has none.
type Names map[string]string

// namesContext is the key of the CDK context with the Names, by the Go type of a construct.
const namesContext = "layercache:names"

// SetNames makes Report and Named write the names of the user's configuration for the constructs below scope.
// names are by the type of the construct, such as "*imagebuild.ImageBuild". The scope must have no children
// yet.
func SetNames(scope constructs.Construct, names map[string]Names) {
	scope.Node().SetContext(jsii.String(namesContext), names)
}

// namesOf returns the names for the props of a construct, or nil.
func namesOf(construct constructs.IConstruct) Names {
	byType, _ := construct.Node().TryGetContext(jsii.String(namesContext)).(map[string]any)
	given, _ := byType[fmt.Sprintf("%T", construct)].(map[string]any)
	names := Names{}
	for prop, name := range given {
		names[prop], _ = name.(string)
	}
	return names
}

// Named returns the text of a message about a construct with the names that its user writes.
func Named(construct constructs.IConstruct, text string) string {
	return namesOf(construct).Text(text)
}

// Problem returns the problem with the names in place of the props.
func (n Names) Problem(p Problem) Problem {
	return Problem{Prop: n.Path(p.Prop), Wrong: n.Text(p.Wrong), Fix: n.Text(p.Fix)}
}

var segmentForm = regexp.MustCompile(`^([A-Za-z0-9]+)((?:\[(?:[0-9]+|"(?:[^"\\]|\\.)*")\])*)(?:\.|$)`)

// Path returns the path of a prop with names in place of props and with the same indexes. A part without a
// name stays as it is.
func (n Names) Path(path string) string {
	if len(n) == 0 {
		return path
	}
	var prop, name, found string
	for rest := path; rest != ""; {
		parts := segmentForm.FindStringSubmatch(rest)
		if parts == nil {
			return path
		}
		rest = rest[len(parts[0]):]
		prop = join(prop, parts[1])
		switch next := n[prop]; {
		case next == "":
			found = join(found, parts[1]) + parts[2]
		case name != "" && strings.HasPrefix(next, name+"."):
			found, name = found+strings.TrimPrefix(next, name)+parts[2], next
		default:
			found, name = next+parts[2], next
		}
	}
	return found
}

func join(path, segment string) string {
	if path == "" {
		return segment
	}
	return path + "." + segment
}

// wordForm matches a quotation, which stays as it is, or a word that can be the path of a prop.
var wordForm = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|(?:set by )?[A-Za-z_]+(?:\.[A-Z][A-Za-z]*)*`)

// fileName is a prop and also the name of a file, which messages mention more often.
const fileName = "Dockerfile"

// Text returns the text with names in place of whole words that are props. A prop of options is also known by
// its last part if no other prop has it.
func (n Names) Text(text string) string {
	if len(n) == 0 {
		return text
	}
	short := n.short()
	return wordForm.ReplaceAllStringFunc(text, func(word string) string {
		prop, setter := strings.CutPrefix(word, "set by ")
		name := cmp.Or(n[prop], short[prop])
		switch {
		case name == "" || prop == fileName && !setter:
			return word
		case setter:
			return "set by " + name
		}
		return name
	})
}

// short returns the names by the last part of the prop, where only one prop has it.
func (n Names) short() map[string]string {
	found := map[string]string{}
	for _, prop := range slices.Sorted(maps.Keys(n)) {
		last := prop[strings.LastIndex(prop, ".")+1:]
		if _, taken := found[last]; taken {
			found[last] = ""
			continue
		}
		found[last] = n[prop]
	}
	return found
}
