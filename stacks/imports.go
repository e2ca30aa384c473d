package stacks

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/validation"
)

// addImports sets the props that are resources outside of the app. They are imported below scope, by their
// names, ids and ARNs.
func (b BuildConfig) addImports(scope constructs.Construct, p place, props *imagebuild.ImageBuildProps) {
	props.Source = b.source(p.connection, scope)
	props.Image = importRepository(scope, "Repository", b.ImageRepository)
	props.EncryptionKey = importKey(scope, "EncryptionKey", p.encryptionKey)
	if b.CacheBucket != "" {
		props.CacheBucket = awss3.Bucket_FromBucketAttributes(scope, jsii.String("CacheBucket"), &awss3.BucketAttributes{
			BucketName: &b.CacheBucket, EncryptionKey: importKey(scope, "CacheBucketKey", b.CacheBucketKey),
		})
	}
	if b.LogGroup != "" {
		props.LogGroup = awslogs.LogGroup_FromLogGroupName(scope, jsii.String("LogGroup"), &b.LogGroup)
	}
	if b.Fleet != "" {
		props.Fleet = awscodebuild.Fleet_FromFleetArn(scope, jsii.String("Fleet"), &b.Fleet)
	}
	if props.DockerServer != nil {
		props.DockerServer.SecurityGroups = importSecurityGroups(scope, "ServerSecurityGroup", b.DockerServer.SecurityGroups)
	}
	props.Network = b.networkIn(p).network(scope)
	if b.Secrets != nil {
		secrets := map[string]*imagebuild.Secret{}
		for id, secret := range b.Secrets {
			secrets[id] = secret.secret(scope, id)
		}
		props.Build.Secrets = &secrets
	}
	if b.Bake != nil {
		b.Bake.addImports(scope, props.Bake)
	}
	if b.BaseImages != nil {
		props.Triggers.BaseImages = b.baseImages(scope)
	}
	if props.PullRequests != nil {
		props.PullRequests.Image = importRepository(scope, "PullRequestRepository", b.PullRequestImageRepository)
	}
}

// networkIn returns the network of the build in a place, or nil. A fleet has its own.
func (b BuildConfig) networkIn(p place) *NetworkConfig {
	switch {
	case b.Network != nil:
		return b.Network
	case b.Fleet != "":
		return nil
	}
	return p.network
}

// network returns the VPC. Nothing but ids is known of it.
func (n *NetworkConfig) network(scope constructs.Construct) *imagebuild.Network {
	if n == nil || !*orTrue(n.Enabled) {
		return nil
	}
	// CodeBuild takes subnets by id, and their zones are not read.
	const zone = "unknown"
	var subnets []awsec2.ISubnet
	for i, id := range n.Subnets {
		subnet := awsec2.Subnet_FromSubnetAttributes(scope, jsii.String(fmt.Sprintf("Subnet%d", i)), &awsec2.SubnetAttributes{SubnetId: &id, AvailabilityZone: jsii.String(zone)})
		awscdk.Annotations_Of(subnet).AcknowledgeWarning(jsii.String("@aws-cdk/aws-ec2:noSubnetRouteTableId"), jsii.String("no route is added"))
		subnets = append(subnets, subnet)
	}
	return &imagebuild.Network{
		Vpc: awsec2.Vpc_FromVpcAttributes(scope, jsii.String("Vpc"), &awsec2.VpcAttributes{
			VpcId: &n.VpcID, AvailabilityZones: jsii.Strings(zone),
		}),
		Subnets:        &awsec2.SubnetSelection{Subnets: &subnets},
		SecurityGroups: importSecurityGroups(scope, "SecurityGroup", n.SecurityGroups),
	}
}

// importSecurityGroups imports security groups, whose rules are not changed. No ids are the default.
func importSecurityGroups(scope constructs.Construct, id string, ids []string) *[]awsec2.ISecurityGroup {
	var groups []awsec2.ISecurityGroup
	for i, group := range ids {
		groups = append(groups, awsec2.SecurityGroup_FromSecurityGroupId(scope, jsii.String(fmt.Sprintf("%s%d", id, i)), &group,
			&awsec2.SecurityGroupImportOptions{Mutable: jsii.Bool(false)}))
	}
	if groups == nil {
		return nil
	}
	return &groups
}

