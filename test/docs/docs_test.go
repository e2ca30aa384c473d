// Package docs checks the documentation: links have targets, quoted messages exist in the program, and
// configurations are valid.
package docs

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/lint"
	"github.com/layercache/layercache/stacks"
	"github.com/layercache/layercache/test/kit/checkout"
)

// pages returns the Markdown files that git tracks or would add, by path from the root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	command := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md")
	command.Dir = checkout.Dir()
	output, err := command.Output()
	require.NoError(t, err)
	texts := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		text, err := fs.ReadFile(checkout.FS(), name)
		if os.IsNotExist(err) {
			continue // Deleted but not committed yet.
		}
		require.NoError(t, err)
		texts[name] = string(text)
	}
	require.NotEmpty(t, texts)
	return texts
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	block   = regexp.MustCompile("(?s)```.*?```")
)

func TestEveryLinkHasATarget(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, match := range link.FindAllStringSubmatch(block.ReplaceAllString(text, ""), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := page
			if target != "" {
				to = path.Join(path.Dir(page), target)
			}
			_, err := fs.Stat(checkout.FS(), to)
			assert.NoError(t, err, "%s links to %s", page, match[1])
			if anchor != "" && strings.HasSuffix(to, ".md") {
				assert.Contains(t, anchors(all[to]), anchor, "%s links to %s", page, match[1])
			}
		}
	}
}

// dropped matches the characters that GitHub removes from the anchor of a heading.
var dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func anchors(text string) []string {
	var all []string
	for _, match := range heading.FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-"))
	}
	return all
}

var (
	// quoted matches messages in the first column of a table. Texts of several words are messages of the
	// program, single words are names.
	quoted = regexp.MustCompile("(?m)^\\| (`[^|]*) \\|")
	code   = regexp.MustCompile("`([^`]+)`")
	joint  = regexp.MustCompile("[\"`] \\+\\s*[\"`]")
)

func TestTroubleshootingQuotesMessagesOfTheProgram(t *testing.T) {
	text := pages(t)["docs/troubleshooting.md"]
	source := sources(t)
	messages := 0
	for _, row := range quoted.FindAllStringSubmatch(text, -1) {
		for _, message := range code.FindAllStringSubmatch(row[1], -1) {
			if !strings.Contains(message[1], " ") || strings.HasPrefix(message[1], "cache ") {
				continue
			}
			messages++
			for part := range strings.SplitSeq(message[1], "…") {
				assert.True(t, strings.Contains(source, strings.TrimSpace(part)), "docs/troubleshooting.md quotes %q, which the program never prints", message[1])
			}
		}
	}
	assert.Greater(t, messages, 50)
}

// sources returns the text of the product's Go files, with concatenated strings joined.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{"bin", "constructs", "internal", "stacks"} {
		require.NoError(t, fs.WalkDir(checkout.FS(), folder, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := fs.ReadFile(checkout.FS(), path)
			all.Write(text)
			return err
		}))
	}
	return joint.ReplaceAllString(all.String(), "")
}

// configuration matches the value of the key layercache. The block may be a part of a list, so it may be indented.
var configuration = regexp.MustCompile("(?s)```json\n\\s*(\"layercache\": \\{.*?)```")

func TestConfigurationsOnPagesAreValid(t *testing.T) {
	all := pages(t)
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("../shop", 0o755))
	require.NoError(t, os.WriteFile("../shop/Dockerfile", []byte("FROM scratch\n"), 0o644))
	require.NoError(t, os.MkdirAll("test/demo/service", 0o755))
	require.NoError(t, os.WriteFile("test/demo/service/Dockerfile", []byte("FROM scratch\n"), 0o644))
	found := 0
	for page, text := range all {
		assert.NotContains(t, text, "```json\n{ \"layercache\"", "%s: leave out the outer braces, so that this test finds the configuration", page)
		for _, match := range configuration.FindAllStringSubmatch(text, -1) {
			found++
			var file map[string]any
			require.NoError(t, json.Unmarshal([]byte("{"+match[1]+"}"), &file), page)
			_, problems := stacks.ReadConfig(file[stacks.ContextKey])
			assert.Empty(t, problems, page)
		}
	}
	assert.GreaterOrEqual(t, found, 4)
}

var dockerfileBlock = regexp.MustCompile("(?s)```dockerfile\n(.*?)```")

func TestLintHasNothingAgainstDockerfilesOnPages(t *testing.T) {
	found := 0
	for page, text := range pages(t) {
		for _, match := range dockerfileBlock.FindAllStringSubmatch(text, -1) {
			found++
			source := match[1]
			if !strings.Contains(source, "FROM ") {
				source = "FROM debian:13\nWORKDIR /app\n" + source
			}
			findings, err := lint.Check([]byte(source), lint.Options{})
			require.NoError(t, err, "%s:\n%s", page, source)
			for _, finding := range findings {
				assert.Equal(t, lint.Info, finding.Level, "%s:\n%s\n%v", page, source, finding)
				assert.NotEqual(t, "install-without-cache-mount", finding.Rule, page)
			}
		}
	}
	assert.GreaterOrEqual(t, found, 6)
}
