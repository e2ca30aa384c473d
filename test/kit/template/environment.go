package template

import (
	"maps"
	"slices"
	"strings"
)

// environment is the account and region of a stack.
type environment struct {
	Account string
	Region  string
}

// partition returns the AWS partition of the region.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func (e environment) partition() string {
	switch {
	case strings.HasPrefix(e.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(e.Region, "us-gov-"):
		return "aws-us-gov"
	default:
		return "aws"
	}
}

// suffix returns the domain suffix of the partition's services.
func (e environment) suffix() string {
	if e.partition() == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// registry returns the host of the account's private ECR registry.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
func (e environment) registry() string {
	return e.Account + ".dkr.ecr." + e.Region + "." + e.suffix()
}

// arn returns the ARN of a resource in the account and region.
func (e environment) arn(service, rest string) string {
	return strings.Join([]string{"arn", e.partition(), service, e.Region, e.Account, rest}, ":")
}

// globalARN returns an ARN with the account but without a region.
func (e environment) globalARN(service, rest string) string {
	return strings.Join([]string{"arn", e.partition(), service, "", e.Account, rest}, ":")
}

// pseudo returns the value of a pseudo parameter, and whether it exists.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
func (s *stack) pseudo(name string) (string, bool) {
	switch name {
	case "AWS::AccountId":
		return s.env.Account, true
	case "AWS::Region":
		return s.env.Region, true
	case "AWS::Partition":
		return s.env.partition(), true
	case "AWS::URLSuffix":
		return s.env.suffix(), true
	case "AWS::StackName":
		return s.name, true
	case "AWS::StackId":
		return s.env.arn("cloudformation", "stack/"+s.name+"/00000000-0000-0000-0000-000000000000"), true
	default:
		return "", false
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
