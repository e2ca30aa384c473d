//go:build linux

package run

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/layercache/layercache/test/awslocal"
)

// Identify is for ecrhost.Config: whose access key it is, as AWS's STS says. Only sessions of roles are somebody.
func Identify(server *awslocal.Server) func(ctx context.Context, accessKeyID string) (string, bool) {
	return func(ctx context.Context, accessKeyID string) (string, bool) {
		client := sts.New(sts.Options{
			Region: "us-east-1", BaseEndpoint: &server.Endpoint,
			// The secret is not known here, and the stand-in for STS does not check the signature.
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
