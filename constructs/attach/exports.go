package attach

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/internal/perstack"
	"github.com/layercache/layercache/constructs/validation"
)

// ExportsProps are the props of Exports.
type ExportsProps struct {
	// Prefix is the first part of the names of exports and parameters: lower-case letters, digits and '-'.
	// Default: "layercache".
	Prefix *string

	// Caches are the caches by name, of the account and region of the stack. A name has the form of Prefix.
	// Required.
	Caches map[string]cacherepo.ICacheRepository

	// HelperZip is the path of a prebuilt helper, with {arch} where the names for amd64 and arm64 differ.
	// Default: compiled from source.
	HelperZip *string
}

// Exports gives CodeBuild projects of other apps of the account and region, in any language, what an
// Attachment gives: CloudFormation exports for each cache, PREFIX:CACHE:repository, PREFIX:CACHE:write-policy
// and PREFIX:CACHE:read-policy, and the parameters /PREFIX/helper/amd64 and /PREFIX/helper/arm64 of Systems
// Manager with the S3 location of the helper. The location changes with each version of the helper, and
// CloudFormation does not change an export that is in use; projects therefore read the parameter in each
// build.
type Exports struct {
	constructs.Construct
	// writers and readers are the policies by the name of the cache.
	writers, readers map[string]awsiam.ManagedPolicy
}

// defaultPrefix is the default of ExportsProps.Prefix.
const defaultPrefix = "layercache"

// exportedArchitectures are the architectures of the exported helpers.
var exportedArchitectures = []string{"amd64", "arm64"}

// NewExports makes the exports, the parameters and two managed policies for each cache.
func NewExports(scope constructs.Construct, id *string, props *ExportsProps) *Exports {
	e := &Exports{writers: map[string]awsiam.ManagedPolicy{}, readers: map[string]awsiam.ManagedPolicy{}}
	constructs.NewConstruct_Override(e, scope, id)
	if props == nil {
		props = &ExportsProps{}
	}
	prefix := defaultPrefix
	if props.Prefix != nil {
		prefix = *props.Prefix
	}
	problems := checkExports(props, prefix)
	zips := map[string]string{}
	for _, arch := range exportedArchitectures {
		if len(problems) > 0 {
			break
		}
		zip, problem := helperasset.Zip(zipFor(props.HelperZip, arch), arch)
		if problem != nil {
			problems = append(problems, *problem)
		}
		zips[arch] = zip
	}
	if len(problems) > 0 {
		validation.Report(e, problems)
		return e
	}
	for _, name := range slices.Sorted(maps.Keys(props.Caches)) {
		e.exportCache(prefix, name, props.Caches[name])
	}
	for _, arch := range exportedArchitectures {
		e.exportHelper(prefix, arch, zips[arch])
	}
	return e
}

// WritePolicy returns the policy for reading and writing a cache, or nil.
func (e *Exports) WritePolicy(cache *string) awsiam.IManagedPolicy { return policyOf(e.writers, cache) }

// ReadPolicy returns the policy for reading a cache, or nil.
func (e *Exports) ReadPolicy(cache *string) awsiam.IManagedPolicy { return policyOf(e.readers, cache) }

func policyOf(policies map[string]awsiam.ManagedPolicy, cache *string) awsiam.IManagedPolicy {
	if policy, ok := policies[*cache]; ok {
		return policy
	}
	return nil
}

// exportCache makes the policies and exports of a cache.
func (e *Exports) exportCache(prefix, name string, cache cacherepo.ICacheRepository) {
	write := e.policy(name+"-write", "Read and write the layer cache "+name+" (layercache)")
	cache.GrantWrite(write)
	read := e.policy(name+"-read", "Read the layer cache "+name+" (layercache)")
	cache.GrantRead(read)
	for what, value := range map[string]*string{
		"repository": cache.RepositoryUri(), "write-policy": write.ManagedPolicyArn(), "read-policy": read.ManagedPolicyArn(),
	} {
		awscdk.NewCfnOutput(e, jsii.String(name+"-"+what+"-export"), &awscdk.CfnOutputProps{
			Value: value, ExportName: jsii.String(prefix + ":" + name + ":" + what),
		})
	}
	e.writers[name], e.readers[name] = write, read
}

func (e *Exports) policy(id, description string) awsiam.ManagedPolicy {
	return awsiam.NewManagedPolicy(e, &id, &awsiam.ManagedPolicyProps{Description: &description})
}

// exportHelper makes the parameter of a helper, and lets all policies read the helper and its parameter.
func (e *Exports) exportHelper(prefix, arch, zip string) {
	shared := perstack.SharedOf(e)
	policies := slices.Concat(inOrder(e.writers), inOrder(e.readers))
	var location *string
	for _, policy := range policies {
		location = helperasset.Location(shared, policy, zip)
	}
	parameter := awsssm.NewStringParameter(e, jsii.String("helper-"+arch), &awsssm.StringParameterProps{
		ParameterName: jsii.String(helperParameter(prefix, arch)),
		Description:   jsii.String("S3 location of the helper for linux/" + arch + ", the value of LAYERCACHE_HELPER (layercache)"),
		StringValue:   location,
	})
	for _, policy := range policies {
		awsiam.Grant_AddToPrincipal(&awsiam.GrantOnPrincipalOptions{
			Grantee: policy, Actions: jsii.Strings("ssm:GetParameters"), ResourceArns: &[]*string{parameter.ParameterArn()},
		})
	}
}

// helperParameter returns the name of the parameter with the location of the helper.
func helperParameter(prefix, arch string) string { return "/" + prefix + "/helper/" + arch }

// inOrder returns the policies by the names of their caches.
func inOrder(policies map[string]awsiam.ManagedPolicy) []awsiam.ManagedPolicy {
	var ordered []awsiam.ManagedPolicy
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		ordered = append(ordered, policies[name])
	}
	return ordered
}

func zipFor(prebuilt *string, arch string) *string {
	if prebuilt == nil {
		return nil
	}
	return jsii.String(strings.ReplaceAll(*prebuilt, "{arch}", arch))
}

// exportForm is the form of prefixes and names of caches.
var exportForm = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)

const exportFormFix = "use lower-case letters, digits and '-'"

func checkExports(props *ExportsProps, prefix string) validation.Problems {
	var problems validation.Problems
	if !exportForm.MatchString(prefix) {
		problems.Add("Prefix", fmt.Sprintf("%q has the wrong form", prefix), exportFormFix)
	}
	if len(props.Caches) == 0 {
		problems.Add("Caches", "is missing", "give at least one cacherepo.CacheRepository")
	}
	for _, name := range slices.Sorted(maps.Keys(props.Caches)) {
		at := fmt.Sprintf("Caches[%q]", name)
		if !exportForm.MatchString(name) {
			problems.Add(at, "has a name of the wrong form", exportFormFix)
		}
		if props.Caches[name] == nil {
			problems.Add(at, "is missing", "give a cacherepo.CacheRepository")
		}
	}
	for _, arch := range exportedArchitectures {
		problems = append(problems, helperasset.Check(zipFor(props.HelperZip, arch))...)
	}
	return slices.Compact(problems)
}
