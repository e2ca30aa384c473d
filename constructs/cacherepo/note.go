package cacherepo

import (
	"fmt"
	"strings"

	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Metadata types that awscdk.Annotations uses for infos and warnings.
const (
	infoMetadata    = "aws:cdk:info"
	warningMetadata = "aws:cdk:warning"
)

func (c *CacheRepository) note(kind, text string) {
	c.Node().AddMetadata(jsii.String(kind), text, nil)
}

// repositoryMustAllow is the message about the statement that the policy of an imported repository needs.
func (c *CacheRepository) repositoryMustAllow(r *request) string {
	return fmt.Sprintf("%s: the policy of %s must allow %s to %s; add it to CacheRepositoryProps.%s there, or set CacheRepositoryAttributes.PolicyAllows if the policy already allows it",
		r.method, c.arnText(), join(r.actions), r.subject.text(), r.party)
}

// granteeMustHave is the message about the statement that the grantee's own policy needs.
func (c *CacheRepository) granteeMustHave(r *request) string {
	who := r.subject.text()
	if r.subject.account == nil {
		who = "the principals that the repository policy allows"
	}
	return fmt.Sprintf("%s: the account of the grantee must give %s a policy that allows ecr:GetAuthorizationToken on * and %s on %s",
		r.method, who, join(r.actions), c.arnText())
}

func (c *CacheRepository) wholeAccountMayUse(r *request) string {
	return fmt.Sprintf("%s: the repository policy allows all of %s, whose administrators decide who uses it, because the role has neither a name nor a path; give the role a RoleName or a Path",
		r.method, r.subject.text())
}

// arnText returns the ARN of the repository for messages, with ${AWS::...} for what CloudFormation fills in.
func (c *CacheRepository) arnText() string {
	return fmt.Sprintf("arn:${AWS::Partition}:ecr:%s:%s:repository/%s", textOr(c.owner.region, "${AWS::Region}"), textOr(c.owner.account, "${AWS::AccountId}"), c.owner.name)
}

func (s *subject) text() string {
	account := "account " + textOr(s.account, "${AWS::AccountId}")
	if s.arn != "" {
		return s.arn
	}
	if role := s.role(); role != "" {
		return fmt.Sprintf("%s (aws:PrincipalArn arn:${AWS::Partition}:iam::%s:role%s)", account, textOr(s.account, "${AWS::AccountId}"), role)
	}
	return account
}

func textOr(s *string, otherwise string) string {
	if validation.IsLiteral(s) {
		return *s
	}
	return otherwise
}

func join(actions []*string) string {
	var texts []string
	for _, action := range actions {
		texts = append(texts, *action)
	}
	return strings.Join(texts, ", ")
}
