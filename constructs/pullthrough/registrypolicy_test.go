package pullthrough_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

const policyType = "AWS::ECR::RegistryPolicy"

// shared creates a cache of one upstream for the pullers.
func shared(stack awscdk.Stack, id string, r pullthrough.UpstreamRegistry, pullers ...*access.Party) *pullthrough.PullThroughCache {
	return pullthrough.NewPullThroughCache(stack, jsii.String(id), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: r}}, Pullers: &pullers,
	})
}

func TestPullersOfOtherAccounts(t *testing.T) {
	stack := stackOf(here)
	shared(stack, "Pull", pullthrough.Quay,
		&access.Party{Account: jsii.String(there)},
		&access.Party{Account: jsii.String("333333333333"), RolePath: jsii.String("/ci/")},
		&access.Party{OrganizationID: jsii.String("o-a1b2c3d4e5"), RolePath: jsii.String("/ci/")})

	const allow = "Allow " + importing + " on " + registry + "quay/* to AWS="
	assert.Equal(t, []string{
		allow + "arn:${AWS::Partition}:iam::222222222222:root",
		allow + "arn:${AWS::Partition}:iam::333333333333:root if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::333333333333:role/ci/*",
		allow + "* if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::*:role/ci/*,StringEquals=aws:PrincipalOrgID=o-a1b2c3d4e5",
	}, synthtest.Statements(synthtest.Properties(t, stack, policyType)["PolicyText"]))
	const pulls = `{"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchCheckLayerAvailability"],`
	assert.Equal(t, `{"Statement":[`+
		pulls+`"Effect":"Allow","Principal":{"AWS":"arn:${AWS::Partition}:iam::222222222222:root"}},`+
		pulls+`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:${AWS::Partition}:iam::333333333333:role/ci/*"}},"Effect":"Allow","Principal":{"AWS":"arn:${AWS::Partition}:iam::333333333333:root"}},`+
		pulls+`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:${AWS::Partition}:iam::*:role/ci/*"},"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}},"Effect":"Allow","Principal":{"AWS":"*"}}`+
		`],"Version":"2012-10-17"}`,
		synthtest.Text(synthtest.Properties(t, stack, templateType)["RepositoryPolicy"]))
}

func TestEveryProblemOfPullers(t *testing.T) {
	stack := synthtest.Stack()
	shared(stack, "Pull", pullthrough.Quay, nil,
		&access.Party{RolePath: jsii.String("/ci/")},
		&access.Party{Account: jsii.String("*"), OrganizationID: jsii.String("*"), RolePath: jsii.String("ci*")})

	assert.Equal(t, []string{
		"Test/Pull: Pullers[0]: would allow everybody; set Account, OrganizationID or OrganizationPaths",
		"Test/Pull: Pullers[1]: would allow everybody; set Account, OrganizationID or OrganizationPaths",
		`Test/Pull: Pullers[2].Account: "*" has the wrong form; give the 12 digits of the account`,
		`Test/Pull: Pullers[2].OrganizationID: "*" has the wrong form; give the organization's id, such as o-a1b2c3d4e5`,
		`Test/Pull: Pullers[2].RolePath: "ci*" has the wrong form; give a path that starts and ends with a slash, such as /ci/release/`,
	}, synthtest.Errors(stack))
}

func TestOneRegistryPolicyForAllStacksOfAnAccountAndRegion(t *testing.T) {
	app := awscdk.NewApp(nil)
	first, second, elsewhere := stackIn(app, "First", here), stackIn(app, "Second", here), stackIn(app, "Elsewhere", there)
	puller := &access.Party{Account: jsii.String("333333333333")}
	shared(first, "A", pullthrough.Quay, puller)
	shared(first, "B", pullthrough.Kubernetes, puller, puller)
	shared(second, "C", pullthrough.EcrPublic, puller)
	shared(elsewhere, "D", pullthrough.Quay, puller)

	const to = " to AWS=arn:${AWS::Partition}:iam::333333333333:root"
	assert.Equal(t, []string{
		"Allow " + importing + " on " + registry + "quay/*" + to,
		"Allow " + importing + " on " + registry + "k8s/*" + to,
		"Allow " + importing + " on " + registry + "ecr-public/*" + to,
	}, synthtest.Statements(synthtest.Properties(t, first, policyType)["PolicyText"]))
	assert.Empty(t, synthtest.Resources(second, policyType))
	assert.Len(t, synthtest.Resources(elsewhere, policyType), 1)
	assert.Empty(t, synthtest.Errors(second))
}

