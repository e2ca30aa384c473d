package stacks

import (
	"cmp"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
	"github.com/layercache/layercache/internal/variables"
)

// propsWithoutKey are the props that no key sets, with the reason.
var propsWithoutKey = map[string]string{
	"Cache":                          "the tier of the place",
	"PullThrough":                    "pullThrough, for all builds of a place",
	"EncryptionKey":                  "encryptionKey of the place, because a key is in one account and region",
	"RolePath":                       "the policies of caches in other accounts trust this path",
	"PullRequests.Cache":             "the pullRequestTier of the place",
	"PullRequests.RolePath":          "the policies of caches in other accounts trust this path",
	"Triggers":                       "its props have keys",
	"Triggers.BaseImages.Repository": "the part of baseImages before the colon",
	"Triggers.BaseImages.Tag":        "the part of baseImages after the colon",
	"Build":                          "its props have keys",

	"Prewarm.PullThrough": "pullThrough, which holds prewarm",

	"Insight.Apps":         "the builds that write to the namespace",
	"Insight.Apps.Name":    "the app of the build",
	"Insight.Apps.Label":   "an app has one name in a configuration",
	"Insight.Apps.Account": "each account has its own dashboard",
	"Insight.Apps.Region":  "each region has its own dashboard",
	"Insight.Apps.Alarms":  "alarms are on or off for all builds",
	"Insight.AlarmActions": "alarmTopics of the place, because a topic is in one account and region",
}

// propsOf returns the paths of the props of a struct, and of the structs of its package in it.
func propsOf(props reflect.Type, prefix string) []string {
	for props.Kind() == reflect.Pointer || props.Kind() == reflect.Slice || props.Kind() == reflect.Map {
		props = props.Elem()
	}
	if props.Kind() != reflect.Struct || !strings.Contains(props.PkgPath(), "/layercache/constructs/") {
		return nil
	}
	var all []string
	for field := range fieldsOf(props) {
		if field.IsExported() {
			all = append(append(all, prefix+field.Name), propsOf(field.Type, prefix+field.Name+".")...)
		}
	}
	return all
}

func TestEveryPropHasAKeyOrAReason(t *testing.T) {
	props := map[string]bool{}
	for prefix, options := range map[string][]reflect.Type{
		"":         {reflect.TypeFor[imagebuild.ImageBuildProps]()},
		"Source.":  {reflect.TypeFor[imagebuild.GitOptions](), reflect.TypeFor[imagebuild.CodeCommitOptions](), reflect.TypeFor[imagebuild.DirectoryOptions]()},
		"Prewarm.": {reflect.TypeFor[pullthrough.PrewarmProps]()},
		"Insight.": {reflect.TypeFor[insight.InsightProps]()},
	} {
		for _, of := range options {
			for _, prop := range propsOf(of, prefix) {
				props[prop] = true
			}
		}
	}
	keys := namesOf(reflect.TypeFor[BuildConfig]())
	for prefix, of := range map[string]reflect.Type{"Prewarm.": reflect.TypeFor[PrewarmConfig](), "Insight.": reflect.TypeFor[DashboardConfig]()} {
		for prop, key := range namesOf(of) {
			keys[prefix+prop] = key
		}
	}
	for prop := range props {
		_, hasReason := propsWithoutKey[prop]
		assert.NotEqual(t, keys[prop] != "", hasReason, "%s needs a key in cdk.json, or a reason in propsWithoutKey", prop)
	}
	for prop, key := range keys {
		assert.True(t, props[prop], "%s sets %s, which is no prop", key, prop)
	}
	for prop := range propsWithoutKey {
		assert.True(t, props[prop], "%s is no prop", prop)
	}
}

// configurationsWithEveryKey returns the configurations that use every key, as test/constructs/configuration
// checks.
func configurationsWithEveryKey(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "keys", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var config map[string]any
		require.NoError(t, json.Unmarshal(text, &config), file)
		all[filepath.Base(file)] = config
	}
	return all
}

// inProjectOfKeys changes to a directory with the files that the configurations name.
func inProjectOfKeys(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("service", 0o700))
	for _, name := range []string{"service/Dockerfile", "helper.zip"} {
		require.NoError(t, os.WriteFile(name, []byte("FROM scratch\n"), 0o600))
	}
}

func TestEveryKeyOfABuildSetsItsProp(t *testing.T) {
	configurations := configurationsWithEveryKey(t)
	inProjectOfKeys(t)
	for name, text := range configurations {
		config, problems := ReadConfig(text)
		require.Empty(t, problems, name)
		for _, p := range config.places() {
			stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Stack"), &awscdk.StackProps{Env: environment(p.account, p.region)})
			for i, build := range text["builds"].([]any) {
				b := config.Builds[i]
				props := config.builds(p, config.Builds)[b.Name]
				b.addImports(constructs.NewConstruct(stack, &b.Name), p, &props)
				assertPropsOfKeys(t, build.(map[string]any), reflect.ValueOf(b), reflect.ValueOf(props), p.key+" "+b.Name)
			}
		}
	}
}

