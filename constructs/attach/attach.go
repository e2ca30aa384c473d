// Package attach gives an existing AWS CodeBuild project a layer cache. Its buildspec needs one more line.
package attach

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/pullthrough"
	"github.com/layercache/layercache/constructs/validation"
)

// AttachmentProps are the props of an Attachment.
type AttachmentProps struct {
	// Project is a project of this app: an awscodebuild.Project or PipelineProject, or one that CDK Pipelines
	// makes, after BuildPipeline. It must be privileged. Other LAYERCACHE_* variables, such as
	// LAYERCACHE_FALLBACK_BRANCH, are set on the project itself. Required.
	Project awscodebuild.IProject

	// Cache holds the layer caches of the project's images. Whether the project builds releases or pull requests is
	// not known here: give one that builds releases no cache that pull requests write, such as that of
	// imagebuild.PullRequests. Required.
	Cache cacherepo.ICacheRepository

	// CacheWrite lets the project export its caches, and make the first pull of a base image through PullThrough.
	// Set it to false for projects that build pull requests.
	// Default: true.
	CacheWrite *bool

	// Images are the repositories that the project pushes images to.
	// Default: none; the project's role can push already.
	Images *[]awsecr.IRepository

	// PullThrough serves base images. The Dockerfiles stay as they are.
	// Default: base images come from the registries that the Dockerfiles name.
	PullThrough pullthrough.IPullThroughCache

	// HelperZip is the path of a prebuilt helper for the architecture of the project's machine.
	// Default: compiled from source.
	HelperZip *string
}

// Attachment lets the builds of a project use a layer cache: it grants the project's role the cache and the
// helper, and sets the project's variables. It does not change the buildspec: put SetupCommand before the
// first `layercache build`.
type Attachment struct {
	constructs.Construct
	helper *string
}

// NewAttachment attaches the cache to the project.
func NewAttachment(scope constructs.Construct, id *string, props *AttachmentProps) *Attachment {
	a := &Attachment{helper: jsii.String("")}
	constructs.NewConstruct_Override(a, scope, id)
	if props == nil {
		props = &AttachmentProps{}
	}
	project, problems := readProject(props.Project)
	if project != nil {
		project.checkOnlyOne(a, &problems)
	}
	problems = append(problems, checkProps(props)...)
	var zip string
	if len(problems) == 0 {
		path, problem := helperasset.Zip(props.HelperZip, project.architecture)
		if problem != nil {
			problems = append(problems, *problem)
		}
		zip = path
	}
	if len(problems) > 0 {
		validation.Report(a, problems)
		return a
	}
	a.attach(project, props, zip)
	return a
}

// SetupCommand returns the line for the buildspec: it fetches the helper from S3 and puts it on PATH, for the
// rest of the build. It is the same for every project, so that it can also be written into a buildspec.yml.
// The build image needs the AWS CLI and unzip, as all images that CodeBuild curates have.
func SetupCommand() *string { return jsii.String(buildspecs.FetchHelper) }

// HelperLocation returns the location of the helper's zip, s3://BUCKET/KEY, which is LAYERCACHE_HELPER.
func (a *Attachment) HelperLocation() *string { return a.helper }

// attach adds everything in the stack of the project, which may be another than that of the attachment.
func (a *Attachment) attach(project *project, props *AttachmentProps, zip string) {
	shared, role := perstack.SharedOf(project.cfn), project.role
	variables := map[string]*string{
		"LAYERCACHE_REPOSITORY": props.Cache.RepositoryUri(),
		"LAYERCACHE_WRITE":      jsii.String("false"),
	}
	if writes(props) {
		variables["LAYERCACHE_WRITE"] = jsii.String("true")
		props.Cache.GrantWrite(role)
	} else {
		props.Cache.GrantRead(role)
	}
	for _, image := range imagesOf(props) {
		ecrgrant.Push(shared, image, role)
	}
	if props.PullThrough != nil {
		props.PullThrough.GrantPull(role, &pullthrough.PullOptions{FirstPull: jsii.Bool(writes(props))})
		if mirrors := props.PullThrough.Mirrors(); *mirrors != "" {
			variables["LAYERCACHE_MIRRORS"] = mirrors
		}
	}
	a.helper = helperasset.Location(shared, role, zip)
	variables["LAYERCACHE_HELPER"] = a.helper
	project.addVariables(variables)
}

func writes(props *AttachmentProps) bool { return props.CacheWrite == nil || *props.CacheWrite }

func imagesOf(props *AttachmentProps) []awsecr.IRepository {
	if props.Images == nil {
		return nil
	}
	return *props.Images
}
