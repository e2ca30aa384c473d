// Command deploy-function is the AWS Lambda function that starts the build of an image when a stack is
// deployed, and answers AWS CloudFormation if the build cannot. It is also the one that rolls images out.
package main

import (
	"context"
	"log"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/layercache/layercache/internal/deployment"
	"github.com/layercache/layercache/internal/deployment/function"
)

func main() {
	// CloudWatch Logs adds the times.
	logger := log.New(os.Stderr, "", 0)
	loaded, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		logger.Fatal(err)
	}
	lambda.Start(function.New(loaded, deployment.Sender{}, logger).Handle)
}
