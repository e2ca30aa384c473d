package stacks_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "update the messages in testdata/messages")

// messagesFile is the name of the file with the messages of the configuration before it.
const messagesFile = "messages"

// Each archive in testdata/messages is a list of wrong configurations, each followed by its messages. The comment of an
// archive says what its configurations are about.
func TestTheMessagesOfWrongConfigurations(t *testing.T) {
	archives, err := filepath.Glob("testdata/messages/*.txtar")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, file := range archives {
		file, err := filepath.Abs(file)
		require.NoError(t, err)
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			inShop(t)
			var updated []txtar.File
			for i, c := range archive.Files {
				if c.Name == messagesFile {
					continue
				}
				require.False(t, names[c.Name], "two configurations are named %q", c.Name)
				names[c.Name] = true
				_, lines := read(t, string(c.Data))
				got := strings.Join(append(lines, ""), "\n")
				updated = append(updated, c, txtar.File{Name: messagesFile, Data: []byte(got)})
				if *update {
					continue
				}
				t.Run(c.Name, func(t *testing.T) {
					require.Less(t, i+1, len(archive.Files))
					next := archive.Files[i+1]
					require.Equal(t, messagesFile, next.Name, "the messages follow their configuration")
					assert.NotEmpty(t, lines, "a wrong configuration is accepted")
					assert.Equal(t, string(next.Data), got)
				})
			}
			if *update {
				require.NoError(t, os.WriteFile(file, txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: updated}), 0o600))
			}
		})
	}
	assert.GreaterOrEqual(t, len(names), 60)
}

// inShop changes to a new directory with the sources that the configurations name.
func inShop(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"api/Dockerfile": "FROM scratch\n",
		"shop/Dockerfile": "ARG BASE=debian:12\nFROM ${BASE} AS build\nARG VERSION\nARG FEATURES=all OPTIMIZE\nRUN make\n" +
			"FROM scratch AS release\nONBUILD ARG PLUGIN=none\nCOPY --from=build /shop /shop\n",
		"several/compose.yaml": "services:\n  api:\n    build: .\n",
		"broken/Dockerfile":    "FROM scratch\nCOPPY a b\n",
		"frontend/Dockerfile":  "# syntax=example.com/frontend:1\nwhatever\n",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
}

func TestTargetsAndArgumentsOfADockerfileAreAccepted(t *testing.T) {
	inShop(t)
	for name, build := range map[string]string{
		"a stage":                            `"source":{"directory":"shop"},"target":"release"`,
		"a stage in another case":            `"source":{"directory":"shop"},"target":"Release"`,
		"the number of a stage":              `"source":{"directory":"shop"},"target":"1"`,
		"declared arguments":                 `"source":{"directory":"shop"},"arguments":{"BASE":"x","VERSION":"x","FEATURES":"x","OPTIMIZE":"x"}`,
		"an argument of ONBUILD":             `"source":{"directory":"shop"},"arguments":{"PLUGIN":"x"}`,
		"arguments that need no declaration": `"source":{"directory":"shop"},"arguments":{"HTTP_PROXY":"x","no_proxy":"x","BUILDKIT_INLINE_CACHE":"1","SOURCE_DATE_EPOCH":"0","TARGETARCH":"arm64"}`,
		"a frontend that is not Docker's":    `"source":{"directory":"frontend"},"target":"x","arguments":{"A":"x"}`,
		"a repository, which is not here":    `"source":{"github":"acme/shop"},"target":"x","arguments":{"A":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := read(t, `{"builds":[{"name":"shop",`+build+`}]}`)
			assert.Empty(t, problems)
		})
	}
}

func TestAddressesOfRepositoriesAreAccepted(t *testing.T) {
	for _, c := range []struct{ name, source string }{
		{"owner and name", `"github":"acme/shop"`},
		{"the address of the page", `"github":"https://github.com/acme/shop"`},
		{"the address with a slash at the end", `"github":"https://github.com/acme/shop/"`},
		{"the address to clone from", `"github":"https://github.com/acme/shop.git"`},
		{"the address with www", `"github":"https://www.github.com/acme/shop"`},
		{"the address for SSH", `"github":"git@github.com:acme/shop.git"`},
		{"the address for SSH as a URL", `"github":"ssh://git@github.com/acme/shop.git"`},
		{"the address without a scheme", `"github":"github.com/acme/shop"`},
		{"a project in groups of groups", `"gitlab":"https://gitlab.com/acme/web/shop.git"`},
		{"a project in a group whose name has a dot", `"gitlab":"acme.web/team/shop"`},
		{"a project by its path", `"gitlab":"acme/web/shop"`},
		{"Bitbucket", `"bitbucket":"git@bitbucket.org:acme/shop.git"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := read(t, `{"builds":[{"name":"shop","source":{`+c.source+`}}]}`)
			assert.Empty(t, problems)
		})
	}
}

func TestADefaultPrefixIsFreeWithoutAPullThroughCache(t *testing.T) {
	inShop(t)
	_, problems := read(t, `{"name":"quay","pullThrough":{"enabled":false},"builds":[{"name":"shop","source":{"directory":"shop"},"imageName":"k8s/shop"}]}`)
	assert.Empty(t, problems)
}

func TestConnectionsThatWorkAreAccepted(t *testing.T) {
	for name, build := range map[string]string{
		"in the account and region of the builds":             `"account":"111111111111","region":"eu-west-1","connection":"arn:aws:codeconnections:eu-west-1:111111111111:connection/c"`,
		"in another region, which CodeBuild can use":          `"account":"111111111111","region":"eu-west-1","connection":"arn:aws:codeconnections:us-east-1:111111111111:connection/c"`,
		"in an account that is not known before deployment":   `"connection":"arn:aws:codeconnections:us-east-1:111111111111:connection/c"`,
		"in the opt-in region of the builds, for that region": `"account":"111111111111","region":"eu-south-1","connection":"arn:aws:codestar-connections:eu-south-1:111111111111:connection/c"`,
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t)
			cache := `"cache":{}`
			if strings.Contains(build, "region") {
				cache = `"cache":{"account":"111111111111","region":"eu-west-1"}`
			}
			_, problems := read(t, `{`+cache+`,"build":{`+build+`},"builds":[{"name":"shop","source":{"directory":"shop"}}]}`)
			assert.Empty(t, problems)
		})
	}
}

func TestARegionThatTheCDKDoesNotKnowIsAcceptedIfListed(t *testing.T) {
	inShop(t)
	_, problems := read(t, `{"newRegions":["eu-central-9"],"cache":{"account":"111111111111","region":"eu-central-9"},"build":{"account":"111111111111","region":"eu-central-9"},"builds":[{"name":"shop","source":{"directory":"shop"}}]}`)
	assert.Empty(t, problems)
}
