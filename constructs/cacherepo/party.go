package cacherepo

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/access"
)

// share adds one statement for each party to the repository policy.
func share(repository awsecr.Repository, sid string, parties *[]*access.Party, actions []*string) {
	if parties == nil {
		return
	}
	stack := awscdk.Stack_Of(repository)
	for i, p := range *parties {
		conditions := p.Conditions(stack)
		repository.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Sid:        jsii.String(fmt.Sprintf("%s%d", sid, i)),
			Principals: &[]awsiam.IPrincipal{principal(p)},
			Actions:    &actions,
			Conditions: &conditions,
		}))
	}
}

func principal(p *access.Party) awsiam.IPrincipal {
	if p.Account != nil {
		return awsiam.NewAccountPrincipal(p.Account)
	}
	return awsiam.NewAnyPrincipal()
}
