package imagebuild_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

const (
	pull = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer"
	push = pull + " ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage"

	assetBucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
)

// newProps returns valid props with a small source and a small helper.
func newProps(t *testing.T, stack awscdk.Stack) *imagebuild.ImageBuildProps {
	t.Helper()
	source, _ := synthtest.File(t, "Dockerfile", "FROM scratch\n")
	_, helper := synthtest.File(t, "helper.zip", "helper")
	return &imagebuild.ImageBuildProps{
		Source:    imagebuild.Source_Directory(&source, nil),
		Cache:     cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		HelperZip: &helper,
	}
}

func uri(id string) string {
	parts := "split(${" + id + ".Arn})"
	return parts + "[4].dkr.ecr." + parts + "[3].${AWS::URLSuffix}/${" + id + "}"
}

func TestPermissionsOfTheServiceRole(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.PullThrough = pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), nil)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	source, helper := keys(t, stack)
	const repositories = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/"
	assert.Equal(t, []string{
		"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildLogs04E75593.Arn}",
		"Allow ecr:GetAuthorizationToken on *",
		"Allow " + push + " on ${BuildImage47D28642.Arn}",
		"Allow " + push + " on ${CacheRepository8754AB2F.Arn}",
		"Allow " + pull + " ecr:BatchImportUpstreamImage ecr:CreateRepository on " +
			repositories + "ecr-public/* " + repositories + "k8s/* " + repositories + "quay/*",
		"Allow s3:GetObject s3:GetObjectVersion on arn:${AWS::Partition}:s3:::" + source,
		"Allow s3:GetBucketAcl s3:GetBucketLocation on arn:${AWS::Partition}:s3:::" + assetBucket,
		"Allow s3:GetObject s3:GetObjectVersion on arn:${AWS::Partition}:s3:::" + helper,
	}, synthtest.RolePolicy(t, stack))
	assert.Regexp(t, `^cdk-hnb659fds-assets-\$\{AWS::AccountId}-\$\{AWS::Region}/[0-9a-f]{64}\.zip$`, source)
	assert.Regexp(t, `^cdk-hnb659fds-assets-\$\{AWS::AccountId}-\$\{AWS::Region}/[0-9a-f]{64}\.zip$`, helper)
	assert.NotEqual(t, source, helper)
}

func TestOnlyCodeBuildOfThisAccountMayAssumeTheServiceRole(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.RolePath = jsii.String("/ci/release/")
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	role := synthtest.Properties(t, stack, "AWS::IAM::Role")
	assert.Equal(t, []string{
		"Allow sts:AssumeRole to Service=codebuild.amazonaws.com if StringEquals=aws:SourceAccount=${AWS::AccountId}",
	}, synthtest.Statements(role["AssumeRolePolicyDocument"]))
	assert.Equal(t, "/ci/release/", role["Path"])
	assert.NotContains(t, role, "ManagedPolicyArns")
	assert.NotContains(t, role, "Policies")
}

func TestDefaultsOfTheVariables(t *testing.T) {
	stack := synthtest.Stack()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack))

	assert.Equal(t, map[string]string{
		"LAYERCACHE_REPOSITORY":        uri("CacheRepository8754AB2F"),
		"LAYERCACHE_MODE":              "registry",
		"LAYERCACHE_WRITE":             "true",
		"LAYERCACHE_REFRESH":           "false",
		"LAYERCACHE_APP":               "Build",
		"LAYERCACHE_FALLBACK_BRANCH":   "main",
		"LAYERCACHE_BUILDER":           "auto",
		"LAYERCACHE_REPORT_DIR":        "layercache-report",
		"LAYERCACHE_IMAGE":             uri("BuildImage47D28642"),
		"LAYERCACHE_PUSH":              "true",
		"LAYERCACHE_COMPRESSION":       "auto",
		"LAYERCACHE_MOUNTS":            "auto",
		"LAYERCACHE_MOUNT_LIMIT":       "2GB",
		"LAYERCACHE_IMAGE_COMPRESSION": "gzip",
		"LAYERCACHE_ATTESTATIONS":      "image-manifest",
		"LAYERCACHE_TAGS":              "latest",
		"LAYERCACHE_DOCKERFILE":        "Dockerfile",
		"LAYERCACHE_CONTEXT":           ".",
		"LAYERCACHE_USD_PER_MINUTE":    "0.01",
	}, variables(t, stack))
}

