package cacherepo

import (
	"fmt"
	"regexp"

	"github.com/layercache/layercache/constructs/validation"
)

var repositoryArn = regexp.MustCompile(`^arn:[a-z0-9-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/.+$`)

func checkName(name *string) []validation.Problem {
	if !validation.IsLiteral(name) || validation.IsNewRepositoryName(*name) {
		return nil
	}
	return []validation.Problem{{
		Prop:  "RepositoryName",
		Wrong: fmt.Sprintf("%q is not the name of an ECR repository", *name),
		Fix:   "use 2 to 256 lower-case letters and digits with one '/', '.', '_' or '-' between them, such as team/cache",
	}}
}

func checkArn(arn *string) *validation.Problem {
	if validation.IsLiteral(arn) && repositoryArn.MatchString(*arn) {
		return nil
	}
	wrong := "is missing or not known at synthesis"
	if validation.IsLiteral(arn) {
		wrong = fmt.Sprintf("%q is not the ARN of an ECR repository", *arn)
	}
	return &validation.Problem{
		Prop:  "RepositoryArn",
		Wrong: wrong,
		Fix:   "give arn:PARTITION:ecr:REGION:ACCOUNT:repository/NAME, or import by name with CacheRepository_FromCacheRepositoryAttributes",
	}
}
