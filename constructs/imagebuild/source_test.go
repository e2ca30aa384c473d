package imagebuild_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodecommit"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/internal/synthtest"
)

const connection = "arn:aws:codeconnections:eu-west-1:111111111111:connection/0a1b"

func sourceBucket(s awscdk.Stack) awss3.IBucket {
	return awss3.Bucket_FromBucketName(s, jsii.String("Bucket"), jsii.String("sources"))
}

func TestSources(t *testing.T) {
	for name, c := range map[string]struct {
		source func(awscdk.Stack) imagebuild.ISource
		want   map[string]any
		grants []string
	}{
		"S3, of which the role may read one object": {
			source: func(s awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_S3(sourceBucket(s), jsii.String("app/source.zip"))
			},
			want: map[string]any{"Type": "S3", "Location": "sources/app/source.zip"},
			grants: []string{
				"Allow s3:GetObject s3:GetObjectVersion on arn:${AWS::Partition}:s3:::sources/app/source.zip",
				"Allow s3:GetBucketAcl s3:GetBucketLocation on arn:${AWS::Partition}:s3:::sources",
			},
		},
		"S3 with a KMS key, which the role may use to decrypt": {
			source: func(s awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_S3(awss3.Bucket_FromBucketAttributes(s, jsii.String("Bucket"), &awss3.BucketAttributes{
					BucketName:    jsii.String("sources"),
					EncryptionKey: awskms.Key_FromKeyArn(s, jsii.String("Key"), jsii.String("arn:aws:kms:eu-west-1:111111111111:key/k")),
				}), jsii.String("a.zip"))
			},
			want: map[string]any{"Type": "S3", "Location": "sources/a.zip"},
			grants: []string{
				"Allow s3:GetObject s3:GetObjectVersion on arn:${AWS::Partition}:s3:::sources/a.zip",
				"Allow s3:GetBucketAcl s3:GetBucketLocation on arn:${AWS::Partition}:s3:::sources",
				"Allow kms:Decrypt on arn:aws:kms:eu-west-1:111111111111:key/k",
			},
		},
		"GitHub, with the account's credential": {
			source: func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), nil)
			},
			want: map[string]any{"Type": "GITHUB", "Location": "https://github.com/team/api.git", "ReportBuildStatus": true},
		},
		"GitHub, with a connection that the role may use": {
			source: func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{
					ConnectionArn: jsii.String(connection), CloneDepth: jsii.Number(1), Submodules: jsii.Bool(true), ReportStatus: jsii.Bool(false),
				})
			},
			want: map[string]any{
				"Type": "GITHUB", "Location": "https://github.com/team/api.git", "ReportBuildStatus": false, "GitCloneDepth": 1.0,
				"GitSubmodulesConfig": map[string]any{"FetchSubmodules": true},
				"Auth":                map[string]any{"Type": "CODECONNECTIONS", "Resource": connection},
			},
			grants: []string{"Allow codeconnections:GetConnection codeconnections:GetConnectionToken on " + connection},
		},
		"a connection with the service's old name": {
			source: func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_Bitbucket(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{
					ConnectionArn: jsii.String("arn:aws-cn:codestar-connections:cn-north-1:111111111111:connection/0a1b"),
				})
			},
			want: map[string]any{
				"Type": "BITBUCKET", "Location": "https://bitbucket.org/team/api.git", "ReportBuildStatus": true,
				"Auth": map[string]any{"Type": "CODECONNECTIONS", "Resource": "arn:aws-cn:codestar-connections:cn-north-1:111111111111:connection/0a1b"},
			},
			grants: []string{"Allow codestar-connections:GetConnection codestar-connections:GetConnectionToken on arn:aws-cn:codestar-connections:cn-north-1:111111111111:connection/0a1b"},
		},
		"GitHub Enterprise, with a token in a secret": {
			source: func(s awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitHubEnterprise(jsii.String("https://git.example.com/team/api.git"), &imagebuild.GitOptions{
					Secret: awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("Token"), jsii.String("git")),
				})
			},
			want: map[string]any{
				"Type": "GITHUB_ENTERPRISE", "Location": "https://git.example.com/team/api.git", "ReportBuildStatus": true,
				"Auth": map[string]any{"Type": "SECRETS_MANAGER", "Resource": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:git"},
			},
			grants: []string{"Allow secretsmanager:GetSecretValue on arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:git-??????"},
		},
		"GitLab": {
			source: func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitLab(jsii.String("group/sub/api"), nil)
			},
			want: map[string]any{"Type": "GITLAB", "Location": "https://gitlab.com/group/sub/api.git", "ReportBuildStatus": true},
		},
		"a self-managed GitLab server": {
			source: func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitLabSelfManaged(jsii.String("https://gitlab.example.com:8443/team/api.git"), nil)
			},
			want: map[string]any{"Type": "GITLAB_SELF_MANAGED", "Location": "https://gitlab.example.com:8443/team/api.git", "ReportBuildStatus": true},
		},
		"CodeCommit, which the role may pull": {
			source: func(s awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_CodeCommit(awscodecommit.Repository_FromRepositoryName(s, jsii.String("Code"), jsii.String("app")),
					&imagebuild.CodeCommitOptions{Submodules: jsii.Bool(true)})
			},
			want: map[string]any{
				"Type": "CODECOMMIT", "Location": "https://git-codecommit.${AWS::Region}.${AWS::URLSuffix}/v1/repos/app",
				"GitSubmodulesConfig": map[string]any{"FetchSubmodules": true},
			},
			grants: []string{"Allow codecommit:GitPull on arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:app"},
		},
		"no source": {
			source: func(awscdk.Stack) imagebuild.ISource { return imagebuild.Source_None() },
			want:   map[string]any{"Type": "NO_SOURCE"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			props.Source = c.source(stack)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)

			assert.Empty(t, synthtest.Errors(stack))
			p := project(t, stack, "BuildProject")
			source := p["Source"].(map[string]any)
			for _, key := range []string{"Location"} {
				if source[key] != nil {
					source[key] = synthtest.Text(source[key])
				}
			}
			if auth, ok := source["Auth"].(map[string]any); ok {
				auth["Resource"] = synthtest.Text(auth["Resource"])
			}
			c.want["BuildSpec"] = buildspecs.Image
			assert.Equal(t, c.want, source)
			always := append([]string{
				"Allow logs:CreateLogStream logs:PutLogEvents on ${BuildLogs04E75593.Arn}",
				"Allow ecr:GetAuthorizationToken on *",
				"Allow " + push + " on ${BuildImage47D28642.Arn}",
				"Allow " + push + " on ${CacheRepository8754AB2F.Arn}",
			}, helperStatements(helperKeys(p)...)...)
			assert.ElementsMatch(t, append(always, c.grants...), policyOf(t, stack, releaseRole))
		})
	}
}

