package pullthrough

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// registryPolicyID is the id of the registry policy in its stack.
const registryPolicyID = "LayercacheRegistryPolicy"

// RegistryPolicy_Of returns the ECR registry policy of the account and region of
// scope's stack. There is one for each account and region: it is made in the
// first stack there that asks for it, and the statements of all stacks go into
// it. Call this first in the stack that is to hold it, so that it stays where it
// is when other stacks come and go: CloudFormation cannot move it. ECR takes no
// policy without statements, so ask only where something is shared.
//
// Where the account and region of stacks are not known at synthesis, it cannot
// be told whether they share one: a second stack that asks is then an error,
// and the result nil.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
func RegistryPolicy_Of(scope constructs.Construct) awsecr.CfnRegistryPolicy {
	stack := awscdk.Stack_Of(scope)
	if held, ok := findClaim(stack, registryPolicyClaim, ""); ok {
		if held.stack != *stack.Node().Path() && !environmentKnown(stack) {
			validation.Report(scope, problems{{
				Prop:  "RegistryPolicy",
				Wrong: fmt.Sprintf("stack %q holds the registry policy, of which an account has one in a region, and it is not known whether this stack is in the same", held.stack),
				Fix:   "give both stacks their account and region (env), or share from one of them",
			}})
			return nil
		}
		return find(stack.Node().Root(), held.construct).(awsecr.CfnRegistryPolicy)
	}
	policy := awsecr.NewCfnRegistryPolicy(stack, jsii.String(registryPolicyID), &awsecr.CfnRegistryPolicyProps{
		PolicyText: document([]any{}),
	})
	claim(stack, registryPolicyClaim, "", policy)
	return policy
}

// addToRegistryPolicy adds a statement, unless it is there already.
func addToRegistryPolicy(scope constructs.Construct, statement map[string]any) {
	policy := RegistryPolicy_Of(scope)
	if policy == nil {
		return
	}
	stack := awscdk.Stack_Of(scope)
	statements := notedStatements(stack)
	if !contains(statements, statement) {
		noteStatement(stack, statement)
		policy.SetPolicyText(document(append(statements, statement)))
	}
}

// document is a policy.
func document(statements []any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": statements}
}

func contains(statements []any, statement any) bool {
	return slices.ContainsFunc(statements, func(s any) bool { return reflect.DeepEqual(s, statement) })
}

// find is the construct with a path below root.
func find(root constructs.IConstruct, path string) constructs.IConstruct {
	for _, id := range strings.Split(path, "/") {
		if id != "" {
			root = root.Node().FindChild(jsii.String(id))
		}
	}
	return root
}
