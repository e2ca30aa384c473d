package cacherepo

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/validation"
)

// maxFilters is ECR's limit of exclusion filters per repository, and filterForm their pattern:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html.
const maxFilters = 5

var filterForm = regexp.MustCompile(`^[0-9a-zA-Z._*-]{1,128}$`)

// dualLayerRegions is the prefix of the regions with KMS_DSSE.
const dualLayerRegions = "us-gov-"

// checkProps returns the problems of all props except LifecycleRules.
func checkProps(props *CacheRepositoryProps, region *string) []validation.Problem {
	problems := checkName(props.RepositoryName)
	problems = append(problems, access.CheckAll("Readers", props.Readers)...)
	problems = append(problems, access.CheckAll("Writers", props.Writers)...)
	problems = append(problems, checkMutability(props)...)
	problems = append(problems, checkEncryption(props, region)...)
	return append(problems, checkTags(props.Tags)...)
}

func checkMutability(props *CacheRepositoryProps) []validation.Problem {
	var filters []*string
	if props.ImageTagMutabilityExclusionFilters != nil {
		filters = *props.ImageTagMutabilityExclusionFilters
	}
	var problems validation.Problems
	const filtersProp = "ImageTagMutabilityExclusionFilters"
	switch mutability := props.ImageTagMutability; {
	case mutability == awsecr.TagMutability_IMMUTABLE:
		problems.Add("ImageTagMutability", "with IMMUTABLE a build could write its cache only once", "use IMMUTABLE_WITH_EXCLUSION with filters for the cache tags, or leave the prop out")
	case mutability == "" || mutability == awsecr.TagMutability_MUTABLE:
		if props.ImageTagMutabilityExclusionFilters != nil {
			problems.Add(filtersProp, "have no effect while every tag is mutable", "set ImageTagMutability to IMMUTABLE_WITH_EXCLUSION, or leave the filters out")
		}
	case mutability != awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION && mutability != awsecr.TagMutability_MUTABLE_WITH_EXCLUSION:
		problems.Add("ImageTagMutability", fmt.Sprintf("%q is unknown", mutability), "use a constant of awsecr.TagMutability")
	case len(filters) == 0 || len(filters) > maxFilters:
		problems.Add(filtersProp, fmt.Sprintf("has %d patterns, and ECR accepts 1 to %d", len(filters), maxFilters), `give patterns for the cache tags, such as "app--*"`)
	}
	for i, filter := range filters {
		if filter == nil || validation.IsLiteral(filter) && !filterForm.MatchString(*filter) {
			problems.Add(fmt.Sprintf("%s[%d]", filtersProp, i), fmt.Sprintf("%q has the wrong form", text(filter)), "use 1 to 128 letters, digits, '.', '_', '-' and '*'")
		}
	}
	return problems
}

func checkEncryption(props *CacheRepositoryProps, region *string) []validation.Problem {
	if props.Encryption == nil {
		return nil
	}
	switch kind := *props.Encryption.Value(); {
	case kind == *awsecr.RepositoryEncryption_AES_256().Value() && props.EncryptionKey != nil:
		return []validation.Problem{{Prop: "EncryptionKey", Wrong: "is not used with AES256", Fix: "set Encryption to KMS, or remove one of the two"}}
	case kind == *awsecr.RepositoryEncryption_KMS_DSSE().Value() && validation.IsLiteral(region) && !strings.HasPrefix(*region, dualLayerRegions):
		return []validation.Problem{{Prop: "Encryption", Wrong: fmt.Sprintf("KMS_DSSE is not available in %s", *region), Fix: "use KMS; only the GovCloud regions have KMS_DSSE"}}
	}
	return nil
}

func checkTags(tags *map[string]*string) []validation.Problem {
	if tags == nil {
		return nil
	}
	var problems validation.Problems
	for _, key := range slices.Sorted(maps.Keys(*tags)) {
		if key == "" || len(key) > 128 || strings.HasPrefix(strings.ToLower(key), "aws:") || (*tags)[key] == nil {
			problems.Add(fmt.Sprintf("Tags[%q]", key), "is not a valid resource tag", "use a key of 1 to 128 characters that does not start with aws:, and a value")
		}
	}
	return problems
}

func addTags(scope constructs.IConstruct, tags *map[string]*string) {
	if tags == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(*tags)) {
		awscdk.Tags_Of(scope).Add(&key, (*tags)[key], nil)
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
