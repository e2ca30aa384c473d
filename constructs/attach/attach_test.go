package attach_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestMain(m *testing.M) { synthtest.Main(m) }

var helperZip = jsii.String("testdata/helper.zip")

// projectIn makes a project as a team has one: privileged, with a variable of its own.
func projectIn(stack awscdk.Stack, change func(*awscodebuild.ProjectProps)) awscodebuild.Project {
	props := &awscodebuild.ProjectProps{
		BuildSpec:   awscodebuild.BuildSpec_FromSourceFilename(jsii.String("buildspec.yml")),
		Source:      awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("acme"), Repo: jsii.String("shop")}),
		Environment: &awscodebuild.BuildEnvironment{Privileged: jsii.Bool(true)},
		EnvironmentVariables: &map[string]*awscodebuild.BuildEnvironmentVariable{
			"ACCOUNT": {Value: stack.Account()},
			"TOKEN":   {Type: awscodebuild.BuildEnvironmentVariableType_SECRETS_MANAGER, Value: "ci/token"},
		},
		GrantReportGroupPermissions: jsii.Bool(false),
	}
	if change != nil {
		change(props)
	}
	return awscodebuild.NewProject(stack, jsii.String("Project"), props)
}

// variablesOf returns the variables of the only project, NAME=VALUE; a type follows if it is not plain text.
func variablesOf(properties map[string]any) []string {
	var lines []string
	for _, v := range properties["Environment"].(map[string]any)["EnvironmentVariables"].([]any) {
		variable := v.(map[string]any)
		line := variable["Name"].(string) + "=" + synthtest.Text(variable["Value"])
		if variable["Type"] != "PLAINTEXT" {
			line += " (" + variable["Type"].(string) + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// statementsAbout returns the statements of the only policy that mention one of the words.
func statementsAbout(t *testing.T, stack awscdk.Stack, words ...string) []string {
	t.Helper()
	var found []string
	for _, line := range synthtest.RolePolicy(t, stack) {
		for _, word := range words {
			if strings.Contains(line, word) {
				found = append(found, line)
				break
			}
		}
	}
	return found
}

func TestTheProjectKeepsItsVariablesAndGetsThoseOfTheCache(t *testing.T) {
	stack := synthtest.Stack()
	project := projectIn(stack, nil)
	a := attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		Project: project, HelperZip: helperZip,
		Cache:       cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{RepositoryName: jsii.String("caches")}),
		Images:      &[]awsecr.IRepository{awsecr.Repository_FromRepositoryName(stack, jsii.String("Image"), jsii.String("shop"))},
		PullThrough: pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil),
	})
	require.Empty(t, synthtest.Errors(stack))
	properties := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
	variables := variablesOf(properties)
	require.Len(t, variables, 6)
	assert.Equal(t, []string{"ACCOUNT=${AWS::AccountId}", "TOKEN=ci/token (SECRETS_MANAGER)"}, variables[:2])
	assert.Regexp(t, `^LAYERCACHE_HELPER=s3://cdk-hnb659fds-assets-\$\{AWS::AccountId\}-\$\{AWS::Region\}/[0-9a-f]{64}\.zip$`, variables[2])
	assert.Regexp(t, `^LAYERCACHE_MIRRORS=public\.ecr\.aws=\$\{AWS::AccountId\}\.dkr\.ecr\..*/ecr-public,`, variables[3])
	assert.Regexp(t, `^LAYERCACHE_REPOSITORY=`, variables[4])
	assert.Equal(t, "LAYERCACHE_WRITE=true", variables[5])
	assert.NotEmpty(t, *a.HelperLocation())
	assert.NotContains(t, properties, "SecondarySources", "a project of CodePipeline may have none")

	const push = "Allow ecr:BatchGetImage ecr:GetDownloadUrlForLayer ecr:BatchCheckLayerAvailability ecr:InitiateLayerUpload ecr:UploadLayerPart ecr:CompleteLayerUpload ecr:PutImage on "
	statements := statementsAbout(t, stack, "ecr:", "s3:")
	require.Len(t, statements, 5)
	assert.Equal(t, "Allow ecr:GetAuthorizationToken on *", statements[0])
	assert.Regexp(t, "^"+push+`\S*Cache\S*$`, statements[1])
	assert.Regexp(t, "^"+push+`\S*repository/shop$`, statements[2])
	assert.Contains(t, statements[3], "repository/ecr-public/*")
	assert.Regexp(t, `^Allow s3:GetObject on arn:\$\{AWS::Partition\}:s3:::cdk-hnb659fds-assets-\$\{AWS::AccountId\}-\$\{AWS::Region\}/[0-9a-f]{64}\.zip$`, statements[4])
}