// importKey imports a KMS key, or returns nil for "".
func importKey(scope constructs.Construct, id, arn string) awskms.IKey {
	if arn == "" {
		return nil
	}
	return awskms.Key_FromKeyArn(scope, &id, &arn)
}

// importRepository imports an ECR repository by its name, in the account and region of the stack, or by its
// ARN, or returns nil for "".
func importRepository(scope constructs.Construct, id, nameOrARN string) awsecr.IRepository {
	switch {
	case nameOrARN == "":
		return nil
	case strings.HasPrefix(nameOrARN, "arn:"):
		return awsecr.Repository_FromRepositoryArn(scope, &id, &nameOrARN)
	}
	return awsecr.Repository_FromRepositoryName(scope, &id, &nameOrARN)
}

// importSecret imports a secret by its name or complete ARN.
func importSecret(scope constructs.Construct, id, nameOrARN, key string) awssecretsmanager.ISecret {
	attributes := &awssecretsmanager.SecretAttributes{EncryptionKey: importKey(scope, id+"Key", key)}
	if strings.HasPrefix(nameOrARN, "arn:") {
		attributes.SecretCompleteArn = &nameOrARN
	} else {
		attributes.SecretPartialArn = awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("secretsmanager"), Resource: jsii.String("secret"), ResourceName: &nameOrARN, ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})
	}
	return awssecretsmanager.Secret_FromSecretAttributes(scope, &id, attributes)
}

func (s SecretConfig) secret(scope constructs.Construct, id string) *imagebuild.Secret {
	if s.Parameter == "" {
		return imagebuild.Secret_FromSecretsManager(importSecret(scope, "Secret-"+id, s.SecretsManager, s.EncryptionKey), optional(s.Field))
	}
	parameter := awsssm.StringParameter_FromSecureStringParameterAttributes(scope, jsii.String("Secret-"+id), &awsssm.SecureStringParameterAttributes{ParameterName: &s.Parameter})
	return imagebuild.Secret_FromSsmParameter(parameter, importKey(scope, "Secret-"+id+"-Key", s.EncryptionKey))
}

// baseImages imports the repositories of the base images.
func (b BuildConfig) baseImages(scope constructs.Construct) *[]*imagebuild.BaseImage {
	images := []*imagebuild.BaseImage{}
	for i, reference := range b.BaseImages {
		repository, tag, _ := strings.Cut(reference, ":")
		images = append(images, &imagebuild.BaseImage{
			Repository: awsecr.Repository_FromRepositoryName(scope, jsii.String(fmt.Sprintf("BaseImage%d", i)), &repository),
			Tag:        optional(tag),
		})
	}
	return &images
}

var (
	repositoryARNForm = regexp.MustCompile(`^arn:[a-z0-9-]+:ecr:[a-z0-9-]+:[0-9]{12}:repository/(.+)$`)
	baseImageForm     = regexp.MustCompile(`^[a-z0-9._/-]+(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$`)
	bucketForm        = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	fleetForm         = regexp.MustCompile(`^arn:[a-z0-9-]+:codebuild:[a-z0-9-]+:[0-9]{12}:fleet/.+$`)
	topicForm         = regexp.MustCompile(`^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$`)
	vpcForm           = regexp.MustCompile(`^vpc-[0-9a-f]+$`)
	subnetForm        = regexp.MustCompile(`^subnet-[0-9a-f]+$`)
	securityGroupForm = regexp.MustCompile(`^sg-[0-9a-f]+$`)
	logGroupForm      = regexp.MustCompile(`^[A-Za-z0-9._/#-]{1,512}$`)
	parameterForm     = regexp.MustCompile(`^/?[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*$`)
	secretNameForm    = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)
	// completeSecretARN has the six characters that Secrets Manager adds.
	completeSecretARN = regexp.MustCompile(`^arn:[a-z0-9-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+-[A-Za-z0-9]{6}$`)
)

const keyFix = "give the ARN of a KMS key"

