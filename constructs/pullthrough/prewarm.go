package pullthrough

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/buildspecs"
	"github.com/layercache/layercache/constructs/internal/ecrgrant"
	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// PrewarmProps are the props of a Prewarm.
type PrewarmProps struct {
	// PullThrough is the cache to warm. Required.
	PullThrough IPullThroughCache

	// Images are the images to pull, written as in Dockerfiles: "docker.io/library/golang:1.26" or
	// "golang:1.26". Each must be in an upstream of PullThrough. All platforms of an image are pulled. ECR
	// imports an image only by its tag, so a pinned image needs both: "golang:1.26@sha256:…".
	// Required.
	Images *[]*string

	// Schedule is the schedule of the runs.
	// Default: once a day, because ECR checks for newer images at most every 24 hours.
	Schedule awsevents.Schedule

	// Timeout is the maximum duration of a run: 5 minutes to 36 hours.
	// Default: 1 hour.
	Timeout awscdk.Duration

	// LogRetention is the retention time of the logs.
	// Default: awslogs.RetentionDays_ONE_MONTH.
	LogRetention awslogs.RetentionDays

	// HelperZip is the path of a zip with the program layercache for linux and amd64.
	// Default: compiled from this module's source, once per version.
	HelperZip *string
}

// Prewarm pulls images through a pull-through cache on a schedule, because the first pull of an image is slow
// and ECR only checks for newer images on a pull. A run tries all images and fails if one could not be
// pulled.
type Prewarm struct {
	constructs.Construct
	project  awscodebuild.Project
	role     awsiam.Role
	logGroup awslogs.LogGroup
	rule     awsevents.Rule
}

// NewPrewarm creates a small CodeBuild project and the EventBridge rule that starts it.
func NewPrewarm(scope constructs.Construct, id *string, props *PrewarmProps) *Prewarm {
	p := &Prewarm{}
	constructs.NewConstruct_Override(p, scope, id)
	if props == nil {
		props = &PrewarmProps{}
	}
	found := checkPrewarm(props)
	zip := ""
	if len(found) == 0 {
		var problem *validation.Problem
		if zip, problem = helperasset.Zip(props.HelperZip, "amd64"); problem != nil {
			found = append(found, *problem)
		}
	}
	p.role = newPrewarmRole(p)
	p.logGroup = awslogs.NewLogGroup(p, jsii.String("Logs"), &awslogs.LogGroupProps{
		Retention:     retentionOr(props.LogRetention, awslogs.RetentionDays_ONE_MONTH),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	validation.Report(p, found)
	if len(found) > 0 {
		p.addPlaceholder()
	} else {
		p.addProject(props, zip)
	}
	p.addRule(props.Schedule)
	return p
}

func checkPrewarm(props *PrewarmProps) validation.Problems {
	found := validation.Problems(helperasset.Check(props.HelperZip))
	if props.PullThrough == nil {
		found.Add("PullThrough", "is missing", "give a pullthrough.PullThroughCache")
	}
	if props.Images == nil || len(*props.Images) == 0 {
		found.Add("Images", "is empty", "name images, such as docker.io/library/golang:1.26")
	} else if props.PullThrough != nil {
		for i, image := range *props.Images {
			at, reference := fmt.Sprintf("Images[%d]", i), valueOr(image, "")
			found = append(found, checkImage(props.PullThrough.serves().rules, at, reference)...)
			if strings.HasPrefix(parseImage(reference).version, "@") {
				found.Add(at, fmt.Sprintf("%q has a digest but no tag, and ECR imports an image only by its tag", reference),
					"write NAME:TAG@DIGEST; the digest is compared after the pull")
			}
		}
	}
	found.CheckMinutes("Timeout", props.Timeout, 5, 2160)
	if props.Schedule != nil {
		if wrong, fix := validation.CheckSchedule(*props.Schedule.ExpressionString()); wrong != "" {
			found.Add("Schedule", wrong, fix)
		}
	}
	return found
}

// newPrewarmRole creates a role that trusts CodeBuild only on behalf of this account:
// https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html.
func newPrewarmRole(scope constructs.Construct) awsiam.Role {
	return awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		Description: jsii.String("Service role that pulls base images through a pull-through cache (layercache)"),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("codebuild.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{
				"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
			},
		}),
	})
}

