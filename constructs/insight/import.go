package insight

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/validation"
)

const defaultNamespace = "layercache"

type imported struct {
	constructs.Construct
	namespace *string
}

// Insight_FromNamespace refers to an Insight of another stack or account by its namespace. Builds send
// metrics to their own account, where CloudWatch creates a namespace with its first metric.
func Insight_FromNamespace(scope constructs.Construct, id *string, namespace *string) IInsight {
	i := &imported{}
	constructs.NewConstruct_Override(i, scope, id)
	problems := checkNamespace(namespace)
	validation.Report(i, problems)
	if len(problems) > 0 {
		namespace = nil
	}
	i.namespace = namespaceOrDefault(namespace)
	return i
}

func (i *imported) Namespace() *string { return i.namespace }

func (i *imported) GrantPutMetrics(grantee awsiam.IGrantable) awsiam.Grant {
	return grantPutMetrics(grantee, i.namespace)
}

// grantPutMetrics allows PutMetricData on all resources, because the action supports none; a condition limits
// it to the namespace:
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html.
func grantPutMetrics(grantee awsiam.IGrantable, namespace *string) awsiam.Grant {
	return awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
		Grantee:      grantee,
		Actions:      jsii.Strings("cloudwatch:PutMetricData"),
		ResourceArns: jsii.Strings("*"),
		Conditions: &map[string]*map[string]any{
			"StringEquals": {"cloudwatch:namespace": namespace},
		},
	})
}

func namespaceOrDefault(namespace *string) *string {
	if namespace == nil {
		return jsii.String(defaultNamespace)
	}
	return namespace
}
