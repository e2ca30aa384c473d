package pullthrough

import (
	"fmt"
	"regexp"
	"strings"
)

// image is a reference to an image, or a pattern of such, as a Dockerfile
// writes it.
type image struct {
	// host is the registry, "docker.io" where the reference names none.
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

// parseImage takes a reference apart by Docker's rules: what is before the first
// slash is a host if it could not be a name, and images of Docker Hub without a
// slash are in library/.
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

// rule is a pull-through cache rule as those see it who pull.
type rule struct {
	prefix string
	// host is the host of the upstream.
	host string
	// upstreamPrefix is what the names in the upstream begin with, and what
	// prefix takes the place of; "" is nothing.
	upstreamPrefix string
	// repositories are patterns of the names below prefix that grants cover.
	repositories []string
	// tagged tells whether the repositories are created with tags.
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

// findRule returns the rule for an image, and the image's repository in this
// registry. Of several rules for one host, the one with the longest upstream
// prefix has the image.
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

// checkImage returns what is wrong with a reference to an image below one of
// the rules.
func checkImage(rules []*rule, at, reference string) problems {
	var found problems
	i := parseImage(reference)
	_, repository, ok := findRule(rules, i)
	switch {
	case !nameForm.MatchString(i.name) || !versionForm.MatchString(i.version):
		found.add(at, fmt.Sprintf("%q is not a reference to an image", reference), "write it as a Dockerfile does, such as docker.io/library/golang:1.26")
	case !ok:
		found.add(at, fmt.Sprintf("%q is on %s, which is not an upstream here", reference, i.host), "use one of "+upstreamHosts(rules)+", or add the upstream")
	case len(repository) > maxRepositoryName:
		found.add(at, fmt.Sprintf("%q has more than %d characters in its name here, %s", reference, maxRepositoryName, repository), "give the upstream a shorter prefix")
	}
	return found
}

// maxRepositoryName is ECR's limit.
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