// assertPropsOfKeys checks that the prop of each key in the text is set.
func assertPropsOfKeys(t *testing.T, text map[string]any, config, props reflect.Value, at string) {
	t.Helper()
	for field := range fieldsOf(config.Type()) {
		prop, value := field.Tag.Get("prop"), text[field.Tag.Get("json")]
		if prop == "" || value == nil || value == false {
			continue
		}
		if strings.HasPrefix(prop, "PullRequests") && props.FieldByName("PullRequests").IsNil() {
			// The place does not build pull requests.
			continue
		}
		set := props
		for _, name := range strings.Split(prop, ".") {
			require.False(t, set.IsZero(), "%s: %s sets %s", at, field.Tag.Get("json"), prop)
			if set.Kind() == reflect.Pointer {
				set = set.Elem()
			}
			set = set.FieldByName(name)
		}
		assert.False(t, set.IsZero(), "%s: %s sets %s", at, field.Tag.Get("json"), prop)
	}
}

// The schema offers the values of the tag "enum", so the constructs must take each of them.
func TestTheConstructsTakeTheValuesOfEveryKey(t *testing.T) {
	inProjectOfKeys(t)
	for field := range fieldsOf(reflect.TypeFor[BuildConfig]()) {
		key, values := field.Tag.Get("json"), strings.Fields(field.Tag.Get("enum"))
		if len(values) == 0 {
			continue
		}
		for _, value := range append(slices.Clone(values), "unheard-of") {
			build := map[string]any{"name": "api", "source": map[string]any{"github": "acme/api"}, "webhook": true, key: value, "helperZip": "helper.zip"}
			_, problems := ReadConfig(map[string]any{"builds": []any{build}})
			unknown := slices.ContainsFunc(problems, func(p validation.Problem) bool { return p.Prop == "layercache.builds[0]."+key })
			assert.Equal(t, value == "unheard-of", unknown, "%s: %q: %v", key, value, problems)
		}
	}
}

func TestMessagesNameKeysWhereAConfigurationSetsTheProps(t *testing.T) {
	inProjectOfKeys(t)
	config, problems := ReadConfig(map[string]any{"builds": []any{
		map[string]any{"name": "api", "source": map[string]any{"directory": "service"}, "app": "shop", "helperZip": "helper.zip"},
		map[string]any{"name": "local", "source": map[string]any{"directory": "service"}, "cacheMode": "local", "computeType": "X2_LARGE", "helperZip": "helper.zip"},
		map[string]any{
			"name": "pulls", "source": map[string]any{"github": "acme/shop"}, "webhook": true, "pullRequestFirstPulls": true,
			"imageRepository": "layercache/pulls", "pullRequestImageRepository": "layercache/pulls", "helperZip": "helper.zip",
		},
		map[string]any{"name": "notes", "source": map[string]any{"github": "acme/shop"}, "webhook": true, "extra": []any{"--label=a=b"}, "environment": map[string]any{"A": "b"}, "helperZip": "helper.zip"},
	}, "pullThrough": map[string]any{"prewarm": map[string]any{"images": []any{"registry.example.com/a:1"}, "helperZip": "helper.zip"}}})
	require.Empty(t, problems)
	app := awscdk.NewApp(nil)
	config.AddTo(app)
	var messages []string
	for _, node := range *app.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		for _, entry := range *node.Node().Metadata() {
			if text, isText := (*entry).Data.(string); isText && slices.Contains([]string{"aws:cdk:error", "aws:cdk:warning", "aws:cdk:info"}, *entry.Type) {
				messages = append(messages, text)
			}
		}
	}
	assert.Equal(t, []string{
		`layercache-build/Prewarm: layercache.pullThrough.prewarm.images[0]: "registry.example.com/a:1" is on registry.example.com, which is not an upstream of this cache; use one of public.ecr.aws, registry.k8s.io, quay.io, or add the upstream`,
		`layercache-build/local: computeType: is BUILD_GENERAL1_2XLARGE, where CodeBuild has no local cache, so cacheMode "local" keeps nothing; use cacheMode "registry", or leave it out`,
		"builds of pull requests do not get environment; set pullRequestEnvironment to the values that they need, or to an empty value",
		"builds of pull requests do not get extra; set pullRequestExtra to the values that they need, or to an empty value",
		"layercache-build/pulls: pullRequestImageRepository: is the image repository of release builds, where a pull request could replace a release; use another repository, or leave it out",
	}, messages)
}

