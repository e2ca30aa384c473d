package consumer

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// imports are the packages that the README's code may name.
var imports = map[string]string{
	"awscdk":      "github.com/aws/aws-cdk-go/awscdk/v2",
	"jsii":        "github.com/aws/jsii-runtime-go",
	"cacherepo":   modulePath + "/constructs/cacherepo",
	"imagebuild":  modulePath + "/constructs/imagebuild",
	"insight":     modulePath + "/constructs/insight",
	"lifecycle":   modulePath + "/constructs/lifecycle",
	"pullthrough": modulePath + "/constructs/pullthrough",
}

var composeBlock = regexp.MustCompile("(?s)## Compose it in a stack of your own\n.*?```go\n(.*?)```")

const mainFunction = `func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Platform"), nil)
%s
	app.Synth(nil)
}
`

// program is the README's code as a program: as it is if it is one, or else in
// a main function that makes the stack.
func program(t *testing.T, readme string) string {
	t.Helper()
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	block := composeBlock.FindSubmatch(text)
	require.NotNil(t, block, "the README has no Go code under \"Compose it in a stack of your own\"")
	code := string(block[1])
	if strings.HasPrefix(code, "package main") {
		return code
	}
	body := fmt.Sprintf(mainFunction, code)
	var used []string
	for name, path := range imports {
		if strings.Contains(body, name+".") {
			used = append(used, fmt.Sprintf("\t%q\n", path))
		}
	}
	slices.Sort(used)
	return "package main\n\nimport (\n" + strings.Join(used, "") + ")\n\n" + body
}
