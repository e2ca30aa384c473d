package pullthrough

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/validation"
)

// PullOptions narrow a grant of GrantPull.
type PullOptions struct {
	// Repositories are the upstream repositories to pull, named as in Dockerfiles and without a tag:
	// "docker.io/library/golang". "*" stands for any text: "quay.io/*" is a whole upstream.
	// Default: Upstream.Repositories of every upstream.
	Repositories *[]*string

	// FirstPull grants the first pull of a repository, for which ECR requires ecr:CreateRepository of the
	// principal that pulls. The permission also allows creating the repository directly, with settings other
	// than the template's. Without it, only existing repositories are served, and BuildKit pulls other images
	// from the upstream.
	// Default: true.
	FirstPull *bool
}

func (o *PullOptions) firstPull() bool {
	return o == nil || o.FirstPull == nil || *o.FirstPull
}

// catalog is the set of rules of a registry, and what can be pulled through them.
type catalog struct {
	scope constructs.Construct
	home  home
	rules []*rule
}

// mirrors returns UPSTREAM=HOST/PREFIX for the rules that BuildKit's mirrors can express.
func (c *catalog) mirrors() *string {
	var mirrors []string
	for _, r := range c.rules {
		switch {
		case r.upstreamPrefix == r.prefix || r.prefix == rootPrefix:
			mirrors = append(mirrors, fmt.Sprintf("%s=%s", r.host, c.home.host()))
		case r.upstreamPrefix == "":
			mirrors = append(mirrors, fmt.Sprintf("%s=%s/%s", r.host, c.home.host(), r.prefix))
		}
	}
	return jsii.String(strings.Join(mirrors, ","))
}

// imageUri is uri for any reference. It reports a problem if no rule covers the reference.
func (c *catalog) imageUri(reference *string) *string {
	found := checkImage(c.rules, "ImageUri", valueOr(reference, ""))
	validation.Report(c.scope, found)
	if len(found) > 0 {
		return reference
	}
	return c.uri(*reference)
}

// uri returns the URI in this registry of an image that a rule covers.
func (c *catalog) uri(reference string) *string {
	i := parseImage(reference)
	_, repository, _ := findRule(c.rules, i)
	return jsii.String(c.home.host() + "/" + repository + i.version)
}

// covered is the part of a rule that a grant covers.
type covered struct {
	rule *rule
	// repositories are names in this registry, with wildcards.
	repositories []string
}

// cover returns what a grant with these options covers, in the order of the rules. It reports a problem for
// an unknown upstream.
func (c *catalog) cover(options *PullOptions) []covered {
	names := map[*rule][]string{}
	var found validation.Problems
	if options == nil || options.Repositories == nil {
		for _, r := range c.rules {
			for _, pattern := range r.repositories {
				names[r] = append(names[r], below(r.prefix, pattern))
			}
		}
	} else {
		for i, pattern := range *options.Repositories {
			at := fmt.Sprintf("GrantPull.Repositories[%d]", i)
			r, name, ok := c.match(at, valueOr(pattern, ""), &found)
			if ok {
				names[r] = append(names[r], name)
			}
		}
	}
	var result []covered
	for _, r := range c.rules {
		if len(names[r]) > 0 {
			result = append(result, covered{r, names[r]})
		}
	}
	validation.Report(c.scope, found)
	return result
}

// match returns the rule for a pattern of upstream repositories.
func (c *catalog) match(at, pattern string, found *validation.Problems) (*rule, string, bool) {
	i := parseImage(pattern)
	r, name, ok := findRule(c.rules, i)
	switch {
	case !patternForm.MatchString(i.name) || i.version != "":
		found.Add(at, fmt.Sprintf("%q is not an upstream repository", pattern), "give HOST/NAME without a tag, such as docker.io/library/golang or quay.io/*")
		return nil, "", false
	case !ok:
		found.Add(at, fmt.Sprintf("%q is on %s, which is not an upstream of this cache", pattern, i.host), "use one of "+upstreamHosts(c.rules)+", or add the upstream")
		return nil, "", false
	case r.prefix == rootPrefix && strings.HasPrefix(name, "*"):
		found.Add(at, fmt.Sprintf("%q with the prefix ROOT would include every repository of the account", pattern), "name repositories")
		return nil, "", false
	}
	return r, name, true
}

// importActions are needed to pull an image that is not cached yet: ECR imports it with the permissions of the
// principal that pulls, and on the first pull creates and tags (tagActions) its repository with them, with or
// without a creation template.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
func importActions(firstPull bool) []*string {
	actions := []*string{jsii.String("ecr:BatchImportUpstreamImage")}
	if firstPull {
		actions = append(actions, jsii.String("ecr:CreateRepository"))
	}
	return actions
}

func tagActions() []*string { return []*string{jsii.String("ecr:TagResource")} }

// tagged returns the ARNs of the covered repositories that ECR tags on the first pull.
func (c *catalog) tagged(cover []covered, firstPull bool) *[]*string {
	if !firstPull {
		return &[]*string{}
	}
	return c.arns(cover, isTagged)
}

// grantIdentity adds the statements of a grant to the grantee's own policy. reading are the actions on images
// that are there.
func (c *catalog) grantIdentity(grantee awsiam.IGrantable, cover []covered, firstPull bool, reading []*string) awsiam.Grant {
	grant := ecrgrant.Login(c.home.shared, grantee)
	if len(cover) > 0 {
		grant = allow(grantee, slices.Concat(reading, importActions(firstPull)), c.arns(cover, nil))
	}
	if tagged := c.tagged(cover, firstPull); len(*tagged) > 0 {
		grant = allow(grantee, tagActions(), tagged)
	}
	return grant
}

func allow(grantee awsiam.IGrantable, actions []*string, arns *[]*string) awsiam.Grant {
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{Grantee: grantee, Actions: &actions, ResourceArns: arns})
}

// arns returns the ARNs of the covered repositories of the rules that only accepts; a nil only accepts all.
func (c *catalog) arns(cover []covered, only func(*rule) bool) *[]*string {
	arns := []*string{}
	for _, v := range cover {
		if only != nil && !only(v.rule) {
			continue
		}
		arns = append(arns, c.home.arns(v.repositories)...)
	}
	return &arns
}

func isTagged(r *rule) bool { return r.tagged }

// otherAccount returns the account of the grantee. It returns false unless the account is known to differ
// from the registry's account, which is that of the stack.
func (c *catalog) otherAccount(grantee awsiam.IGrantable) (*string, bool) {
	if c.home.shared.Adopted(grantee) {
		return nil, false
	}
	account := ecrgrant.Principal(grantee).PrincipalAccount()
	return account, account != nil && differ(account, c.home.account)
}

// imported reports whether a principal is not created in this app, so that a grant cannot change its policy.
func imported(principal awsiam.IPrincipal) bool {
	construct, ok := principal.(constructs.IConstruct)
	return !ok || !*awscdk.Resource_IsOwnedResource(construct)
}
