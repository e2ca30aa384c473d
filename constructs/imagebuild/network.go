package imagebuild

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/internal/warning"
	"github.com/layercache/layercache/constructs/validation"
)

// Network runs builds in a VPC. Builds reach Git hosts and upstream registries through NAT. They reach AWS
// services through NAT too, or through endpoints:
//
//   - interface endpoints: logs, ecr.api and ecr.dkr
//   - a gateway endpoint: s3, where ECR keeps layers and where the helper comes from
//   - with LAYERCACHE_REPOSITORY_ROLE: sts
//   - with build secrets: secretsmanager or ssm, as the secret is kept
//   - with BuildOnDeploy: ssm, where the ticket of the deployment is. The build's answer goes through s3.
//   - with MetricsNamespace: monitoring
//   - with CodeCommit: git-codecommit
//   - with a connection: codeconnections.api
//   - with Reports: codebuild
//
// Endpoints replace NAT only for builds of CodeCommit, S3 and directory sources whose base images have all
// been pulled through a pull-through cache before, by tag, and whose Dockerfile has no "# syntax=" line of a
// registry on the internet. The first pull of an image needs a way to the internet even with endpoints:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html,
// https://docs.aws.amazon.com/codebuild/latest/userguide/use-vpc-endpoints-with-codebuild.html.
type Network struct {
	// Vpc is the VPC. Required.
	Vpc awsec2.IVpc

	// Subnets are the subnets that builds run in, which may be shared by another account. A build in a public
	// subnet gets no public address, and so has no way to the internet.
	// Default: the private subnets.
	Subnets *awsec2.SubnetSelection

	// SecurityGroups are those of the build machines: at most 5. They must allow outbound traffic.
	// Default: a new one that allows all outbound and no inbound traffic.
	SecurityGroups *[]awsec2.ISecurityGroup
}

type networkOptions struct {
	vpc            awsec2.IVpc
	subnets        *awsec2.SubnetSelection
	securityGroups []awsec2.ISecurityGroup
	// subnetIDs are the ids of the subnets. If the CDK finds none, subnetError is its message.
	subnetIDs   []string
	subnetError string
	// connectivity is what gives the subnets their route to the internet.
	connectivity constructs.IDependable
	// closed is the kind of the subnets that are known to have no way to the internet, such as "isolated".
	closed string
}

// resolveNetwork also looks up the subnets, once for the check and both projects.
func resolveNetwork(n *Network) *networkOptions {
	if n == nil {
		return nil
	}
	network := &networkOptions{vpc: n.Vpc, subnets: n.Subnets, securityGroups: valueOr(n.SecurityGroups, nil)}
	if n.Vpc != nil {
		network.selectSubnets()
	}
	return network
}

// selectSubnets turns the exception by which the CDK reports a selection without subnets into a message.
func (n *networkOptions) selectSubnets() {
	defer func() {
		if err := recover(); err != nil {
			n.subnetError = cdkMessage(err)
		}
	}()
	selected := n.vpc.SelectSubnets(n.subnets)
	if n.subnetIDs = stringsOr(selected.SubnetIds); len(n.subnetIDs) == 0 {
		n.subnetError = "selects no subnet"
		return
	}
	n.connectivity = selected.InternetConnectivityEstablished
	if valueOr(selected.IsPendingLookup, false) {
		return
	}
	for _, kind := range []struct {
		name    string
		subnets *[]awsec2.ISubnet
	}{{"isolated", n.vpc.IsolatedSubnets()}, {"public", n.vpc.PublicSubnets()}} {
		for _, subnet := range *kind.subnets {
			if slices.Contains(n.subnetIDs, *subnet.SubnetId()) {
				n.closed = kind.name
				return
			}
		}
	}
}

func checkNetwork(problems *validation.Problems, n *networkOptions) {
	switch {
	case n == nil:
		return
	case n.vpc == nil:
		problems.Add("Network.Vpc", "is missing", "give the VPC")
		return
	}
	checkSecurityGroups(problems, "Network.SecurityGroups", n.securityGroups)
	if n.subnetError != "" {
		problems.Add("Network.Subnets", n.subnetError, "select subnets that the VPC has")
	}
}

// warnOfClosedSubnets adds a warning if the subnets are known to have no way to the internet.
func (b *ImageBuild) warnOfClosedSubnets() {
	n := b.options.network
	if n == nil || n.closed == "" {
		return
	}
	var needs []string
	if slices.Contains([]string{kindGitHub, kindGitLab, kindBitbucket}, b.options.source.Kind()) {
		needs = append(needs, "the source ("+b.options.source.Kind()+")")
	}
	needs = append(needs, "base images that no pull-through cache has yet", "a # syntax= line of the Dockerfile")
	warning.Add(b, "layercache:closed-subnets", fmt.Sprintf(
		"Network.Subnets selects %s subnets, from which builds have no way to the internet unless you added a route. "+
			"They need one for %s. For AWS services they need the endpoints %s and the gateway endpoint s3",
		n.closed, strings.Join(needs, ", for "), strings.Join(endpoints(b.options), ", ")))
}

