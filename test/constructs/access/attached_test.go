package access

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/constructs/attach"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/stacks"
)

// attachedName is the name of the matrix of projects that the constructs do not create.
const attachedName = "attached-projects"

// attachedMatrix returns the matrix of a cache stack that shares its caches, of two projects with an Attachment, and of
// projects of other apps, which have the shared policies.
func attachedMatrix(t *testing.T) *matrix {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, arch := range []string{"amd64", "arm64"} {
		require.NoError(t, os.WriteFile("helper-"+arch+".zip", []byte(arch), 0o600))
	}
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: new(bool), Outdir: jsii.String(filepath.Join(t.TempDir(), "cdk.out"))})
	stacks.NewCacheStack(app, jsii.String("team-cache"), &stacks.CacheStackProps{
		Name: jsii.String("team"), Share: jsii.Bool(true), HelperZip: jsii.String("helper-{arch}.zip"),
		Tiers: map[string]*cacherepo.CacheRepositoryProps{"prod": nil, "pr": nil},
	})
	build := awscdk.NewStack(app, jsii.String("team-build"), nil)
	cache := cacherepo.CacheRepository_FromCacheRepositoryAttributes(build, jsii.String("Cache"), &cacherepo.CacheRepositoryAttributes{
		RepositoryName: jsii.String(stacks.TierRepositoryName("team", "prod")), PolicyAllows: jsii.Bool(true),
	})
	image := awsecr.NewRepository(build, jsii.String("Image"), &awsecr.RepositoryProps{RepositoryName: jsii.String("team/api")})
	attachTo(build, "api", &attach.AttachmentProps{Cache: cache, Images: &[]awsecr.IRepository{image}})
	attachTo(build, "apiPullRequest", &attach.AttachmentProps{Cache: cache, CacheWrite: jsii.Bool(false)})
	w := matrixOf(attachedName, "team", stacksOf(t, app))
	// The roles are the team's own, as awscodebuild.Project makes them: an Attachment adds to what they may do, not to who
	// may assume them.
	w.targets = slices.DeleteFunc(w.targets, func(on target) bool { return on.kind == "role" })
	return w
}

// attachTo attaches to a new project as a team makes it.
func attachTo(scope awscdk.Stack, id string, props *attach.AttachmentProps) {
	props.HelperZip = jsii.String("helper-amd64.zip")
	props.Project = awscodebuild.NewProject(scope, &id, &awscodebuild.ProjectProps{
		Source:                      awscodebuild.Source_GitHub(&awscodebuild.GitHubSourceProps{Owner: jsii.String("acme"), Repo: jsii.String("shop")}),
		Environment:                 &awscodebuild.BuildEnvironment{BuildImage: awscodebuild.LinuxBuildImage_AMAZON_LINUX_2023_5(), Privileged: jsii.Bool(true)},
		GrantReportGroupPermissions: jsii.Bool(false),
	})
	attach.NewAttachment(scope, jsii.String(id+"Attachment"), props)
}

// holders are the principals for the policies of a CacheStack with Share, by policy.
var holders = map[string]string{
	"prodwrite": "release with prod:write-policy", "prodread": "pull request with prod:read-policy",
	"prwrite": "pull request with pr:write-policy", "prread": "anyone with pr:read-policy",
}

var sharedPolicyForm = regexp.MustCompile(`^Share([a-z]+)[0-9A-F]{8}$`)

// addHolders adds a role of another app for each shared policy.
func (w *matrix) addHolders(s stack) {
	for _, id := range s.ids("AWS::IAM::ManagedPolicy") {
		policy := sharedPolicyForm.FindStringSubmatch(id)[1]
		w.principals = append(w.principals, principal{
			name: holders[policy], arn: "arn:" + s.partition + ":iam::" + s.account + ":role/other-app/" + policy, account: s.account, fromTemplate: true,
			identity: []int{w.add(holders[policy]+" identity", s.resolve(s.resources[id].Properties["PolicyDocument"]))},
		})
	}
}

// addShared adds the parameters of a CacheStack with Share, the helpers that they name, and similar resources.
func (w *matrix) addShared(s stack) {
	for _, id := range s.ids("AWS::SSM::Parameter") {
		name := s.nameOf(id)
		w.target(s, "parameter "+name, "parameter", s.arnOf(id))
		w.target(s, "helper's zip of "+name, "zip", s.helperARN(s.text(s.resources[id].Properties["Value"])))
		another := name[:strings.LastIndex(name, "/")+1] + "another"
		w.target(s, "parameter "+another, "parameter", s.arn("ssm", "parameter"+another))
	}
}

// helperARN returns the ARN of the object at a location s3://BUCKET/KEY.
func (s stack) helperARN(location string) string {
	return "arn:" + s.partition + ":s3:::" + strings.TrimPrefix(location, "s3://")
}
