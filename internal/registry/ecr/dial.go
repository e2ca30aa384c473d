package ecr

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// sessionName is the session name that CloudTrail shows for the assumed role.
const sessionName = "layercache"

// dial returns a client of the ECR API. It uses the credentials of the SDK's default chain, or assumes the
// source's role with them.
func dial(ctx context.Context, from source) (tokenAPI, error) {
	options := []func(*config.LoadOptions) error{config.WithRegion(from.region), config.WithRetryer(func() aws.Retryer { return newRetryer(ctx) })}
	if from.fips {
		options = append(options, config.WithUseFIPSEndpoint(aws.FIPSEndpointStateEnabled))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if from.role != "" {
		loaded.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(loaded), from.role,
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = sessionName }))
	}
	return ecr.NewFromConfig(loaded, func(o *ecr.Options) {
		// An IPv6-only network reaches only dual-stack endpoints. A custom endpoint is used as it is.
		// https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
		if from.dualStack && o.BaseEndpoint == nil {
			o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
		}
	}), nil
}
