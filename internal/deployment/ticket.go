// Package deployment answers AWS CloudFormation when a deployment waits for an image. The function of a stack
// (package function) starts the build and leaves a Ticket for it. Whoever knows the end of the build first,
// the build or the function, sends the Answer. CloudFormation takes the first one and ignores others.
//
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
package deployment

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/layercache/layercache/internal/variables"
)

// Ticket is what it takes to answer one request of CloudFormation. It is a secret: whoever has the URL can
// answer.
type Ticket struct {
	// URL is the response URL of the request.
	URL string `json:"url"`
	// StackID, RequestID and LogicalID identify the request.
	StackID   string `json:"stackId"`
	RequestID string `json:"requestId"`
	LogicalID string `json:"logicalId"`
	// PhysicalID is the id of the resource that the request makes or changes.
	PhysicalID string `json:"physicalId"`
	// Image is the repository of the image, HOST/NAME, and Tag is the tag that the image gets.
	Image string `json:"image"`
	Tag   string `json:"tag"`
	// Build is the id of the build, or of the batch of builds. It is empty until the build has started.
	Build string `json:"build,omitempty"`
}

// ParameterOf returns the name of the SSM parameter that holds the ticket for the builds of a CodeBuild project.
func ParameterOf(project string) string { return "/layercache/ticket/" + project }

// Parse reads a ticket. The error contains nothing of the text, which is a secret.
func Parse(text string) (*Ticket, error) {
	var t Ticket
	if err := json.Unmarshal([]byte(text), &t); err != nil || t.URL == "" {
		return nil, errors.New("it is not a ticket of a deployment")
	}
	return &t, nil
}

// String returns the ticket as Parse reads it.
func (t Ticket) String() string {
	text, _ := json.Marshal(t) // Strings are always valid JSON.
	return string(text)
}

// Take returns the ticket in the environment of a build, or nil if no deployment waits for it. It removes the
// ticket from the environment, so that programs which the build starts do not get it.
func Take() (*Ticket, error) {
	text := os.Getenv(variables.Ticket)
	if err := os.Unsetenv(variables.Ticket); err != nil {
		return nil, fmt.Errorf("remove %s from the environment: %w", variables.Ticket, err)
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	t, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variables.Ticket, err)
	}
	return t, nil
}
