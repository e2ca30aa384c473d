package imagebuild

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Network runs builds in a VPC. Builds need a way to Git hosts and upstream
// registries (NAT), and to AWS services either the same way or by endpoints:
//
//   - interface endpoints: logs, ecr.api and ecr.dkr
//   - a gateway endpoint: s3, which ECR keeps layers in and the helper comes from
//   - with build secrets: secretsmanager or ssm, and kms
//   - with MetricsNamespace: monitoring
//   - with CodeCommit: git-codecommit
//   - with a connection: codeconnections.api
//   - with Reports: codebuild
//
// With those and base images that were pulled through a pull-through cache
// before, builds of CodeCommit, S3 and directory sources run without NAT; a
// first pull needs a way to the internet:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html,
// https://docs.aws.amazon.com/codebuild/latest/userguide/use-vpc-endpoints-with-codebuild.html.
type Network struct {
	// Vpc is the VPC. Required.
	Vpc awsec2.IVpc

	// Subnets are those that builds run in. Public ones do not work: a build
	// gets no public address.
	// Default: the private subnets.
	Subnets *awsec2.SubnetSelection

	// SecurityGroups are those of the build machines: at most 5.
	// Default: a new one that lets everything out and nothing in.
	SecurityGroups *[]awsec2.ISecurityGroup
}

// checkNetwork also finds the subnets, as the CDK stops at a selection that has
// none.
func checkNetwork(n *Network) []validation.Problem {
	switch {
	case n == nil:
		return nil
	case n.Vpc == nil:
		return []validation.Problem{{Prop: "Network.Vpc", Wrong: "is missing", Fix: "give the VPC"}}
	}
	var found []validation.Problem
	if n.SecurityGroups != nil && len(*n.SecurityGroups) > maxSecurityGroups {
		found = append(found, validation.Problem{
			Prop: "Network.SecurityGroups", Wrong: fmt.Sprintf("has %d security groups", len(*n.SecurityGroups)), Fix: fmt.Sprintf("give at most %d", maxSecurityGroups),
		})
	}
	if _, wrong := n.subnetIDs(); wrong != "" {
		found = append(found, validation.Problem{Prop: "Network.Subnets", Wrong: wrong, Fix: "select subnets that the VPC has"})
	}
	return found
}

// cdkCode is the name of an error that the CDK puts before its message.
var cdkCode = regexp.MustCompile(`^[A-Za-z]+: `)

// message is the message of an error of the CDK, without its stack.
func message(err any) string {
	line, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return cdkCode.ReplaceAllString(line, "")
}

func (n *Network) subnetIDs() (ids []*string, wrong string) {
	defer func() {
		if err := recover(); err != nil {
			wrong = message(err)
		}
	}()
	ids = *n.Vpc.SelectSubnets(n.Subnets).SubnetIds
	if len(ids) == 0 {
		wrong = "selects no subnet"
	}
	return ids, wrong
}

// grantNetwork lets CodeBuild put builds into the VPC:
// https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html#customer-managed-policies-example-create-vpc-network-interface.
func grantNetwork(scope constructs.Construct, role awsiam.IGrantable, n *Network) {
	if n == nil {
		return
	}
	arn := func(resource, name string) *string {
		return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("ec2"), Resource: &resource, ResourceName: &name})
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: role,
		Actions: jsii.Strings("ec2:CreateNetworkInterface", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
			"ec2:DeleteNetworkInterface", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"),
		ResourceArns: jsii.Strings("*"),
	})
	ids, _ := n.subnetIDs()
	var subnets []*string
	for _, id := range ids {
		subnets = append(subnets, arn("subnet", *id))
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("ec2:CreateNetworkInterfacePermission"),
		ResourceArns: &[]*string{arn("network-interface", "*")},
		Conditions: &map[string]*map[string]any{
			"StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
			"ArnEquals":    {"ec2:Subnet": subnets},
		},
	})
}