// An object that has none of the keys of the others gets each of them, as it is written there.
func TestAKeyOfAnotherObjectIsToldItsPlace(t *testing.T) {
	places := map[string][]string{}
	visitObjects(reflect.TypeFor[Config](), "", func(place string, object reflect.Type) {
		for field := range fieldsOf(object) {
			key := field.Tag.Get("json")
			places[key] = append(places[key], cmp.Or(place, "the top level of layercache"))
		}
	})
	require.Greater(t, len(places), 100)
	misplaced := 0
	visitObjects(reflect.TypeFor[Config](), "", func(at string, object reflect.Type) {
		own, other := map[string]bool{}, ""
		for field := range fieldsOf(object) {
			own[field.Tag.Get("json")] = true
			other += " " + field.Tag.Get("otherwise") + " "
		}
		for key, has := range places {
			if own[key] || key == "enabled" || strings.Contains(other, " "+key+" ") {
				continue
			}
			misplaced++
			problems := decode("at", map[string]any{key: nil}, reflect.New(object).Elem())
			require.Len(t, problems, 1)
			for _, place := range has {
				assert.Regexp(t, `move it to .*`+regexp.QuoteMeta(place)+`( or .*)?, which has this key$`, problems[0].Fix, "%s in %q", key, at)
			}
		}
	})
	require.Greater(t, misplaced, 1000)
}

func TestAProgramKeepsTheNamesOfProps(t *testing.T) {
	app := awscdk.NewApp(nil)
	stack := NewBuildStack(app, jsii.String("Build"), &BuildStackProps{Builds: map[string]imagebuild.ImageBuildProps{"api": {Source: imagebuild.Source_Directory(jsii.String("none"), nil)}}})
	metadata := *stack.Builds()["api"].Node().Metadata()
	require.NotEmpty(t, metadata)
	assert.Contains(t, metadata[0].Data, "Source: ")
}

// onlyForPrograms are sentences of the constructs that a configuration does not lead to, with the reason.
var onlyForPrograms = map[string]string{
	"CodeBuild Build State Change": "it is the type of an event",
	"give a source, such as imagebuild.Source_GitHub or imagebuild.Source_Directory":                 "ReadConfig requires a source",
	"is below RolePath %s, which a cache may trust to write":                                         "no key sets a path of roles",
	"give a path outside of RolePath":                                                                "no key sets a path of roles",
	"give Secret_FromSecretsManager or Secret_FromSsmParameter":                                      "ReadConfig requires the name of a secret or parameter",
	"%q is also the label of Apps[%d]":                                                               "a dashboard has each app once",
	"set Alarms to false here and add an Insight in that region, or deploy the stack in that region": "a dashboard shows its own region",
}

// The sentences are read from the source of the constructs, so that none is missed.
func TestNoSentenceOfTheConstructsNamesAPropToUsersOfCdkJson(t *testing.T) {
	read := map[string]bool{}
	for _, c := range []struct {
		folder string
		props  []reflect.Type
		names  validation.Names
	}{
		{"imagebuild", []reflect.Type{reflect.TypeFor[imagebuild.ImageBuildProps](), reflect.TypeFor[imagebuild.GitOptions]()}, namesOfBuild()},
		{"pullthrough", []reflect.Type{reflect.TypeFor[pullthrough.PrewarmProps]()}, namesByConstruct()["*pullthrough.Prewarm"]},
		{"insight", []reflect.Type{reflect.TypeFor[insight.InsightProps]()}, namesByConstruct()["*insight.Insight"]},
	} {
		props := map[string]bool{}
		for _, of := range c.props {
			for _, prop := range propsOf(of, "") {
				for _, part := range strings.Split(prop, ".") {
					props[part] = true
				}
			}
		}
		// The name of the file is no mention of the prop.
		delete(props, "Dockerfile")
		sentences := sentencesOf(t, filepath.Join("..", "constructs", c.folder))
		if c.folder == "imagebuild" {
			for _, variable := range variables.All() {
				sentences = append(sentences, "is set by "+variable.Prop)
			}
		}
		for _, sentence := range sentences {
			read[sentence] = true
			if onlyForPrograms[sentence] != "" {
				continue
			}
			named := quotation.ReplaceAllString(c.names.Text(sentence), "")
			for _, word := range word.FindAllString(named, -1) {
				assert.False(t, props[word], "%s: %q names the prop %s", c.folder, sentence, word)
			}
		}
	}
	for sentence := range onlyForPrograms {
		assert.True(t, read[sentence], "no construct says %q", sentence)
	}
}

var (
	quotation = regexp.MustCompile(`"[^"]*"`)
	word      = regexp.MustCompile(`[A-Za-z]+`)
)

// sentencesOf returns the strings with more than one word in the source of a package.
func sentencesOf(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	var sentences []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			literal, ok := node.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			if strings.Contains(text, " ") {
				sentences = append(sentences, text)
			}
			return true
		})
	}
	require.NotEmpty(t, sentences)
	return sentences
}
