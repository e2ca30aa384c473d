package stacks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/validation"
)

// namesOfRollOut are the keys for the methods that roll images out, and for their options.
var namesOfRollOut = validation.Names{
	"RollOutToService": "rollOut", "RollOutToService.FunctionZip": "rollOut.functionZip",
	"RollOutToFunction": "rollOut", "RollOutToFunction.FunctionZip": "rollOut.functionZip",
}

var (
	serviceForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}/[A-Za-z0-9_-]{1,255}$`)
	// functionForm has the name of an alias, which is not a number.
	functionForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(?::[0-9]*[A-Za-z_-][A-Za-z0-9_-]*)?$`)
)

func validateRollOut(found *validation.Problems, key string, r *RollOutConfig) {
	if r == nil {
		return
	}
	if len(r.Services)+len(r.Functions) == 0 {
		found.Add(key, "names no service and no function", "list them in services and functions, or leave it out")
	}
	for _, c := range []struct {
		key   string
		names []string
		form  *regexp.Regexp
		fix   string
	}{
		{"services", r.Services, serviceForm, "give CLUSTER/SERVICE, the names of a service in the account and region of the build"},
		{"functions", r.Functions, functionForm, "give the name of a function in the account and region of the build, or FUNCTION:ALIAS"},
	} {
		seen := map[string]bool{}
		for i, name := range c.names {
			at := fmt.Sprintf("%s.%s[%d]", key, c.key, i)
			if !c.form.MatchString(name) {
				found.Add(at, fmt.Sprintf("%q has the wrong form", name), c.fix)
			} else if seen[name] {
				found.Add(at, fmt.Sprintf("%q is listed twice", name), "list it once")
			}
			seen[name] = true
		}
	}
}

// rollOut rolls the images of a build out to the services and functions, which are imported below scope.
func (r *RollOutConfig) rollOut(scope constructs.Construct, build *imagebuild.ImageBuild) {
	options := &imagebuild.RollOutOptions{FunctionZip: optional(r.FunctionZip)}
	// A function has room for a few consumers.
	var functions []awslambda.IFunction
	add := func(function awslambda.IFunction) {
		if !slices.Contains(functions, function) {
			functions = append(functions, function)
		}
	}
	for _, name := range r.Services {
		add(build.RollOutToService(importService(scope, name), options))
	}
	for _, name := range r.Functions {
		add(build.RollOutToFunction(importFunction(scope, name), options))
	}
	var names []*string
	for _, function := range functions {
		names = append(names, function.FunctionName())
	}
	awscdk.NewCfnOutput(build, jsii.String("RollOutFunction"), &awscdk.CfnOutputProps{
		Description: jsii.String("Functions whose logs say what was rolled out"), Value: awscdk.Fn_Join(jsii.String(", "), &names),
	})
}

// importService imports CLUSTER/SERVICE.
func importService(scope constructs.Construct, name string) awsecs.IBaseService {
	arn := awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("ecs"), Resource: jsii.String("service"), ResourceName: &name})
	return awsecs.BaseService_FromServiceArnWithCluster(scope, jsii.String("Service-"+name), arn)
}

// importFunction imports FUNCTION, or FUNCTION:ALIAS.
func importFunction(scope constructs.Construct, name string) awslambda.IFunction {
	of := constructs.NewConstruct(scope, jsii.String("Function-"+name))
	name, alias, isAlias := strings.Cut(name, ":")
	function := awslambda.Function_FromFunctionName(of, jsii.String("Function"), &name)
	if !isAlias {
		return function
	}
	// Nothing is known of the version that the alias names.
	version := awslambda.Version_FromVersionAttributes(of, jsii.String("Version"), &awslambda.VersionAttributes{Lambda: function, Version: jsii.String("unknown")})
	return awslambda.Alias_FromAliasAttributes(of, jsii.String("Alias"), &awslambda.AliasAttributes{AliasName: &alias, AliasVersion: version})
}