func TestAVersionSetsTheProject(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{Version: jsii.String("trunk")})
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	assert.Equal(t, "trunk", project(t, stack, "BuildProject")["SourceVersion"])
}

// pinnedSource is a source of a user's program: another one at a version.
type pinnedSource struct {
	imagebuild.ISource
	version string
}

func (s *pinnedSource) Bind(scope constructs.Construct, role awsiam.IGrantable) *imagebuild.BoundSource {
	bound := s.ISource.Bind(scope, role)
	bound.Version = &s.version
	return bound
}

func TestASourceOfTheUserMayChangeThatOfADirectory(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Source = &pinnedSource{props.Source, "v2"}
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	project := synthtest.Properties(t, stack, "AWS::CodeBuild::Project")
	assert.Equal(t, "v2", project["SourceVersion"])
	assert.Equal(t, buildspecs.Image, project["Source"].(map[string]any)["BuildSpec"])
}

func TestProblemsOfSources(t *testing.T) {
	for name, c := range map[string]struct {
		source func(awscdk.Stack) imagebuild.ISource
		want   string
	}{
		"a directory without a path": {
			func(awscdk.Stack) imagebuild.ISource { return imagebuild.Source_Directory(nil, nil) },
			"the directory is missing; give the path of a directory, absolute or relative to the one that cdk runs in",
		},
		"an object without a key": {
			func(s awscdk.Stack) imagebuild.ISource { return imagebuild.Source_S3(sourceBucket(s), nil) },
			"the bucket or the key is missing; give the bucket and the key of a zip file",
		},
		"a CodeCommit source without a repository": {
			func(awscdk.Stack) imagebuild.ISource { return imagebuild.Source_CodeCommit(nil, nil) },
			"the repository is missing; give the CodeCommit repository",
		},
		"a GitHub source without a name": {
			func(awscdk.Stack) imagebuild.ISource { return imagebuild.Source_GitHub(jsii.String("team"), nil, nil) },
			"the repository is missing; give its owner and name, or its URL",
		},
		"a value that is not a URL": {
			func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitHubEnterprise(jsii.String("git@example.com:team/api"), nil)
			},
			`"git@example.com:team/api" is not the URL of a repository; give a path or URL such as https://git.example.com/team/api.git`,
		},
		"two credentials": {
			func(s awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{
					ConnectionArn: jsii.String(connection),
					Secret:        awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("Token"), jsii.String("git")),
				})
			},
			"has both ConnectionArn and Secret; set only one of them",
		},
		"a secret for GitLab": {
			func(s awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitLab(jsii.String("group/api"), &imagebuild.GitOptions{
					Secret: awssecretsmanager.Secret_FromSecretNameV2(s, jsii.String("Token"), jsii.String("git")),
				})
			},
			"CodeBuild does not support a Secret for GitLab; give a ConnectionArn",
		},
		"an ARN that is not of a connection": {
			func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitLab(jsii.String("group/api"), &imagebuild.GitOptions{ConnectionArn: jsii.String("arn:aws:iam::1:role/x")})
			},
			`ConnectionArn "arn:aws:iam::1:role/x" has the wrong form; give arn:PARTITION:codeconnections:REGION:ACCOUNT:connection/ID`,
		},
		"a clone depth out of range": {
			func(awscdk.Stack) imagebuild.ISource {
				return imagebuild.Source_GitLab(jsii.String("group/api"), &imagebuild.GitOptions{CloneDepth: jsii.Number(26)})
			},
			"CloneDepth 26 is out of CodeBuild's range; give 1 to 25, or leave it out for all",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			props := newProps(t, stack)
			props.Source = c.source(stack)
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, []string{"Test/Build: Source: " + c.want}, synthtest.Errors(stack))
		})
	}
}

