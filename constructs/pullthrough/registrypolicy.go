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

// RegistryPolicy_Of returns the ECR registry policy of the account and region of scope's stack. There is one
// per account and region: the first call creates it in its stack, and all stacks add their statements to it.
// CloudFormation cannot move it to another stack, so make the first call in a stack that will stay. ECR
// accepts no policy without statements, so call it only if something is shared.
//
// If account or region are unknown at synthesis, two stacks may or may not share a policy: a call from a
// second stack then reports an error and returns nil.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html
func RegistryPolicy_Of(scope constructs.Construct) awsecr.CfnRegistryPolicy {
	stack := awscdk.Stack_Of(scope)
	if held, ok := findClaim(stack, registryPolicyClaim, ""); ok {
		if held.stack != *stack.Node().Path() && !environmentKnown(stack) {
			validation.Report(scope, validation.Problems{{
				Prop:  "RegistryPolicy",
				Wrong: fmt.Sprintf("stack %q has the registry policy of its account and region, and this stack may be in the same ones", held.stack),
				Fix:   "give both stacks their account and region (env), or share from only one of them",
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

// addToRegistryPolicy adds a statement unless the policy has it already.
func addToRegistryPolicy(scope constructs.Construct, statement map[string]any) {
	policy := RegistryPolicy_Of(scope)
	if policy == nil {
		return
	}
	stack := awscdk.Stack_Of(scope)
	statements := recordedStatements(stack)
	if !contains(statements, statement) {
		recordStatement(stack, statement)
		policy.SetPolicyText(document(append(statements, statement)))
	}
}

// document returns a policy document.
func document(statements []any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": statements}
}

func contains(statements []any, statement any) bool {
	return slices.ContainsFunc(statements, func(s any) bool { return reflect.DeepEqual(s, statement) })
}

// find returns the construct with a path below root.
func find(root constructs.IConstruct, path string) constructs.IConstruct {
	for _, id := range strings.Split(path, "/") {
		if id != "" {
			root = root.Node().FindChild(jsii.String(id))
		}
	}
	return root
}
