package imagebuild

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

// Triggers say what starts builds, besides people and StartBuild.
type Triggers struct {
	// Webhook starts a build on events of the Git host.
	// Default: no webhook.
	Webhook *Webhook

	// Schedule starts a release build at these times.
	// Default: no schedule.
	Schedule awsevents.Schedule

	// RefreshOnSchedule has scheduled builds ignore what is cached and export it
	// anew, so that they take up new packages of a distribution.
	// Default: false.
	RefreshOnSchedule *bool

	// BaseImages start a release build when one of them is pushed, or changes
	// in a pull-through cache, in the account and region of the stack.
	// Default: none.
	BaseImages *[]*BaseImage
}

// BaseImage is an image that others are built FROM.
type BaseImage struct {
	// Repository holds the image. For one of a pull-through cache import it by
	// name: awsecr.Repository_FromRepositoryName with "docker-hub/library/golang".
	// Required.
	Repository awsecr.IRepository

	// Tag is the tag that is watched.
	// Default: "latest".
	Tag *string
}

func (i *BaseImage) tag() *string {
	if i.Tag == nil {
		return jsii.String("latest")
	}
	return i.Tag
}

func (t *Triggers) baseImages() []*BaseImage {
	if t.BaseImages == nil {
		return nil
	}
	return *t.BaseImages
}

// checkTriggers checks what the triggers watch against what is built: a build
// that watches its own image would never end.
func checkTriggers(props *ImageBuildProps) []validation.Problem {
	var found []validation.Problem
	t := props.Triggers
	if t.Schedule == nil && t.RefreshOnSchedule != nil {
		found = append(found, validation.Problem{Prop: "Triggers.RefreshOnSchedule", Wrong: "has no schedule", Fix: "set Triggers.Schedule"})
	}
	if t.Webhook != nil && props.Source != nil && !hasWebhooks(props.Source) {
		found = append(found, validation.Problem{Prop: "Triggers.Webhook", Wrong: noWebhooks(props.Source), Fix: noWebhooksFix(props.Source)})
	}
	for i, image := range t.baseImages() {
		at := fmt.Sprintf("Triggers.BaseImages[%d]", i)
		switch {
		case image == nil || image.Repository == nil:
			found = append(found, validation.Problem{Prop: at + ".Repository", Wrong: "is missing", Fix: "give the repository of the image"})
		case props.isImage(image.Repository):
			found = append(found, validation.Problem{Prop: at, Wrong: "is the image that is built, so that every build would start another", Fix: "watch another repository"})
		case validation.IsLiteral(image.tag()) && !tagForm.MatchString(*image.tag()):
			found = append(found, validation.Problem{Prop: at + ".Tag", Wrong: fmt.Sprintf("%q has the wrong form", *image.tag()), Fix: "use at most 128 letters, digits, '.', '_' and '-'"})
		}
	}
	return found
}

// addTriggers makes the rules of EventBridge.
func (b *ImageBuild) addTriggers(t *Triggers) {
	if t.Schedule == nil && len(t.baseImages()) == 0 {
		return
	}
	start := b.newStarter()
	if t.Schedule != nil {
		awsevents.NewCfnRule(b, jsii.String("Schedule"), &awsevents.CfnRuleProps{
			Description:        jsii.String("Starts a build on a schedule (layercache)"),
			ScheduleExpression: t.Schedule.ExpressionString(),
			Targets:            start.target(isTrue(t.RefreshOnSchedule)),
		})
	}
	for i, image := range t.baseImages() {
		awsevents.NewCfnRule(b, jsii.String(baseImageID(i, image)), &awsevents.CfnRuleProps{
			Description:  jsii.String("Starts a build when a base image changes (layercache)"),
			EventPattern: image.pattern(),
			Targets:      start.target(false),
		})
	}
}

// pattern matches the image's push, and its refresh by a pull-through cache:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html.
func (i *BaseImage) pattern() map[string]any {
	return map[string]any{
		"source":      []string{"aws.ecr"},
		"detail-type": []string{"ECR Image Action", "ECR Pull Through Cache Action"},
		"account":     []*string{awscdk.Stack_Of(i.Repository).Account()},
		"detail": map[string]any{
			"repository-name": []*string{i.Repository.RepositoryName()},
			"image-tag":       []*string{i.tag()},
			"$or": []map[string]any{
				{"action-type": []string{"PUSH"}, "result": []string{"SUCCESS"}},
				{"sync-status": []string{"SUCCESS"}},
			},
		},
	}
}

// baseImageID is stable when other images come and go, as far as the name is
// known at synthesis.
func baseImageID(i int, image *BaseImage) string {
	name := literalName(image.Repository)
	if name == "" || !validation.IsLiteral(image.tag()) {
		return fmt.Sprintf("BaseImage%d", i)
	}
	return "BaseImage-" + strings.ReplaceAll(name, "/", "-") + "-" + *image.tag()
}
