package pullthrough

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/perstack"
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
	shared := perstack.SharedOf(scope)
	if held, ok := claims(shared, registryPolicyClaim)[""]; ok {
		if held.stack != *shared.Path() && !environmentKnown(shared) {
			validation.Report(scope, validation.Problems{{
				Prop:  "RegistryPolicy",
				Wrong: fmt.Sprintf("stack %q has the registry policy of its account and region, and this stack may be in the same ones", held.stack),
				Fix:   "give both stacks their account and region (env), or share from only one of them",
			}})
			return nil
		}
		return find(shared.Root(), held.construct).(awsecr.CfnRegistryPolicy)
	}
	policy := awsecr.NewCfnRegistryPolicy(shared.Stack(), jsii.String(registryPolicyID), &awsecr.CfnRegistryPolicyProps{
		PolicyText: document([]any{}),
	})
	claim(shared, registryPolicyClaim, "", policy.Node().Path())
	return policy
}

// addToRegistryPolicy adds a statement unless the policy has it already.
func addToRegistryPolicy(scope constructs.Construct, statement map[string]any) {
	policy := RegistryPolicy_Of(scope)
	if policy == nil {
		return
	}
	shared := perstack.SharedOf(scope)
	statements := recordedStatements(shared)
	if !contains(statements, statement) {
		recordStatement(shared, statement)
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
func find(root constructs.Node, path string) constructs.IConstruct {
	var found constructs.IConstruct
	for _, id := range strings.Split(path, "/") {
		if id != "" {
			found = root.FindChild(jsii.String(id))
			root = found.Node()
		}
	}
	return found
}
