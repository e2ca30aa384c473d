// Package awsendpoint finds the endpoints of AWS services whose SDK clients the helper does without.
package awsendpoint

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
)

// URL returns the URL of a service's endpoint in a region, under the domain of the region's partition. The domain is
// that of the SDK's endpoint of ECR.
func URL(ctx context.Context, service, region string) (string, error) {
	resolved, err := ecr.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, ecr.EndpointParameters{Region: aws.String(region)})
	if err != nil {
		return "", err
	}
	_, domain, found := strings.Cut(resolved.URI.Host, "."+region+".")
	if !found {
		return "", fmt.Errorf("the SDK's endpoint %s does not contain the region %s", resolved.URI.Host, region)
	}
	return "https://" + service + "." + region + "." + domain, nil
}