func TestTheProjectKeepsValuesOfOtherStacks(t *testing.T) {
	stack := synthtest.Stack()
	other := awscdk.NewStack(stack.Node().Root().(awscdk.App), jsii.String("Other"), nil)
	bucket := awss3.NewBucket(other, jsii.String("Bucket"), nil)
	fleet := awscodebuild.NewFleet(other, jsii.String("Fleet"), &awscodebuild.FleetProps{
		BaseCapacity: jsii.Number(1), ComputeType: awscodebuild.FleetComputeType_MEDIUM, EnvironmentType: awscodebuild.EnvironmentType_LINUX_CONTAINER,
	})
	attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		HelperZip: helperZip, Cache: cacherepo.NewCacheRepository(other, jsii.String("Cache"), nil),
		Project: projectIn(stack, func(p *awscodebuild.ProjectProps) {
			p.Environment.Fleet = fleet
			(*p.EnvironmentVariables)["BUCKET"] = &awscodebuild.BuildEnvironmentVariable{Value: bucket.BucketName()}
			(*p.EnvironmentVariables)["URL"] = &awscodebuild.BuildEnvironmentVariable{Value: "s3://" + *bucket.BucketName() + "/a"}
		}),
	})
	require.Empty(t, synthtest.Errors(stack))
	properties := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
	const name = "import(Other:ExportsOutputRefBucket83908E7781C90AC0)"
	variables := variablesOf(properties)
	require.Len(t, variables, 7)
	assert.Equal(t, []string{"BUCKET=" + name, "TOKEN=ci/token (SECRETS_MANAGER)", "URL=s3://" + name + "/a"}, variables[1:4])
	assert.Regexp(t, `^LAYERCACHE_REPOSITORY=.*import\(Other:ExportsOutput`, variables[5])
	assert.Contains(t, synthtest.Text(properties["Environment"].(map[string]any)["Fleet"].(map[string]any)["FleetArn"]), "import(Other:ExportsOutput")
}

func TestAProjectWithoutVariables(t *testing.T) {
	stack := synthtest.Stack()
	attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		Project:   projectIn(stack, func(p *awscodebuild.ProjectProps) { p.EnvironmentVariables = nil }),
		HelperZip: helperZip, Cache: cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
	})
	assert.Len(t, variablesOf(synthtest.Properties(t, stack, "AWS::CodeBuild::Project")), 3)
}

func TestAProjectThatOnlyReadsTheCache(t *testing.T) {
	stack := synthtest.Stack()
	attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		Project: projectIn(stack, nil), HelperZip: helperZip, CacheWrite: jsii.Bool(false),
		Cache:       cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
		PullThrough: pullthrough.NewPullThroughCache(stack, jsii.String("Bases"), nil),
	})
	require.Empty(t, synthtest.Errors(stack))
	assert.Contains(t, variablesOf(synthtest.Properties(t, stack, "AWS::CodeBuild::Project")), "LAYERCACHE_WRITE=false")
	assert.Empty(t, statementsAbout(t, stack, "ecr:PutImage", "ecr:InitiateLayerUpload"))
	assert.Len(t, statementsAbout(t, stack, "ecr:BatchGetImage"), 2, "the cache and the base images")
	assert.Empty(t, statementsAbout(t, stack, "ecr:CreateRepository", "ecr:TagResource"))
}

func TestTheProjectOfACdkPipeline(t *testing.T) {
	stack := synthtest.Stack()
	source := awscodecommit.Repository_FromRepositoryName(stack, jsii.String("Source"), jsii.String("shop"))
	pipeline := pipelines.NewCodePipeline(stack, jsii.String("Pipeline"), &pipelines.CodePipelineProps{
		CodeBuildDefaults: &pipelines.CodeBuildOptions{BuildEnvironment: &awscodebuild.BuildEnvironment{Privileged: jsii.Bool(true)}},
		Synth: pipelines.NewShellStep(jsii.String("Synth"), &pipelines.ShellStepProps{
			Input:    pipelines.CodePipelineSource_CodeCommit(source, jsii.String("main"), nil),
			Commands: &[]*string{attach.SetupCommand(), jsii.String("layercache build --push --tag shop:1 .")},
		}),
	})
	pipeline.BuildPipeline()
	attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		Project: pipeline.SynthProject(), HelperZip: helperZip,
		Cache: cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
	})
	require.Empty(t, synthtest.Errors(stack))
	attachedTo := 0
	for id, project := range synthtest.Resources(stack, "AWS::CodeBuild::Project") {
		if !strings.Contains(id, "Synth") {
			continue
		}
		attachedTo++
		properties := project["Properties"].(map[string]any)
		assert.Len(t, variablesOf(properties), 3)
		assert.Contains(t, properties["Source"].(map[string]any)["BuildSpec"], `aws s3 cp --only-show-errors \"$LAYERCACHE_HELPER\"`)
	}
	assert.Equal(t, 1, attachedTo)
}

