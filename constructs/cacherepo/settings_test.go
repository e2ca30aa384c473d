package cacherepo_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
	"github.com/stretchr/testify/assert"

	"github.com/layercache/layercache/constructs/access"
	"github.com/layercache/layercache/constructs/cacherepo"
	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/internal/synthtest"
)

func TestSettingsOfACacheRepository(t *testing.T) {
	key := func(s awscdk.Stack) awskms.IKey {
		return awskms.Key_FromKeyArn(s, jsii.String("Key"), jsii.String("arn:aws:kms:eu-central-1:111111111111:key/k"))
	}
	for name, c := range map[string]struct {
		props func(awscdk.Stack) *cacherepo.CacheRepositoryProps
		prop  string
		want  any
	}{
		"a KMS key is enough to encrypt with it": {
			func(s awscdk.Stack) *cacherepo.CacheRepositoryProps {
				return &cacherepo.CacheRepositoryProps{EncryptionKey: key(s)}
			},
			"EncryptionConfiguration", map[string]any{"EncryptionType": "KMS", "KmsKey": "arn:aws:kms:eu-central-1:111111111111:key/k"},
		},
		"KMS without a key uses the AWS managed one": {
			func(awscdk.Stack) *cacherepo.CacheRepositoryProps {
				return &cacherepo.CacheRepositoryProps{Encryption: awsecr.RepositoryEncryption_KMS()}
			},
			"EncryptionConfiguration", map[string]any{"EncryptionType": "KMS"},
		},
		"KMS_DSSE takes a key too": {
			func(s awscdk.Stack) *cacherepo.CacheRepositoryProps {
				return &cacherepo.CacheRepositoryProps{Encryption: awsecr.RepositoryEncryption_KMS_DSSE(), EncryptionKey: key(s)}
			},
			"EncryptionConfiguration", map[string]any{"EncryptionType": "KMS_DSSE", "KmsKey": "arn:aws:kms:eu-central-1:111111111111:key/k"},
		},
		"AES256 is the default and can be set": {
			func(awscdk.Stack) *cacherepo.CacheRepositoryProps {
				return &cacherepo.CacheRepositoryProps{Encryption: awsecr.RepositoryEncryption_AES_256()}
			},
			"EncryptionConfiguration", nil,
		},
		"tags are set on the repository": {
			func(awscdk.Stack) *cacherepo.CacheRepositoryProps {
				return &cacherepo.CacheRepositoryProps{Tags: &map[string]*string{"team": jsii.String("platform"), "cost": jsii.String("ci")}}
			},
			"Tags", []any{map[string]any{"Key": "cost", "Value": "ci"}, map[string]any{"Key": "team", "Value": "platform"}},
		},
		"scans can be enabled": {
			func(awscdk.Stack) *cacherepo.CacheRepositoryProps {
				return &cacherepo.CacheRepositoryProps{ImageScanOnPush: jsii.Bool(true)}
			},
			"ImageScanningConfiguration", map[string]any{"ScanOnPush": true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := synthtest.Stack()
			cacherepo.NewCacheRepository(stack, jsii.String("Cache"), c.props(stack))
			assert.Equal(t, c.want, synthtest.Properties(t, stack, "AWS::ECR::Repository")[c.prop])
			assert.Empty(t, synthtest.Errors(stack))
			assert.Empty(t, synthtest.Resources(stack, "AWS::KMS::Key"))
		})
	}
}

func TestARepositoryCanHoldImagesAndCaches(t *testing.T) {
	stack := synthtest.Stack()
	cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{
		ImageTagMutability:                 awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION,
		ImageTagMutabilityExclusionFilters: jsii.Strings("api--*"),
	})

	rules, _ := lifecycle.Render("", lifecycle.SharedRules(jsii.Strings("api--*")))
	resource := synthtest.Resource(t, stack, "AWS::ECR::Repository")
	assert.Equal(t, map[string]any{
		"EmptyOnDelete":      false,
		"ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
		"ImageTagMutabilityExclusionFilters": []any{
			map[string]any{"ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "api--*"},
		},
		"LifecyclePolicy": map[string]any{"LifecyclePolicyText": rules},
	}, resource["Properties"])
	assert.Equal(t, "RetainExceptOnCreate", resource["DeletionPolicy"])
	assert.Equal(t, "Retain", resource["UpdateReplacePolicy"])
	assert.Empty(t, synthtest.Errors(stack))
}