func TestAConnectionMustBeInTheAccountOfTheStack(t *testing.T) {
	const arn = "arn:aws:codeconnections:us-east-1:222222222222:connection/c"
	for name, c := range map[string]struct {
		account string
		want    []string
	}{
		"the same account, and another region": {"222222222222", nil},
		"another account": {"111111111111", []string{
			"Test/Build: Source: the connection belongs to account 222222222222, but the stack to 111111111111; give the ARN of a connection in the account of the stack",
		}},
		"an account that is not known at synthesis": {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var env *awscdk.Environment
			if c.account != "" {
				env = &awscdk.Environment{Account: jsii.String(c.account), Region: jsii.String("eu-west-1")}
			}
			stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Test"), &awscdk.StackProps{Env: env})
			props := newProps(t, stack)
			props.Source = imagebuild.Source_GitHub(jsii.String("team"), jsii.String("api"), &imagebuild.GitOptions{ConnectionArn: jsii.String(arn)})
			imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
			assert.Equal(t, c.want, synthtest.Errors(stack))
		})
	}
}

func TestOnlyWithoutASourceMayTheContextBeAURL(t *testing.T) {
	stack := synthtest.Stack()
	props := newProps(t, stack)
	props.Context = jsii.String("https://github.com/team/api.git#main")
	imagebuild.NewImageBuild(stack, jsii.String("Wrong"), props)
	assert.Len(t, synthtest.Errors(stack), 1)

	props.Source = imagebuild.Source_None()
	imagebuild.NewImageBuild(stack, jsii.String("Build"), props)
	assert.Len(t, synthtest.Errors(stack), 1)
}
