package variables

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/spelling"
)

// Form is how a value is written.
type Form struct {
	// Name is the form in help texts, such as HOST/NAME.
	Name string
	// Choices are the allowed values of a form that has a fixed set.
	Choices []string
	// parse returns the value, and the problems of the text as phrases that follow the variable's name. An
	// empty text means a variable without value and default.
	parse func(text string) (value any, wrong []string)
}

// form returns a form for a parse function, which returns what it expected when the text is wrong.
func form[T any](name string, parse func(string) (value T, expected string)) Form {
	return Form{Name: name, parse: func(text string) (any, []string) {
		if text == "" {
			var zero T
			return zero, nil
		}
		value, expected := parse(text)
		if expected != "" {
			return value, []string{fmt.Sprintf("is %q: expected %s", text, expected)}
		}
		return value, nil
	}}
}

// oneOf returns a form that allows only the choices.
func oneOf(choices ...string) Form {
	f := form(strings.Join(choices, "|"), func(text string) (string, string) {
		if !slices.Contains(choices, text) {
			return text, "one of " + strings.Join(choices, ", ") + question(text, choices)
		}
		return text, ""
	})
	f.Choices = choices
	return f
}

// question returns "; did you mean …?", or an empty text if no choice is similar.
func question(text string, choices []string) string {
	similar := spelling.Near(text, choices)
	if len(similar) == 0 {
		return ""
	}
	return "; " + spelling.Question(similar)
}

// repositoryForm returns the form of a repository. example is a name for the message.
func repositoryForm(example string) Form {
	return form("HOST/NAME", func(text string) (string, string) {
		if !isRepository(text) {
			return "", "HOST/NAME without https:// and without a tag, for example 111122223333.dkr.ecr.eu-west-1.amazonaws.com/" + example
		}
		return text, ""
	})
}

// maxNumber is the largest price and number of builds. Products of larger ones may be infinite, which JSON cannot have.
const maxNumber = 1e15

var (
	text = form("TEXT", func(text string) (string, string) { return text, "" })

	boolean = Form{
		Name: "true|false", Choices: []string{"true", "false"},
		parse: form("", func(text string) (bool, string) {
			value, err := strconv.ParseBool(text)
			if err != nil {
				return false, "true or false"
			}
			return value, ""
		}).parse,
	}

	number = form("NUMBER", func(text string) (float64, string) {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil || !(value >= 0 && value <= maxNumber) {
			return 0, "a number such as 0.1"
		}
		return value, ""
	})

	count = form("NUMBER", func(text string) (int, string) {
		value, err := strconv.Atoi(text)
		if err != nil || value < 1 {
			return 0, "a whole number of at least 1"
		}
		return value, ""
	})

	duration = form("DURATION", func(text string) (time.Duration, string) {
		value, err := time.ParseDuration(text)
		if err != nil || value <= 0 {
			return 0, "a duration such as 10s"
		}
		return value, ""
	})

	size = form("SIZE", func(text string) (int64, string) {
		parse := units.FromHumanSize
		if strings.HasSuffix(strings.ToLower(text), "ib") { // FromHumanSize takes GiB for GB.
			parse = units.RAMInBytes
		}
		value, err := parse(text)
		if err != nil || value < 1 {
			return 0, "a size such as 500MB or 2GB"
		}
		return value, ""
	})

	// level is checked in compressionLevel, together with the compression.
	level = form("NUMBER", func(text string) (string, string) { return text, "" })

	list = form("A,B,...", func(text string) ([]string, string) { return splitList(text), "" })

	// repository is a cache repository, and imageRepository one for images. They differ in the example.
	repository      = repositoryForm("layercache/cache/dev")
	imageRepository = repositoryForm("layercache/shop")

	role = form("ROLE-ARN", func(text string) (string, string) {
		if !rolePattern.MatchString(text) {
			return "", "the ARN of a role, for example arn:aws:iam::111122223333:role/layercache"
		}
		return text, ""
	})

	bucket = form("BUCKET/PREFIX/", func(text string) (string, string) {
		if !bucketPattern.MatchString(text) {
			return "", "BUCKET or BUCKET/PREFIX/, with a prefix of letters, digits and !_.*'()-"
		}
		return text, ""
	})

	mirrors = Form{Name: "UPSTREAM=HOST/PREFIX,...", parse: parseMirrors}
	object  = Form{Name: "JSON-OBJECT", parse: parseObject}
	array   = form("JSON-ARRAY", func(text string) ([]string, string) {
		var values []string
		if err := json.Unmarshal([]byte(text), &values); err != nil {
			return nil, `a JSON array of strings, such as ["--label","team=shop"]`
		}
		return values, ""
	})
)

func splitList(text string) []string {
	var values []string
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value != "" {
			values = append(values, value)
		}
	}
	return values
}

func parseMirrors(text string) (any, []string) {
	var found []Mirror
	var wrong []string
	for _, entry := range splitList(text) {
		upstream, location, _ := strings.Cut(entry, "=")
		if !isHost(upstream) || !isLocation(location) {
			wrong = append(wrong, fmt.Sprintf("has the entry %q: expected UPSTREAM=HOST or UPSTREAM=HOST/PREFIX, for example docker.io=111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub", entry))
			continue
		}
		found = append(found, Mirror{Upstream: upstream, Location: location})
	}
	return found, wrong
}

// identifier matches the name of a build argument, a secret or a variable.
var identifier = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

func parseObject(text string) (any, []string) {
	values := map[string]string{}
	if text == "" {
		return values, nil
	}
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return values, []string{fmt.Sprintf(`is not a JSON object of strings, such as {"VERSION":"1.2"}: %v`, err)}
	}
	var wrong []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !identifier.MatchString(key) {
			wrong = append(wrong, fmt.Sprintf("has the name %q: expected letters, digits, _, . and -", key))
		}
	}
	return values, wrong
}

// IsIdentifier reports whether the text can name a build argument, a secret or a variable.
func IsIdentifier(text string) bool { return identifier.MatchString(text) }

// rolePattern matches the ARN of an IAM role with its path, in any partition.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
var rolePattern = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/([\x21-\x7e]+/)?[\w+=,.@-]{1,64}$`)

// bucketPattern matches the name of an S3 bucket and an optional prefix that needs no quoting in buildx's
// flags.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/([A-Za-z0-9!_.*'()/-]*/)?)?$`)

func isHost(text string) bool {
	_, err := name.NewRegistry(text, name.StrictValidation)
	return text != "" && err == nil
}

func isLocation(text string) bool {
	if !strings.Contains(text, "/") {
		return isHost(text)
	}
	return isRepository(text)
}

// isRepository reports whether the text is HOST/NAME. It refuses a scheme, which the parser would read as a
// host.
func isRepository(text string) bool {
	_, err := name.NewRepository(text, name.StrictValidation)
	return err == nil && !strings.Contains(text, "//")
}