// endpoints returns the interface endpoints of builds that reach AWS services without NAT.
func endpoints(r *resolved) []string {
	names := []string{"logs", "ecr.api", "ecr.dkr"}
	add := func(needed bool, more ...string) {
		for _, name := range more {
			if needed && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	add(r.environment["LAYERCACHE_REPOSITORY_ROLE"] != "", "sts")
	for _, secret := range r.build.secrets {
		add(secret.kind == awscodebuild.BuildEnvironmentVariableType_SECRETS_MANAGER, "secretsmanager")
		add(secret.kind == awscodebuild.BuildEnvironmentVariableType_PARAMETER_STORE, "ssm")
	}
	add(r.deploy != nil, "ssm")
	add(r.metricsNamespace != nil, "monitoring")
	add(r.source.Kind() == kindCodeCommit, "git-codecommit")
	add(r.reports, "codebuild")
	slices.Sort(names)
	return names
}

// grantNetwork lets CodeBuild attach build machines to the subnets of the VPC, or of the fleet whose builds
// overflow. A subnet that another account shares has that account in its ARN, and the id of a subnet is unique
// without it.
// https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-iam-identity-based-access-control.html#customer-managed-policies-example-create-vpc-network-interface,
// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html.
func grantNetwork(scope constructs.Construct, role awsiam.IGrantable, r *resolved) {
	ids := overflowSubnets(r.machine.fleet)
	if r.network != nil {
		ids = r.network.subnetIDs
	}
	if len(ids) == 0 {
		return
	}
	arn := func(account *string, resource, name string) *string {
		return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("ec2"), Account: account, Resource: &resource, ResourceName: &name})
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee: role,
		Actions: jsii.Strings("ec2:CreateNetworkInterface", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
			"ec2:DeleteNetworkInterface", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"),
		ResourceArns: jsii.Strings("*"),
	})
	var subnets []*string
	for _, id := range ids {
		subnets = append(subnets, arn(jsii.String("*"), "subnet", id))
	}
	awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      role,
		Actions:      jsii.Strings("ec2:CreateNetworkInterfacePermission"),
		ResourceArns: &[]*string{arn(nil, "network-interface", "*")},
		Conditions: &map[string]*map[string]any{
			"StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
			"ArnLike":      {"ec2:Subnet": subnets},
		},
	})
}

// waitForNetwork makes a resource that starts a build wait until the machines can reach AWS and the internet: for the
// routes of the subnets, the rules of the security groups, and the endpoints of a VPC of this app. A VPC of another
// stack is complete before this one.
func (b *ImageBuild) waitForNetwork(resource awscdk.CustomResource) {
	n := b.options.network
	if n == nil {
		return
	}
	resource.Node().AddDependency(n.connectivity)
	for _, group := range *b.Connections().SecurityGroups() {
		resource.Node().AddDependency(group)
	}
	if _, made := n.vpc.Node().DefaultChild().(awsec2.CfnVPC); made {
		cfn := resource.Node().DefaultChild().(awscdk.CfnResource)
		awscdk.Aspects_Of(cfn).Add(&waitForEndpoints{vpcID: *n.vpc.VpcId(), cfn: cfn}, nil)
	}
}

// waitForEndpoints makes a resource wait for the endpoints of a VPC that its stack has. It is an aspect, because they
// may be made after the build.
type waitForEndpoints struct {
	vpcID string
	cfn   awscdk.CfnResource
}

// Visit implements awscdk.IAspect.
func (w *waitForEndpoints) Visit(constructs.IConstruct) {
	stack := w.cfn.Stack()
	for _, child := range *stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		endpoint, ok := child.(awsec2.CfnVPCEndpoint)
		if !ok || *endpoint.VpcId() != w.vpcID || *endpoint.Stack().Node().Path() != *stack.Node().Path() {
			continue
		}
		// The construct also has the rules of the endpoint's security group.
		if whole, ok := endpoint.Node().Scope().(awsec2.IVpcEndpoint); ok {
			w.cfn.Node().AddDependency(whole)
		} else {
			w.cfn.Node().AddDependency(endpoint)
		}
	}
}

// overflowSubnets returns the ids of a fleet's subnets if its builds overflow to machines on demand, which
// CodeBuild attaches to the same subnets with the role of the project. There are none without a VPC, and none
// are known of an imported fleet.
// https://docs.aws.amazon.com/codebuild/latest/userguide/fleets.reserved-capacity-fleets.html.
func overflowSubnets(fleet awscodebuild.IFleet) []string {
	if fleet == nil {
		return nil
	}
	cfn, ok := fleet.Node().DefaultChild().(awscodebuild.CfnFleet)
	if !ok || cfn.FleetVpcConfig() == nil || valueOr(cfn.OverflowBehavior(), "") != string(awscodebuild.FleetOverflowBehavior_ON_DEMAND) {
		return nil
	}
	var ids []string
	for i, id := range fleetSubnets(awscdk.Stack_Of(cfn).Resolve(cfn.FleetVpcConfig())) {
		text, known := id.(string)
		if !known {
			text = *awscdk.Lazy_UncachedString(&fleetSubnet{cfn, i}, nil)
		}
		ids = append(ids, text)
	}
	return ids
}

// fleetSubnets returns the subnets of a resolved FleetVpcConfig.
func fleetSubnets(config any) []any {
	vpc, _ := config.(map[string]any)
	subnets, _ := vpc["subnets"].([]any)
	return subnets
}

// fleetSubnet is the id of a subnet that CloudFormation fills in. It is read where it is used, because the fleet, the
// subnet and the role may be of three stacks.
type fleetSubnet struct {
	fleet awscodebuild.CfnFleet
	index int
}

// Produce implements awscdk.IStringProducer.
func (s *fleetSubnet) Produce(context awscdk.IResolveContext) *string {
	return awscdk.Token_AsString(fleetSubnets(context.Resolve(s.fleet.FleetVpcConfig(), nil))[s.index], nil)
}
