package function

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/layercache/layercache/internal/deployment"
)

// The values of Request.RequestType.
const (
	createRequest = "Create"
	updateRequest = "Update"
	deleteRequest = "Delete"
)

// Request is a request of CloudFormation:
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html.
type Request struct {
	RequestType       string
	ResponseURL       string
	StackId           string
	RequestId         string
	LogicalResourceId string
	// PhysicalResourceId is empty in a request to create.
	PhysicalResourceId string
	ResourceProperties Properties
}

// Properties are the properties of the resource in the template. CloudFormation passes each value as a string.
type Properties struct {
	// Project is the name of the CodeBuild project. It is the id of the resource too.
	Project string
	// Batch is "true" if the project builds batches.
	Batch string
	// Image is the image repository, HOST/NAME.
	Image string
	// Tags are the tags of the image, separated by commas.
	Tags string
	// SourceVersion is the version of the source to build; empty means the project's.
	SourceVersion string
	// QueuedTimeoutInMinutes is how long a build may wait for a machine, and TimeoutInMinutes how long it may then run.
	// With both, CodeBuild ends the build while CloudFormation still waits for an answer.
	QueuedTimeoutInMinutes, TimeoutInMinutes string
	// Inputs are the values that the image depends on.
	Inputs map[string]string
}

// tag returns the tag of the image for these properties. Equal properties have equal tags, so the tag finds
// the image of an earlier deployment.
func (p Properties) tag() string {
	content, _ := json.Marshal(map[string]any{ // Strings are always valid JSON; keys are sorted.
		"project": p.Project, "image": p.Image, "tags": p.Tags, "sourceVersion": p.SourceVersion, "inputs": p.Inputs,
	})
	return deployment.Tag(content)
}

func (p Properties) isBatch() bool { return p.Batch == "true" }

// ticket returns the ticket for the request.
func (r Request) ticket() deployment.Ticket {
	p := r.ResourceProperties
	id := p.Project
	if r.RequestType == deleteRequest {
		id = r.PhysicalResourceId
	}
	return deployment.Ticket{
		URL: r.ResponseURL, StackID: r.StackId, RequestID: r.RequestId, LogicalID: r.LogicalResourceId,
		PhysicalID: cmp.Or(id, r.PhysicalResourceId, r.LogicalResourceId), Image: p.Image, Tag: p.tag(),
	}
}

// check returns an error if the request cannot be handled.
func (r Request) check() error {
	p := r.ResourceProperties
	for _, property := range []struct{ name, value string }{
		{"Project", p.Project}, {"Image", p.Image}, {"Tags", p.Tags},
	} {
		if property.value == "" {
			return fmt.Errorf("the resource has no property %s", property.name)
		}
	}
	if r.RequestType != createRequest && r.RequestType != updateRequest && r.RequestType != deleteRequest {
		return errors.New("the type of the request is unknown")
	}
	return nil
}

// Change is an event of a build: https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications.html.
type Change struct {
	Detail struct {
		BuildID string `json:"build-id"`
		Project string `json:"project-name"`
		Status  string `json:"build-status"`
	} `json:"detail"`
}
