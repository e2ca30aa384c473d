package pullthrough

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

// image is a reference to an image as in a Dockerfile, or a pattern of references.
type image struct {
	// host is the registry, "docker.io" if the reference has none.
	host string
	// name is the repository in the registry.
	name string
	// version is ":TAG", "@DIGEST", both or "".
	version string
}

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$`)
	versionForm = regexp.MustCompile(`^(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`)
)

// parseImage splits a reference by Docker's rules: the part before the first slash is a host if it contains
// '.' or ':' or is "localhost", and Docker Hub images without a slash are in library/.
func parseImage(reference string) image {
	i := image{host: kinds[DockerHub].host, name: reference}
	if first, rest, ok := strings.Cut(reference, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		i.host, i.name = first, rest
	}
	if at := strings.Index(i.name, "@"); at >= 0 {
		i.name, i.version = i.name[:at], i.name[at:]
	}
	if colon := strings.LastIndex(i.name, ":"); colon > strings.LastIndex(i.name, "/") {
		i.name, i.version = i.name[:colon], i.name[colon:]+i.version
	}
	if i.host == kinds[DockerHub].host && !strings.Contains(i.name, "/") && i.name != "*" {
		i.name = "library/" + i.name
	}
	return i
}

// rule is a pull-through cache rule from the view of a build that pulls.
type rule struct {
	prefix string
	// host is the host of the upstream.
	host string
	// upstreamPrefix is the start of the names in the upstream that prefix replaces, or "".
	upstreamPrefix string
	// repositories are patterns of the names below prefix that grants cover by default.
	repositories []string
	// tagged reports whether the repositories are created with tags.
	tagged bool
}

func newRule(h home, u *Upstream, t *RepositoryTemplate) *rule {
	r := &rule{prefix: u.prefix(), host: u.host(h), repositories: []string{"*"}, tagged: t.tagged()}
	if u.renames() {
		r.upstreamPrefix = *u.Ecr.Prefix
	}
	if u.Repositories != nil {
		r.repositories = nil
		for _, pattern := range *u.Repositories {
			r.repositories = append(r.repositories, *pattern)
		}
	}
	return r
}

// findRule returns the rule for an image, and the image's repository in this registry. Of several rules for
// one host, the one with the longest matching upstream prefix applies.
func findRule(rules []*rule, i image) (*rule, string, bool) {
	var found *rule
	for _, r := range rules {
		fits := r.host == i.host && (r.upstreamPrefix == "" || strings.HasPrefix(i.name, r.upstreamPrefix+"/"))
		if fits && (found == nil || len(r.upstreamPrefix) > len(found.upstreamPrefix)) {
			found = r
		}
	}
	if found == nil {
		return nil, "", false
	}
	return found, below(found.prefix, strings.TrimPrefix(strings.TrimPrefix(i.name, found.upstreamPrefix), "/")), true
}

// checkImage returns the problems of a reference to an image that a rule must cover.
func checkImage(rules []*rule, at, reference string) validation.Problems {
	var found validation.Problems
	i := parseImage(reference)
	_, repository, ok := findRule(rules, i)
	switch {
	case !nameForm.MatchString(i.name) || !versionForm.MatchString(i.version):
		found.Add(at, fmt.Sprintf("%q is not an image reference", reference), "write it as in a Dockerfile, such as docker.io/library/golang:1.26")
	case !ok:
		found.Add(at, fmt.Sprintf("%q is on %s, which is not an upstream of this cache", reference, i.host), "use one of "+upstreamHosts(rules)+", or add the upstream")
	case len(repository) > maxRepositoryName:
		found.Add(at, fmt.Sprintf("the repository name of %q in ECR has more than %d characters: %s", reference, maxRepositoryName, repository), "give the upstream a shorter prefix")
	}
	return found
}

// maxRepositoryName is ECR's limit for the name of a repository.
const maxRepositoryName = 256

func upstreamHosts(rules []*rule) string {
	if len(rules) == 0 {
		return "none"
	}
	var hosts []string
	for _, r := range rules {
		hosts = append(hosts, r.host)
	}
	return strings.Join(hosts, ", ")
}