// validateImports checks the form of names, ids and ARNs of resources outside of the app.
func (c *Config) validateImports(found *validation.Problems, key string, b BuildConfig) {
	if b.ImageName != "" && !validation.IsNewRepositoryName(b.ImageName) {
		found.Add(key+".imageName", fmt.Sprintf("%q has the wrong form", b.ImageName), "use 2 to 256 lower-case letters and digits with one '/', '.', '_' or '-' between them, such as team/api")
	}
	for _, f := range []struct {
		key, value string
		form       *regexp.Regexp
		fix        string
	}{
		{"cacheBucket", b.CacheBucket, bucketForm, "give the name of a bucket"},
		{"cacheBucketKey", b.CacheBucketKey, keyForm, keyFix},
		{"fleet", b.Fleet, fleetForm, "give the ARN of a fleet, arn:PARTITION:codebuild:REGION:ACCOUNT:fleet/NAME:ID"},
		{"logGroup", b.LogGroup, logGroupForm, "give the name of a log group, such as /ci/api"},
	} {
		validateForm(found, key+"."+f.key, f.value, f.form, f.fix)
	}
	validateImageRepository(found, key+".imageRepository", b.ImageRepository)
	validateImageRepository(found, key+".pullRequestImageRepository", b.PullRequestImageRepository)
	for i, reference := range b.BaseImages {
		at := fmt.Sprintf("%s.baseImages[%d]", key, i)
		if host, _, hasHost := strings.Cut(reference, "/"); hasHost && strings.Contains(host, ".") {
			found.Add(at, fmt.Sprintf("%q names a registry", reference), "give the repository in ECR without the host, such as docker-hub/library/golang:1.26")
			continue
		}
		if !baseImageForm.MatchString(reference) {
			found.Add(at, fmt.Sprintf("%q has the wrong form", reference), "give REPOSITORY:TAG, such as docker-hub/library/golang:1.26")
		}
	}
	validateRollOut(found, key+".rollOut", b.RollOut)
	validateNetwork(found, key+".network", b.Network)
	if b.DockerServer != nil {
		validateIDs(found, key+".dockerServer.securityGroups", b.DockerServer.SecurityGroups, securityGroupForm, "give the id of a security group, such as sg-0123456789abcdef0")
	}
	for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
		b.Secrets[id].validate(found, key+".secrets."+id)
	}
	if len(c.Environments) > 1 {
		c.validateOnePlace(found, key, b)
	}
}

// validateOnePlace refuses what is in one account if builds are in several.
func (c *Config) validateOnePlace(found *validation.Problems, key string, b BuildConfig) {
	const fix = "leave it out, or use a second configuration with another layercache.name"
	for _, k := range []struct {
		key string
		set bool
		fix string
	}{
		{"network", b.Network != nil && *orTrue(b.Network.Enabled), "set network in each of layercache.environments"},
		{"fleet", b.Fleet != "", fix},
		{"cacheBucketKey", b.CacheBucketKey != "", fix},
		{"source.secret", b.Source.Secret != "", fix},
		{"source.connection", b.Source.Connection != "", "set connection in each of layercache.environments"},
		{"dockerServer.securityGroups", b.DockerServer != nil && len(b.DockerServer.SecurityGroups) > 0, fix},
	} {
		if k.set {
			found.Add(key+"."+k.key, fmt.Sprintf("is in one account and region, and there are %d environments", len(c.Environments)), k.fix)
		}
	}
}

// repositoryNameOf returns the name of a repository that is given by its name or ARN.
func repositoryNameOf(nameOrARN string) string {
	if parts := repositoryARNForm.FindStringSubmatch(nameOrARN); parts != nil {
		return parts[1]
	}
	return nameOrARN
}

// sameRepository reports whether two names or ARNs may be those of one repository. A name is that of a repository in
// the account and region of the builds, which an ARN may name too.
func sameRepository(a, b string) bool {
	isName := repositoryNameOf(a) == a || repositoryNameOf(b) == b
	return a == b || isName && repositoryNameOf(a) == repositoryNameOf(b)
}

func validateImageRepository(found *validation.Problems, key, nameOrARN string) {
	name := repositoryNameOf(nameOrARN)
	if name != "" && !validation.IsRepositoryName(name) {
		found.Add(key, fmt.Sprintf("%q is not the name or ARN of an ECR repository", nameOrARN), "give a name such as team/api, without the host of the registry")
	}
}

