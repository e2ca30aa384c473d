package stacks

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/layercache/layercache/constructs/validation"
)

// gitHost is a public Git host that a source can name.
type gitHost struct {
	// key is the key of the source, host the host's name.
	key, host string
	// form is the form of a repository, with an example.
	form, example string
	// nested reports whether repositories can be in groups of groups.
	nested bool
}

var gitHosts = []gitHost{
	{key: "github", host: "github.com", form: "OWNER/REPOSITORY", example: "acme/shop"},
	{key: "gitlab", host: "gitlab.com", form: "GROUP/PROJECT", example: "acme/shop", nested: true},
	{key: "bitbucket", host: "bitbucket.org", form: "WORKSPACE/REPOSITORY", example: "acme/shop"},
}

// given returns the value of the host's key.
func (h gitHost) given(s SourceConfig) string {
	return map[string]string{"github": s.GitHub, "gitlab": s.GitLab, "bitbucket": s.Bitbucket}[h.key]
}

var (
	// scpForm is the address of git over SSH, such as git@github.com:acme/shop.git.
	scpForm = regexp.MustCompile(`^(?:[A-Za-z0-9_-]+@)([A-Za-z0-9.-]+):(.+)$`)
	// passwordForm is a URL with the sign-in of a user. That of git over SSH has only the user git.
	passwordForm = regexp.MustCompile(`^https?://[^/]*@|^[a-z]+://[^/@]*:[^/]*@`)
	// partForm is one part of a repository's path.
	partForm = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
)

// repositoryPath returns the path of a repository that is given as a path or as a pasted URL: "acme/shop" for
// "https://github.com/acme/shop.git". host is the host of a URL, or "".
func repositoryPath(given string) (host, path string) {
	path = strings.TrimSpace(given)
	switch match := scpForm.FindStringSubmatch(path); {
	case strings.Contains(path, "://"):
		u, err := url.Parse(path)
		if err != nil {
			return "", path
		}
		host, path = u.Hostname(), u.Path
	case match != nil:
		host, path = match[1], match[2]
	default:
		if first, rest, _ := strings.Cut(path, "/"); isGitHost(strings.TrimPrefix(first, "www.")) {
			host, path = first, rest
		}
	}
	host = strings.TrimPrefix(strings.ToLower(host), "www.")
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	return host, path
}

func isGitHost(name string) bool {
	return slices.ContainsFunc(gitHosts, func(h gitHost) bool { return strings.EqualFold(h.host, name) })
}

// check returns what is wrong with the given repository and the fix, or "".
func (h gitHost) check(given string) (wrong, fix string) {
	if passwordForm.MatchString(given) {
		return "has a user name or a password, which cdk.json must not have", "give the address without it, and connect the account to the host: key connection, or CodeBuild's credential"
	}
	host, path := repositoryPath(given)
	parts := strings.Split(path, "/")
	if host == "" && len(parts) > 2 && !h.nested && strings.Contains(parts[0], ".") {
		host = parts[0]
	}
	fix = fmt.Sprintf("give %s, such as %s, or the address of the repository", h.form, h.example)
	if host != "" && host != h.host {
		for _, other := range gitHosts {
			if other.host == host {
				return fmt.Sprintf("%q is at %s", given, host), "use the key " + other.key
			}
		}
		return fmt.Sprintf("%q is at %s, not at %s", given, host, h.host), "use ImageBuild in Go for a server of your own, which has sources for GitHub Enterprise and GitLab self-managed"
	}
	for _, part := range parts {
		if !partForm.MatchString(part) {
			return fmt.Sprintf("%q is not a repository", given), fix
		}
	}
	switch {
	case len(parts) < 2:
		return fmt.Sprintf("%q is not %s", given, h.form), fix
	case len(parts) > 2 && !h.nested:
		return fmt.Sprintf("%q has more parts than %s", given, h.form), "give " + strings.Join(parts[:2], "/")
	case h.nested && strings.Contains(path, "/-/"):
		path, _, _ = strings.Cut(path, "/-/")
		return fmt.Sprintf("%q is a page of a project", given), "give " + path
	}
	return "", ""
}

// validateRepository checks the one repository that the source names.
func validateRepository(found *validation.Problems, key string, s SourceConfig) {
	for _, h := range gitHosts {
		if given := h.given(s); given != "" {
			if wrong, fix := h.check(given); wrong != "" {
				found.Add(key+".source."+h.key, wrong, fix)
			}
		}
	}
}
