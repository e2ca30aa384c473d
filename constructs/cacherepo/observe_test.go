package cacherepo_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestPullsAreCountedInTheAccountAndRegionOfTheRepository(t *testing.T) {
	_, stack := accounts()
	cache := cacherepo.CacheRepository_FromCacheRepositoryArn(stack, jsii.String("Cache"), jsii.String("arn:aws:ecr:eu-west-1:111111111111:repository/team/cache"))
	metric := cache.MetricRepositoryPullCount(&awscloudwatch.MetricOptions{Label: jsii.String("Pulls")})

	assert.Equal(t, "AWS/ECR", *metric.Namespace())
	assert.Equal(t, "RepositoryPullCount", *metric.MetricName())
	assert.Equal(t, map[string]any{"RepositoryName": "team/cache"}, *metric.Dimensions())
	assert.Equal(t, "Sum", *metric.Statistic())
	assert.Equal(t, "Pulls", *metric.Label())
	assert.Equal(t, "111111111111", *metric.Account())
	assert.Equal(t, "eu-west-1", *metric.Region())
	assert.Equal(t, "RepositoryPullCount", *cacherepo.NewCacheRepository(stack, jsii.String("Own"), nil).MetricRepositoryPullCount(nil).MetricName())
}

func TestAPushedCacheStartsATarget(t *testing.T) {
	stack := synthtest.Stack()
	cache := cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{RepositoryName: jsii.String("team/cache")})
	queue := awssqs.NewQueue(stack, jsii.String("Queue"), nil)
	cache.OnCachePushed(jsii.String("Pushed"), &awsevents.OnEventOptions{
		Target:       awseventstargets.NewSqsQueue(queue, nil),
		EventPattern: &awsevents.EventPattern{Detail: &map[string]any{"image-tag": []any{map[string]any{"prefix": "api--"}}}},
	})

	rule := synthtest.Properties(t, stack, "AWS::Events::Rule")
	assert.Equal(t, map[string]any{
		"source":      []any{"aws.ecr"},
		"detail-type": []any{"ECR Image Action"},
		"detail": map[string]any{
			"action-type":     []any{"PUSH"},
			"result":          []any{"SUCCESS"},
			"repository-name": []any{map[string]any{"Ref": "CacheRepository8754AB2F"}},
			"image-tag":       []any{map[string]any{"prefix": "api--"}},
		},
	}, rule["EventPattern"])
	assert.Len(t, rule["Targets"], 1)
	assert.Empty(t, synthtest.Errors(stack))
}

func TestEventsOfARepositoryOfAnotherAccountAreAnError(t *testing.T) {
	_, stack := accounts()
	cache := cacherepo.CacheRepository_FromCacheRepositoryArn(stack, jsii.String("Cache"), jsii.String("arn:aws:ecr:eu-central-1:111111111111:repository/team/cache"))
	cache.OnCachePushed(jsii.String("Pushed"), nil)
	assert.Equal(t, []string{"Build/Cache: OnCachePushed: the events of the repository exist only in its own account and region; create the rule there"}, synthtest.Errors(stack))
}
