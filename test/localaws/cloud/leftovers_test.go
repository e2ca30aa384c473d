package cloud

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatIsLeftInMotoIsListed(t *testing.T) {
	address, config := moto(t)
	for _, name := range []string{"layercache/shop", "layercache/cache/prod", "quay/org/tool", "own/app"} {
		_, err := ecr.NewFromConfig(config).CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name})
		require.NoError(t, err)
	}
	_, err := cloudwatchlogs.NewFromConfig(config).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("layercache-build-shopLogs1")})
	require.NoError(t, err)

	got := layercache(t, environment(address), "doctor", "--leftovers", "--account")
	assert.Equal(t, 0, got.status, got.stderr)
	for _, line := range []string{
		"aws ecr delete-repository --force --repository-name layercache/shop --region eu-west-1\n",
		"aws ecr delete-repository --force --repository-name layercache/cache/prod --region eu-west-1\n",
		"aws ecr delete-repository --force --repository-name quay/org/tool --region eu-west-1\n",
		"aws logs delete-log-group --log-group-name layercache-build-shopLogs1 --region eu-west-1\n",
	} {
		assert.Contains(t, got.stdout, line)
	}
	assert.NotContains(t, got.stdout, "own/app")
}