// addProject creates the project with a role that accepts no further statements, because the CDK would add
// broad ones. The helper pulls without Docker, so the machine is not privileged.
func (p *Prewarm) addProject(props *PrewarmProps, zip string) {
	p.grant(props)
	timeout := props.Timeout
	if timeout == nil {
		timeout = awscdk.Duration_Hours(jsii.Number(1))
	}
	p.project = awscodebuild.NewProject(p, jsii.String("Project"), &awscodebuild.ProjectProps{
		Description: jsii.String("Pulls base images through a pull-through cache (layercache)"),
		Source:      helperasset.PrimarySource(perstack.SharedOf(p), p.role, zip),
		Environment: &awscodebuild.BuildEnvironment{
			BuildImage:  awscodebuild.LinuxBuildImage_AMAZON_LINUX_2023_5(),
			ComputeType: awscodebuild.ComputeType_SMALL,
		},
		EnvironmentVariables: &map[string]*awscodebuild.BuildEnvironmentVariable{
			"LAYERCACHE_PREWARM": {Value: jsii.String(uris(props)), Type: awscodebuild.BuildEnvironmentVariableType_PLAINTEXT},
		},
		Role:                        p.role.WithoutPolicyUpdates(nil),
		GrantReportGroupPermissions: jsii.Bool(false),
		Logging:                     &awscodebuild.LoggingOptions{CloudWatch: &awscodebuild.CloudWatchLoggingOptions{LogGroup: p.logGroup}},
		Timeout:                     timeout,
	})
	p.project.Node().AddDependency(p.role.Node().FindChild(jsii.String("DefaultPolicy")))
	p.project.Node().DefaultChild().(awscodebuild.CfnProject).AddPropertyOverride(jsii.String("Source.BuildSpec"), buildspecs.Prewarm)
}

// prewarmActions are needed to read what a run has imported: ECR checks whether a layer exists (a HEAD request)
// with an action that no pull needs.
func prewarmActions() []*string {
	return append(ecrgrant.PullActions(), jsii.String("ecr:BatchCheckLayerAvailability"))
}

// grant allows the role what a run does: write logs, pull the images, and check which layers exist.
func (p *Prewarm) grant(props *PrewarmProps) {
	p.logGroup.GrantWrite(p.role)
	props.PullThrough.grantReading(p.role, &PullOptions{Repositories: repositoriesOf(*props.Images)}, prewarmActions())
}

// uris returns the comma-separated URIs under which the images are pulled.
func uris(props *PrewarmProps) string {
	var uris []string
	for _, image := range *props.Images {
		uri := props.PullThrough.serves().uri(*image)
		if parseImage(*image).version == "" {
			uri = jsii.String(*uri + ":latest")
		}
		uris = append(uris, *uri)
	}
	return strings.Join(uris, ",")
}

// repositoriesOf returns the repositories of images without duplicates.
func repositoriesOf(images []*string) *[]*string {
	var repositories []*string
	seen := map[string]bool{}
	for _, reference := range images {
		i := parseImage(*reference)
		repository := i.host + "/" + i.name
		if !seen[repository] {
			repositories = append(repositories, &repository)
		}
		seen[repository] = true
	}
	return &repositories
}

// addPlaceholder sets a project for Project to return if the props have problems, so that the caller's
// program continues and reports its other problems.
func (p *Prewarm) addPlaceholder() {
	p.project = awscodebuild.NewProject(p, jsii.String("Project"), &awscodebuild.ProjectProps{
		BuildSpec: awscodebuild.BuildSpec_FromObject(&map[string]any{"version": "0.2"}), Role: p.role,
	})
}

func (p *Prewarm) addRule(schedule awsevents.Schedule) {
	if schedule == nil {
		schedule = awsevents.Schedule_Rate(awscdk.Duration_Days(jsii.Number(1)))
	}
	p.rule = awsevents.NewRule(p, jsii.String("Schedule"), &awsevents.RuleProps{
		Description: jsii.String("Pulls base images through a pull-through cache (layercache)"),
		Schedule:    schedule,
		Targets:     &[]awsevents.IRuleTarget{awseventstargets.NewCodeBuildProject(p.project, nil)},
	})
}

func retentionOr(value, other awslogs.RetentionDays) awslogs.RetentionDays {
	if value == "" {
		return other
	}
	return value
}

// Project is the CodeBuild project. Its OnBuildFailed event reports images that could not be pulled.
func (p *Prewarm) Project() awscodebuild.IProject { return p.project }

// Role is the service role of the project.
func (p *Prewarm) Role() awsiam.IRole { return p.role }

// LogGroup holds the logs of the runs.
func (p *Prewarm) LogGroup() awslogs.ILogGroup { return p.logGroup }

// Rule is the EventBridge rule that starts the runs.
func (p *Prewarm) Rule() awsevents.IRule { return p.rule }
