//go:build linux

package run

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/layercache/layercache/test/kit/awslocal"
)

// Identify returns the function for ecrhost.Config.Identify: it asks the server's STS for the principal of an
// access key. It accepts only sessions of roles.
func Identify(server *awslocal.Server) func(ctx context.Context, accessKeyID string) (string, bool) {
	return func(ctx context.Context, accessKeyID string) (string, bool) {
		client := sts.New(sts.Options{
			Region: "us-east-1", BaseEndpoint: &server.Endpoint,
			// The secret is unknown here, but moto's STS does not verify the signature.
			Credentials: sdk.NewStaticCredentialsProvider(accessKeyID, "unknown", ""),
		})
		out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", false
		}
		arn := aws.ToString(out.Arn)
		return arn, strings.Contains(arn, ":assumed-role/")
	}
}
