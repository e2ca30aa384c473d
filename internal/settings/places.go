package settings

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// bucketPattern is an S3 bucket's name and a prefix that needs no quoting in buildx's flags.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/([A-Za-z0-9!_.*'()/-]*/)?)?$`)

func readBucket(r *Reader, variable string) (bucket, prefix string) {
	value := r.Text(variable, "")
	if value != "" && !bucketPattern.MatchString(value) {
		r.Problem("%s is %q: expected BUCKET or BUCKET/PREFIX/, the prefix of letters, digits and !_.*'()-", variable, value)
	}
	bucket, prefix, _ = strings.Cut(value, "/")
	return bucket, prefix
}

func readMirrors(r *Reader, variable string) []Mirror {
	var mirrors []Mirror
	for _, entry := range r.List(variable) {
		upstream, location, _ := strings.Cut(entry, "=")
		if !isHost(upstream) || !isLocation(location) {
			r.Problem("%s has the entry %q: expected UPSTREAM=HOST or UPSTREAM=HOST/PREFIX, for example docker.io=111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub", variable, entry)
			continue
		}
		mirrors = append(mirrors, Mirror{Upstream: upstream, Location: location})
	}
	return mirrors
}

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

// isRepository says that the text is HOST/NAME; a scheme would be taken for a host without a port.
func isRepository(text string) bool {
	_, err := name.NewRepository(text, name.StrictValidation)
	return err == nil && !strings.Contains(text, "//")
}

// levels are the compressors' levels: from 0 to the highest, and the default; empty means the compressor's own.
//
// zstd's is the fastest of BuildKit's four speeds, which are levels 0 to 2, 3 to 5, 6 to 9 and the rest: a layer is 7 % larger
// than at its own default, 3, and takes three fifths of the time.
var levels = map[string]struct {
	highest  int
	fallback string
}{"zstd": {22, "1"}, "gzip": {9, ""}}

func readLevel(r *Reader, variable, compression string) string {
	text := r.Text(variable, "")
	if text == "" {
		return levels[compression].fallback
	}
	highest := levels[compression].highest
	if level, err := strconv.Atoi(text); err != nil || level < 0 || level > highest {
		r.Problem("%s is %q: expected a number from 0 to %d for %s", variable, text, highest, compression)
		return ""
	}
	return text
}
