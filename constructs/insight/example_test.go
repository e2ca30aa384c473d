package insight_test

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/insight"
	"github.com/layercache/layercache/internal/synthtest"
)

// A dashboard in the account of the cache, for the builds of one app in two other accounts. The alarms notify
// the subscribers of a topic.
func ExampleNewInsight() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Insight"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111111111111"), Region: jsii.String("eu-west-1")},
	})
	topic := awssns.NewTopic(stack, jsii.String("CacheTrouble"), nil)
	insight.NewInsight(stack, jsii.String("Caches"), &insight.InsightProps{
		Apps: &[]*insight.App{
			{Name: jsii.String("shop"), Label: jsii.String("shop-dev"), Account: jsii.String("222222222222")},
			{Name: jsii.String("shop"), Label: jsii.String("shop-prod"), Account: jsii.String("333333333333")},
		},
		AlarmActions: &[]awscloudwatch.IAlarmAction{awscloudwatchactions.NewSnsAction(topic)},
	})

	fmt.Println(len(synthtest.Resources(stack, "AWS::CloudWatch::Dashboard")), "dashboard")
	fmt.Println(len(synthtest.Resources(stack, "AWS::CloudWatch::Alarm")), "alarms")
	// Output:
	// 1 dashboard
	// 6 alarms
}
