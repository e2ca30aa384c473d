package deployment

import "fmt"

// RollOut is the event that rolls an image out to one service or function after a build. The template has it, except
// for the build.
type RollOut struct {
	// Build is the ARN of the build that succeeded.
	Build string `json:"build"`
	// Image is the repository of the image, HOST/NAME. The build's image is rolled out if Tag names it.
	Image string `json:"image"`
	Tag   string `json:"tag"`
	// Cluster and Service are the names or ARNs of a service of Amazon ECS, whose task definition names Tag.
	Cluster string `json:"cluster,omitempty"`
	Service string `json:"service,omitempty"`
	// Function is the ARN of a function of AWS Lambda. With Alias, the image is published as a version that the
	// alias then names.
	Function string `json:"function,omitempty"`
	Alias    string `json:"alias,omitempty"`
}

// RollOutEvent is the type of the event: the field "detail-type".
const RollOutEvent = "layercache roll-out"

// Consumer names the service, function or alias.
func (r RollOut) Consumer() string {
	switch {
	case r.Service != "":
		return fmt.Sprintf("service %s of cluster %s", r.Service, r.Cluster)
	case r.Alias != "":
		return fmt.Sprintf("alias %s of function %s", r.Alias, r.Function)
	}
	return "function " + r.Function
}
