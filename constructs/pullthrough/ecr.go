package pullthrough

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// readActions and writeActions are ECR's actions in the upstream and in this registry. Together with
// ecr:GetAuthorizationToken they are the list of
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-private.html.
func readActions() *[]*string {
	return jsii.Strings("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchImportUpstreamImage", "ecr:GetImageCopyStatus")
}

func writeActions() *[]*string {
	return jsii.Strings("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
}

// AllowPullThrough lets the pull-through cache of another account read a repository, as an Ecr upstream in
// that account needs. It allows the whole account, because ECR refuses a policy that names a missing role.
func AllowPullThrough(repository awsecr.Repository, account *string) {
	repository.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewAccountPrincipal(account)},
		Actions:    readActions(),
	}))
}

// ecrRole returns the role that ECR assumes for u: it may read the upstream and write below the prefix of the
// rule.
func (c *PullThroughCache) ecrRole(u *Upstream) awsiam.IRole {
	if u.Ecr.Role != nil {
		return u.Ecr.Role
	}
	role := awsiam.NewRole(c, jsii.String("Upstream-"+u.id()), &awsiam.RoleProps{
		Description: jsii.String("Lets Amazon ECR pull through from another private registry (layercache)"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("pullthroughcache.ecr.amazonaws.com"), nil),
	})
	downstream := c.catalog.home.arns(u.names())
	upstream := c.catalog.home.other(u.Ecr.Account, u.Ecr.Region).arn(below(valueOr(u.Ecr.Prefix, rootPrefix), "*"))
	addStatement(role, jsii.Strings("ecr:GetAuthorizationToken"), jsii.Strings("*"))
	both := append([]*string{upstream}, downstream...)
	addStatement(role, readActions(), &both)
	addStatement(role, writeActions(), &downstream)
	if account := u.Ecr.Account; account != nil && *account != *c.catalog.home.account {
		awscdk.Annotations_Of(c).AddInfo(jsii.String(fmt.Sprintf(
			"account %s must allow this account to pull: use pullthrough.AllowPullThrough on its repositories, or allow the same actions in its registry policy", *account)))
	}
	return role
}

func addStatement(role awsiam.Role, actions, resources *[]*string) {
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: actions, Resources: resources}))
}

// renames reports whether names below the prefix differ from those of the upstream, which a BuildKit mirror
// cannot express.
func (u *Upstream) renames() bool {
	return u.Registry == Ecr && u.Ecr != nil && u.Ecr.Prefix != nil
}

func (u *Upstream) checkEcr(h home, at string, found *validation.Problems) {
	at += ".Ecr"
	switch {
	case u.Registry != Ecr && u.Ecr != nil:
		found.Add(at, fmt.Sprintf("is set, but the registry is %s", u.Registry), "leave it out")
		return
	case u.Registry == Ecr && u.Ecr == nil:
		found.Add(at, "is missing", "give the account or the region of the images")
		return
	case u.Registry != Ecr:
		return
	}
	e := u.Ecr
	if validation.IsLiteral(e.Account) && !accountForm.MatchString(*e.Account) {
		found.Add(at+".Account", fmt.Sprintf("%q has the wrong form", *e.Account), "give the 12 digits of the account")
	}
	if validation.IsLiteral(e.Region) && !regionForm.MatchString(*e.Region) {
		found.Add(at+".Region", fmt.Sprintf("%q has the wrong form", *e.Region), "give a region, such as eu-west-1")
	}
	if same(e.Account, h.account) && same(e.Region, h.region) {
		found.Add(at, "is the registry of the rule itself", "give the account or the region of the images")
	}
	if e.Role != nil && differ(e.Role.Env().Account, h.account) {
		found.Add(at+".Role", fmt.Sprintf("is in account %s, and the rule in %s", *e.Role.Env().Account, *h.account), "give a role of the rule's account, or leave it out")
	}
	u.checkEcrPrefix(at+".Prefix", found)
}

func (u *Upstream) checkEcrPrefix(at string, found *validation.Problems) {
	switch prefix := u.Ecr.Prefix; {
	case prefix == nil:
	case u.prefix() == rootPrefix:
		found.Add(at, "cannot be combined with the prefix ROOT, with which ECR keeps the names as they are", "leave it out, or give the upstream a prefix")
	case validation.IsLiteral(prefix) && CheckPrefix(*prefix) != "":
		found.Add(at, CheckPrefix(*prefix), PrefixFix)
	}
}

// same reports whether value equals other; nil stands for other.
func same(value, other *string) bool { return value == nil || *value == *other }

func valueOr(s *string, other string) string {
	if s == nil {
		return other
	}
	return *s
}