func TestPropsSetVariables(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Image = awsecr.Repository_FromRepositoryName(stack, jsii.String("Image"), jsii.String("team/api"))
	props.CacheWrite = jsii.Bool(false)
	props.Dockerfile = jsii.String("docker/Dockerfile")
	props.Context = jsii.String("services/api")
	props.Tags = jsii.Strings("v1", "{commit}")
	props.CacheCompression = imagebuild.Zstd
	props.CachePolicy = imagebuild.Act
	props.ImageCompression = imagebuild.Zstd
	props.Attestations = imagebuild.NoAttestations
	props.FallbackBranch = jsii.String("trunk")
	props.PullThrough = pullthrough.NewPullThroughCache(stack, jsii.String("Pull"), &pullthrough.PullThroughCacheProps{
		Upstreams: &[]*pullthrough.Upstream{{Registry: pullthrough.Quay}},
	})
	props.Environment = &map[string]*string{"GOFLAGS": jsii.String("-mod=readonly"), "LAYERCACHE_REFRESH": jsii.String("true")}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	const host = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
	assert.Equal(t, map[string]string{
		"GOFLAGS":                      "-mod=readonly",
		"LAYERCACHE_REPOSITORY":        uri("CacheRepository8754AB2F"),
		"LAYERCACHE_MODE":              "registry",
		"LAYERCACHE_WRITE":             "false",
		"LAYERCACHE_REFRESH":           "true",
		"LAYERCACHE_APP":               "api",
		"LAYERCACHE_FALLBACK_BRANCH":   "trunk",
		"LAYERCACHE_BUILDER":           "auto",
		"LAYERCACHE_MIRRORS":           "quay.io=" + host + "/quay",
		"LAYERCACHE_REPORT_DIR":        "layercache-report",
		"LAYERCACHE_IMAGE":             host + "/team/api",
		"LAYERCACHE_PUSH":              "true",
		"LAYERCACHE_COMPRESSION":       "zstd",
		"LAYERCACHE_POLICY":            "act",
		"LAYERCACHE_MOUNTS":            "auto",
		"LAYERCACHE_MOUNT_LIMIT":       "2GB",
		"LAYERCACHE_IMAGE_COMPRESSION": "zstd",
		"LAYERCACHE_ATTESTATIONS":      "none",
		"LAYERCACHE_TAGS":              "v1,{commit}",
		"LAYERCACHE_DOCKERFILE":        "docker/Dockerfile",
		"LAYERCACHE_CONTEXT":           "services/api",
		"LAYERCACHE_USD_PER_MINUTE":    "0.01",
	}, variables(t, stack))
}

func TestWithoutCacheWriteTheRoleMayOnlyReadTheCache(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.CacheWrite = jsii.Bool(false)
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	policy := synthtest.RolePolicy(t, stack)
	assert.Contains(t, policy, "Allow "+pull+" on ${CacheRepository8754AB2F.Arn}")
	assert.NotContains(t, policy, "Allow "+push+" on ${CacheRepository8754AB2F.Arn}")
}

func TestTheProjectHasAPrivilegedMachineAndTheHelper(t *testing.T) {
	stack := synthtest.Stack()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack))

	p := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
	environment := p["Environment"].(map[string]any)
	delete(environment, "EnvironmentVariables")
	assert.Equal(t, map[string]any{
		"ComputeType":              "BUILD_GENERAL1_MEDIUM",
		"Image":                    "aws/codebuild/amazonlinux-x86_64-standard:6.0",
		"ImagePullCredentialsType": "CODEBUILD",
		"PrivilegedMode":           true,
		"Type":                     "LINUX_CONTAINER",
	}, environment)
	assert.Equal(t, buildspecs.Image, p["Source"].(map[string]any)["BuildSpec"])
	assert.Equal(t, "S3", p["Source"].(map[string]any)["Type"])
	secondary := p["SecondarySources"].([]any)
	assert.Len(t, secondary, 1)
	assert.Equal(t, "layercache", secondary[0].(map[string]any)["SourceIdentifier"])
	assert.Equal(t, "S3", secondary[0].(map[string]any)["Type"])
	assert.Equal(t, "${BuildLogs04E75593}", synthtest.Text(p["LogsConfig"].(map[string]any)["CloudWatchLogs"].(map[string]any)["GroupName"]))
	assert.Equal(t, 60.0, p["TimeoutInMinutes"])
	assert.Equal(t, []any{"BuildRoleDefaultPolicyEAC4E6D6"}, synthtest.Resource(t, stack, "AWS::CodeBuild::Project")["DependsOn"])
}