func TestTheFirstStackThatNeedsTheRegistryPolicyHasIt(t *testing.T) {
	app := awscdk.NewApp(nil)
	registryStack, stack := stackIn(app, "Registry", here), stackIn(app, "Test", here)
	pullthrough.RegistryPolicy_Of(registryStack)
	shared(stack, "Pull", pullthrough.Quay, &access.Party{Account: jsii.String(there)})

	assert.Len(t, synthtest.Resources(registryStack, policyType), 1)
	assert.Empty(t, synthtest.Resources(stack, policyType))
}

func TestWithoutAPullerOfAnotherAccountThereIsNoRegistryPolicy(t *testing.T) {
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), nil)
	cache.GrantPull(newRole(stack), nil)

	assert.Empty(t, synthtest.Resources(stack, policyType))
	assert.Empty(t, *cache.RegistryPolicyStatements())
}

func TestTheStatementsForARegistryPolicyThatIsManagedElsewhere(t *testing.T) {
	stack := stackOf(here)
	cache := pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams:      &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
		Pullers:        &[]*access.Party{{OrganizationID: jsii.String("o-a1b2c3d4e5")}},
		RegistryPolicy: jsii.Bool(false),
	})

	assert.Empty(t, synthtest.Resources(stack, policyType))
	document := stack.Resolve(map[string]any{"Statement": *cache.RegistryPolicyStatements()})
	assert.Equal(t, []string{
		"Allow " + importing + " on " + registry + "quay/* to AWS=* if StringEquals=aws:PrincipalOrgID=o-a1b2c3d4e5",
	}, synthtest.Statements(document))
}

func TestTwoStacksThatMayShareAnAccountCannotBothHaveARegistryPolicy(t *testing.T) {
	app := awscdk.NewApp(nil)
	first, second := awscdk.NewStack(app, jsii.String("First"), nil), awscdk.NewStack(app, jsii.String("Second"), nil)
	puller := &access.Party{Account: jsii.String(there)}
	shared(first, "Pull", pullthrough.Quay, puller)
	shared(second, "Pull", pullthrough.Kubernetes, puller)

	assert.Empty(t, synthtest.Errors(first))
	assert.Equal(t, []string{
		`Second/Pull: RegistryPolicy: stack "First" has the registry policy of its account and region, and this stack may be in the same ones; give both stacks their account and region (env), or share from only one of them`,
	}, synthtest.Errors(second))
}

func TestAPrefixCanBeUsedOncePerAccountAndRegion(t *testing.T) {
	for name, c := range map[string]struct {
		first, second func(awscdk.App) awscdk.Stack
		want          []string
	}{
		"in one stack": {
			func(a awscdk.App) awscdk.Stack { return stackIn(a, "First", here) },
			nil,
			[]string{`First/Two: Upstreams[0].Prefix: "quay" is already used by First/One in this account and region; give the upstream another prefix, or reuse that PullThroughCache`},
		},
		"in two stacks": {
			func(a awscdk.App) awscdk.Stack { return stackIn(a, "First", here) },
			func(a awscdk.App) awscdk.Stack { return stackIn(a, "Second", here) },
			[]string{`Second/Two: Upstreams[0].Prefix: "quay" is already used by First/One in this account and region; give the upstream another prefix, or reuse that PullThroughCache`},
		},
		"in two stacks of unknown accounts": {
			func(a awscdk.App) awscdk.Stack { return awscdk.NewStack(a, jsii.String("First"), nil) },
			func(a awscdk.App) awscdk.Stack { return awscdk.NewStack(a, jsii.String("Second"), nil) },
			[]string{`Second/Two: Upstreams[0].Prefix: "quay" is already used by First/One in this account and region; give the upstream another prefix, or reuse that PullThroughCache; if the stacks are for different accounts or regions, give both their env`},
		},
		"and free in another account": {
			func(a awscdk.App) awscdk.Stack { return stackIn(a, "First", here) },
			func(a awscdk.App) awscdk.Stack { return stackIn(a, "Second", there) },
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := awscdk.NewApp(nil)
			first := c.first(app)
			second := first
			if c.second != nil {
				second = c.second(app)
			}
			shared(first, "One", pullthrough.Quay)
			shared(second, "Two", pullthrough.Quay)
			assert.Equal(t, c.want, synthtest.Errors(second))
		})
	}
}