func TestSettingsThatECRWouldRefuse(t *testing.T) {
	for name, c := range map[string]struct {
		props *cacherepo.CacheRepositoryProps
		want  []string
	}{
		"immutable tags": {
			&cacherepo.CacheRepositoryProps{ImageTagMutability: awsecr.TagMutability_IMMUTABLE},
			[]string{"ImageTagMutability: with IMMUTABLE a build could write its cache only once; use IMMUTABLE_WITH_EXCLUSION with filters for the cache tags, or leave the prop out"},
		},
		"an exclusion without filters": {
			&cacherepo.CacheRepositoryProps{ImageTagMutability: awsecr.TagMutability_IMMUTABLE_WITH_EXCLUSION},
			[]string{`ImageTagMutabilityExclusionFilters: has 0 patterns, and ECR accepts 1 to 5; give patterns for the cache tags, such as "app--*"`},
		},
		"six filters, one of the wrong form": {
			&cacherepo.CacheRepositoryProps{
				ImageTagMutability:                 awsecr.TagMutability_MUTABLE_WITH_EXCLUSION,
				ImageTagMutabilityExclusionFilters: jsii.Strings("a", "b", "c", "d", "e", "f/g"),
			},
			[]string{
				`ImageTagMutabilityExclusionFilters: has 6 patterns, and ECR accepts 1 to 5; give patterns for the cache tags, such as "app--*"`,
				`ImageTagMutabilityExclusionFilters[5]: "f/g" has the wrong form; use 1 to 128 letters, digits, '.', '_', '-' and '*'`,
			},
		},
		"filters without a mutability that uses them": {
			&cacherepo.CacheRepositoryProps{ImageTagMutabilityExclusionFilters: jsii.Strings("a")},
			[]string{"ImageTagMutabilityExclusionFilters: have no effect while every tag is mutable; set ImageTagMutability to IMMUTABLE_WITH_EXCLUSION, or leave the filters out"},
		},
		"two layers of encryption outside of GovCloud": {
			&cacherepo.CacheRepositoryProps{Encryption: awsecr.RepositoryEncryption_KMS_DSSE()},
			[]string{"Encryption: KMS_DSSE is not available in eu-central-1; use KMS; only the GovCloud regions have KMS_DSSE"},
		},
		"tags that AWS reserves": {
			&cacherepo.CacheRepositoryProps{Tags: &map[string]*string{"aws:x": jsii.String("y")}},
			[]string{`Tags["aws:x"]: is not a valid resource tag; use a key of 1 to 128 characters that does not start with aws:, and a value`},
		},
		"a rule that archives": {
			&cacherepo.CacheRepositoryProps{LifecycleRules: &[]*lifecycle.Rule{{MaxDaysSincePull: jsii.Number(14)}}},
			[]string{"LifecycleRules[0].MaxDaysSincePull: is for the archive, from which builds cannot import caches and where each is billed for at least 90 days; " +
				"use MaxDaysSincePush or MaxCount; one cold build rebuilds an expired cache"},
		},
		"organization paths of the wrong form": {
			&cacherepo.CacheRepositoryProps{Readers: &[]*access.Party{
				{OrganizationPaths: jsii.Strings("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*", "o-a1b2c3d4e5/*", "ou-ab12-11111111", "*")}, {OrganizationPaths: &[]*string{}},
			}},
			[]string{
				`Readers[0].OrganizationPaths[2]: "ou-ab12-11111111" has the wrong form; give paths such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*`,
				`Readers[0].OrganizationPaths[3]: "*" has the wrong form; give paths such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*`,
				`Readers[1].OrganizationPaths: is empty; give paths such as o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack, _ := accounts()
			cacherepo.NewCacheRepository(stack, jsii.String("Cache"), c.props)
			var want []string
			for _, line := range c.want {
				want = append(want, "Cache/Cache: "+line)
			}
			assert.Equal(t, want, synthtest.Errors(stack))
		})
	}

	t.Run("a key with AES256", func(t *testing.T) {
		stack := synthtest.Stack()
		cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{
			Encryption: awsecr.RepositoryEncryption_AES_256(), EncryptionKey: awskms.NewKey(stack, jsii.String("Key"), nil),
		})
		assert.Equal(t, []string{"Test/Cache: EncryptionKey: is not used with AES256; set Encryption to KMS, or remove one of the two"}, synthtest.Errors(stack))
	})
}

func TestPartiesOfOrganizationalUnits(t *testing.T) {
	stack := synthtest.Stack()
	cacherepo.NewCacheRepository(stack, jsii.String("Cache"), &cacherepo.CacheRepositoryProps{
		Readers: &[]*access.Party{{OrganizationPaths: jsii.Strings("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*", "o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/"), RolePath: jsii.String("/ci/")}},
	})
	assert.Equal(t, []string{
		"Allow " + pull + " to AWS=* if ArnLike=aws:PrincipalArn=arn:${AWS::Partition}:iam::*:role/ci/*," +
			"ForAnyValue:StringLike=aws:PrincipalOrgPaths=o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/* o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/",
	}, synthtest.Statements(synthtest.Properties(t, stack, "AWS::ECR::Repository")["RepositoryPolicyText"]))
}