func TestMachinePropsSetTheProject(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Architecture = imagebuild.ARM64
	props.ComputeType = awscodebuild.ComputeType_LARGE
	props.Timeout = awscdk.Duration_Minutes(jsii.Number(20))
	props.LogRetention = awslogs.RetentionDays_ONE_WEEK
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	p := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
	environment := p["Environment"].(map[string]any)
	assert.Equal(t, "aws/codebuild/amazonlinux-aarch64-standard:4.0", environment["Image"])
	assert.Equal(t, "ARM_CONTAINER", environment["Type"])
	assert.Equal(t, "BUILD_GENERAL1_LARGE", environment["ComputeType"])
	assert.Equal(t, 20.0, p["TimeoutInMinutes"])
	assert.Equal(t, map[string]any{"RetentionInDays": 7.0}, synthtest.Properties(t, stack, "AWS::Logs::LogGroup"))
}

func TestANewImageRepositoryIsDeletedOnlyIfItsCreationIsRolledBack(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Cache = cacherepo.CacheRepository_FromCacheRepositoryAttributes(stack, jsii.String("Shared"), &cacherepo.CacheRepositoryAttributes{RepositoryName: jsii.String("team/cache")})
	props.ImageName = jsii.String("team/api")
	stack.Node().TryRemoveChild(jsii.String("Cache"))
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

	rules, _ := lifecycle.Render("", lifecycle.ImageRules())
	resource := synthtest.Resource(t, stack, "AWS::ECR::Repository")
	assert.Equal(t, map[string]any{
		"ImageScanningConfiguration": map[string]any{"ScanOnPush": true},
		"ImageTagMutability":         "MUTABLE",
		"LifecyclePolicy":            map[string]any{"LifecyclePolicyText": rules},
		"RepositoryName":             "team/api",
	}, resource["Properties"])
	assert.Equal(t, "RetainExceptOnCreate", resource["DeletionPolicy"])
	assert.Equal(t, "Retain", resource["UpdateReplacePolicy"])
	assert.Equal(t, "api", variables(t, stack)["LAYERCACHE_APP"])
}

func TestAnImageBuildIsAGrantee(t *testing.T) {
	stack := synthtest.Stack()
	build := imagebuild.NewImageBuild(stack, jsii.String("Build"), newProps(t, stack))
	awss3.Bucket_FromBucketName(stack, jsii.String("Bucket"), jsii.String("models")).GrantPut(build, nil)

	policy := synthtest.RolePolicy(t, stack)
	assert.Contains(t, policy[len(policy)-1], "s3:PutObject")
	assert.Contains(t, policy[len(policy)-1], "arn:${AWS::Partition}:s3:::models/*")
}

func TestTheCheckOfTheServiceRoleIsOffOnlyForARoleWithAPath(t *testing.T) {
	for name, c := range map[string]struct {
		rolePath *string
		want     bool
	}{
		"a role without a path passes the check":                {nil, false},
		"the check takes the ARN of a role with a path wrongly": {jsii.String("/ci/"), true},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			props.RolePath = c.rolePath
			build := imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

			acknowledged := slices.ContainsFunc(*build.Project().Node().Metadata(), func(entry *constructs.MetadataEntry) bool {
				return *entry.Type == *awscdk.Validations_ACKNOWLEDGED_RULES_METADATA_KEY()
			})
			assert.Equal(t, c.want, acknowledged)
		})
	}
}