func validateNetwork(found *validation.Problems, key string, n *NetworkConfig) {
	if n == nil || !*orTrue(n.Enabled) {
		return
	}
	if !vpcForm.MatchString(n.VpcID) {
		found.Add(key+".vpcId", fmt.Sprintf("%q is not the id of a VPC", n.VpcID), "give an id such as vpc-0123456789abcdef0")
	}
	if len(n.Subnets) == 0 {
		found.Add(key+".subnets", "is empty", "list the ids of the subnets that builds run in")
	}
	validateIDs(found, key+".subnets", n.Subnets, subnetForm, "give the id of a subnet, such as subnet-0123456789abcdef0")
	validateIDs(found, key+".securityGroups", n.SecurityGroups, securityGroupForm, "give the id of a security group, such as sg-0123456789abcdef0")
}

func validateIDs(found *validation.Problems, key string, ids []string, form *regexp.Regexp, fix string) {
	for i, id := range ids {
		if !form.MatchString(id) {
			found.Add(fmt.Sprintf("%s[%d]", key, i), fmt.Sprintf("%q has the wrong form", id), fix)
		}
	}
}

func (s SecretConfig) validate(found *validation.Problems, key string) {
	switch {
	case (s.SecretsManager == "") == (s.Parameter == ""):
		found.Add(key, "needs exactly one of secretsManager and parameter", "give the name of a secret or of a parameter, not its value")
	case s.Parameter != "" && s.Field != "":
		found.Add(key+".field", "is only for secretsManager", "leave it out")
	}
	validateSecretName(found, key+".secretsManager", s.SecretsManager)
	validateForm(found, key+".parameter", s.Parameter, parameterForm, "give the name of a parameter, such as /build/npm")
	validateForm(found, key+".encryptionKey", s.EncryptionKey, keyForm, keyFix)
}

func validateSecretName(found *validation.Problems, key, nameOrARN string) {
	switch {
	case nameOrARN == "", completeSecretARN.MatchString(nameOrARN):
	case strings.HasPrefix(nameOrARN, "arn:"):
		found.Add(key, fmt.Sprintf("%q is not the complete ARN of a secret", nameOrARN), "give the ARN with the six characters that Secrets Manager adds, or the name")
	default:
		validateForm(found, key, nameOrARN, secretNameForm, "give the name or complete ARN of a secret of Secrets Manager")
	}
}

// validateTogether checks keys that only make sense with others, or without them.
func validateTogether(found *validation.Problems, key string, b BuildConfig) {
	isS3 := b.CacheMode == string(imagebuild.S3Cache)
	const keepOne = "keep one of the two keys"
	for _, c := range []struct {
		key       string
		wrong     bool
		text, fix string
	}{
		{"imageName", b.ImageName != "" && b.ImageRepository != "", "is the name of a new repository, but imageRepository gives one", keepOne},
		{"logRetentionDays", b.LogRetentionDays != nil && b.LogGroup != "", "is that of a new log group, but logGroup gives one", keepOne},
		{"cacheBucket", isS3 && b.CacheBucket == "", "is missing", "give the name of the bucket that keeps the layers"},
		{"cacheBucket", !isS3 && b.CacheBucket != "", `is only used with cacheMode "s3"`, `leave it out, or set cacheMode to "s3"`},
		{"cacheBucketKey", b.CacheBucket == "" && b.CacheBucketKey != "", "has no effect without cacheBucket", "leave it out"},
		{"network", b.Network != nil && *orTrue(b.Network.Enabled) && b.Fleet != "", "has no effect on a fleet", "set the VPC on the fleet"},
		{"refreshOnSchedule", b.RefreshOnSchedule != nil && *b.RefreshOnSchedule && b.Schedule == "", "has no effect without schedule", "set schedule, or leave it out"},
		{"pullRequestTags", b.PullRequestTags != nil && b.PullRequestImageRepository == "", "has no effect without pullRequestImageRepository", "set pullRequestImageRepository, or leave it out"},
		{"pullRequestSecrets", b.PullRequestSecrets != nil && *b.PullRequestSecrets && b.Secrets == nil, "has no effect without secrets", "set secrets, or leave it out"},
	} {
		if c.wrong {
			found.Add(key+"."+c.key, c.text, c.fix)
		}
	}
}