func TestTheHelperIsOfTheProjectsArchitecture(t *testing.T) {
	stack := synthtest.Stack()
	attach.NewAttachment(stack, jsii.String("Attachment"), &attach.AttachmentProps{
		Project: projectIn(stack, func(p *awscodebuild.ProjectProps) {
			p.Environment.BuildImage = awscodebuild.LinuxArmBuildImage_AMAZON_LINUX_2023_STANDARD_3_0()
		}),
		HelperZip: jsii.String("testdata/helper.zip"), Cache: cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil),
	})
	assert.Empty(t, synthtest.Errors(stack))
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		props func(stack awscdk.Stack, p *attach.AttachmentProps)
		want  []string
	}{
		"nothing is given": {
			func(_ awscdk.Stack, p *attach.AttachmentProps) { *p = attach.AttachmentProps{} },
			[]string{
				"Test/Attachment: Project: is missing; give an awscodebuild.Project of this app",
				"Test/Attachment: Cache: is missing; give a cacherepo.CacheRepository",
			},
		},
		"the project is not privileged": {
			func(stack awscdk.Stack, p *attach.AttachmentProps) {
				p.Project = awscodebuild.NewPipelineProject(stack, jsii.String("Project"), nil)
			},
			[]string{"Test/Attachment: Project: is not privileged, which a builder needs; set Privileged in its Environment, or in CodeBuildDefaults of a CDK pipeline"},
		},
		"the project is imported": {
			func(stack awscdk.Stack, p *attach.AttachmentProps) {
				p.Project = awscodebuild.Project_FromProjectName(stack, jsii.String("Project"), jsii.String("shop"))
			},
			[]string{"Test/Attachment: Project: is imported: this app cannot set its variables; attach in the app that creates it, or set its variables and its role's policies there: docs/how-to/typescript-and-python.md"},
		},
		"the machine is no Linux container": {
			func(stack awscdk.Stack, p *attach.AttachmentProps) {
				p.Project = projectIn(stack, func(o *awscodebuild.ProjectProps) {
					o.Environment = &awscodebuild.BuildEnvironment{
						BuildImage: awscodebuild.LinuxLambdaBuildImage_AMAZON_LINUX_2023_NODE_20(), ComputeType: awscodebuild.ComputeType_LAMBDA_1GB,
					}
				})
			},
			[]string{
				"Test/Attachment: Project: has machines of type LINUX_LAMBDA_CONTAINER, on which no builder runs; use a Linux build image on a machine of type LINUX_CONTAINER or ARM_CONTAINER",
				"Test/Attachment: Project: is not privileged, which a builder needs; set Privileged in its Environment, or in CodeBuildDefaults of a CDK pipeline",
			},
		},
		"a variable is set already": {
			func(stack awscdk.Stack, p *attach.AttachmentProps) {
				p.Project = projectIn(stack, func(o *awscodebuild.ProjectProps) {
					o.EnvironmentVariables = &map[string]*awscodebuild.BuildEnvironmentVariable{
						"LAYERCACHE_WRITE": {Value: "true"}, "LAYERCACHE_FALLBACK_BRANCH": {Value: "trunk"},
					}
				})
			},
			[]string{"Test/Attachment: Project: has the variable LAYERCACHE_WRITE already; remove it from the project's EnvironmentVariables: the attachment sets it"},
		},
		"the project has an attachment already": {
			func(stack awscdk.Stack, p *attach.AttachmentProps) {
				p.Project = projectIn(stack, nil)
				attach.NewAttachment(stack, jsii.String("First"), p)
			},
			[]string{"Test/Attachment: Project: has the attachment Test/First already; use one attachment for each project"},
		},
		"images are pushed to the cache": {
			func(_ awscdk.Stack, p *attach.AttachmentProps) {
				p.Images = &[]awsecr.IRepository{p.Cache.Repository(), nil}
			},
			[]string{
				"Test/Attachment: Images[0]: is the cache repository: pushing the image would overwrite the cache; use a separate repository for the images",
				"Test/Attachment: Images[1]: is missing; give an awsecr.Repository, or leave it out",
			},
		},
		"the helper is not a file": {
			func(_ awscdk.Stack, p *attach.AttachmentProps) { p.HelperZip = jsii.String("no.zip") },
			[]string{`Test/Attachment: HelperZip: "no.zip" is not a file; give the path of a zip with layercache and buildkitd, or leave it out to compile both`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := &attach.AttachmentProps{HelperZip: helperZip, Cache: cacherepo.NewCacheRepository(stack, jsii.String("Cache"), nil)}
			c.props(stack, props)
			if props.Project == nil && props.Cache != nil {
				props.Project = projectIn(stack, nil)
			}
			attach.NewAttachment(stack, jsii.String("Attachment"), props)
			assert.Equal(t, c.want, synthtest.Errors(stack))
		})
	}
}
