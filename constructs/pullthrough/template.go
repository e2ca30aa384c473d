package pullthrough

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/lifecycle"
	"github.com/layercache/layercache/constructs/validation"
)

// RepositoryTemplate configures the repositories that ECR creates for cached images. It does not change
// existing repositories.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
type RepositoryTemplate struct {
	// LifecycleRules define when cached images expire.
	// Default: lifecycle.PullThroughRules(): 30 days after ECR fetched them.
	LifecycleRules *[]*lifecycle.Rule

	// Encryption is the encryption of the images.
	// Default: awsecr.RepositoryEncryption_KMS() with an EncryptionKey, and
	// awsecr.RepositoryEncryption_AES_256() without.
	Encryption awsecr.RepositoryEncryption

	// EncryptionKey is the key for KMS and KMS_DSSE, which require one. The role of the template may use it.
	// Default: none.
	EncryptionKey awskms.IKey

	// Tags are the tags of the repositories. With tags, pulling also needs ecr:TagResource, which GrantPull
	// allows. For pullers of other accounts it has an effect only with the registry policy scope V2, which
	// new registries have and `layercache doctor` checks.
	// Default: none.
	Tags *map[string]*string

	// Role is the role with which ECR creates the repositories if Tags or EncryptionKey are set. It must
	// trust ecr.amazonaws.com.
	// Default: a new role with exactly the permissions it needs.
	Role awsiam.IRole
}

// or returns the template with unset fields taken from other.
func (t *RepositoryTemplate) or(other *RepositoryTemplate) *RepositoryTemplate {
	merged := RepositoryTemplate{}
	if t != nil {
		merged = *t
	}
	if other == nil {
		return &merged
	}
	if merged.LifecycleRules == nil {
		merged.LifecycleRules = other.LifecycleRules
	}
	if merged.Encryption == nil && merged.EncryptionKey == nil {
		merged.Encryption, merged.EncryptionKey = other.Encryption, other.EncryptionKey
	}
	if merged.Tags == nil {
		merged.Tags = other.Tags
	}
	if merged.Role == nil {
		merged.Role = other.Role
	}
	return &merged
}

func (t *RepositoryTemplate) lifecycleRules() *[]*lifecycle.Rule {
	if t.LifecycleRules != nil {
		return t.LifecycleRules
	}
	return lifecycle.PullThroughRules()
}

func (t *RepositoryTemplate) tagged() bool { return t.Tags != nil && len(*t.Tags) > 0 }

// encryption returns ECR's name of the encryption type.
func (t *RepositoryTemplate) encryption() string {
	switch {
	case t.Encryption != nil:
		return *t.Encryption.Value()
	case t.EncryptionKey != nil:
		return *awsecr.RepositoryEncryption_KMS().Value()
	}
	return *awsecr.RepositoryEncryption_AES_256().Value()
}

// check adds the problems of the fields that are set. The template that provides the others is checked
// separately.
func (t *RepositoryTemplate) check(at string, found *validation.Problems) {
	if t == nil {
		return
	}
	if t.LifecycleRules != nil {
		_, wrong := lifecycle.Render(at+".LifecycleRules", t.LifecycleRules)
		*found = append(*found, wrong...)
	}
	aes := t.Encryption != nil && t.encryption() == *awsecr.RepositoryEncryption_AES_256().Value()
	switch {
	case aes && t.EncryptionKey != nil:
		found.Add(at+".EncryptionKey", "is not used with AES256", "leave it out, or set Encryption to KMS or KMS_DSSE")
	case t.Encryption != nil && !aes && t.EncryptionKey == nil:
		found.Add(at+".EncryptionKey", fmt.Sprintf("is missing for %s: the role that creates the repositories needs access to a specific key", t.encryption()), "give a key")
	}
	if t.tagged() {
		checkTags(at+".Tags", *t.Tags, found)
	}
}

// The limits of https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html.
func checkTags(at string, tags map[string]*string, found *validation.Problems) {
	const maxTags, maxKey, maxValue = 50, 128, 256
	if len(tags) > maxTags {
		found.Add(at, fmt.Sprintf("has %d tags, and ECR accepts %d", len(tags), maxTags), "drop some")
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		at, value := fmt.Sprintf("%s[%q]", at, key), tags[key]
		switch {
		case key == "" || len(key) > maxKey:
			found.Add(at, fmt.Sprintf("has a key of %d characters, and ECR accepts 1 to %d", len(key), maxKey), "give another key")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			found.Add(at, "starts with aws:, which AWS reserves", "give another key")
		case value == nil || len(*value) > maxValue:
			found.Add(at, fmt.Sprintf("has no value, or one of more than %d characters", maxValue), "give another value")
		}
	}
}

// addTemplate creates the creation template for the repositories of u.
func (c *PullThroughCache) addTemplate(u *Upstream, t *RepositoryTemplate) awsecr.CfnRepositoryCreationTemplate {
	policy, _ := lifecycle.Render("LifecycleRules", t.lifecycleRules())
	props := &awsecr.CfnRepositoryCreationTemplateProps{
		Prefix:             jsii.String(u.prefix()),
		AppliedFor:         jsii.Strings("PULL_THROUGH_CACHE"),
		Description:        jsii.String(fmt.Sprintf("Images that layercache pulls through from %s", u.host(c.catalog.home))),
		ImageTagMutability: jsii.String("MUTABLE"),
		LifecyclePolicy:    jsii.String(policy),
	}
	if t.EncryptionKey != nil || t.tagged() {
		props.CustomRoleArn = c.templateRole(u, t).RoleArn()
	}
	if t.EncryptionKey != nil {
		props.EncryptionConfiguration = &awsecr.CfnRepositoryCreationTemplate_EncryptionConfigurationProperty{
			EncryptionType: jsii.String(t.encryption()),
			KmsKey:         t.EncryptionKey.KeyArn(),
		}
	}
	if t.tagged() {
		tags := []*awscdk.CfnTag{}
		for _, key := range slices.Sorted(maps.Keys(*t.Tags)) {
			tags = append(tags, &awscdk.CfnTag{Key: jsii.String(key), Value: (*t.Tags)[key]})
		}
		props.ResourceTags = &tags
	}
	return awsecr.NewCfnRepositoryCreationTemplate(c, jsii.String("Template-"+u.id()), props)
}

// templateRole returns the role with which ECR creates the repositories of u, as described in
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-custom.html
// but without ecr:ReplicateImage, which pull-through does not need.
func (c *PullThroughCache) templateRole(u *Upstream, t *RepositoryTemplate) awsiam.IRole {
	if t.Role != nil {
		return t.Role
	}
	role := awsiam.NewRole(c, jsii.String("TemplateRole-"+u.id()), &awsiam.RoleProps{
		Description: jsii.String("Lets Amazon ECR create repositories for cached images (layercache)"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecr.amazonaws.com"), nil),
	})
	actions := jsii.Strings("ecr:CreateRepository")
	if t.tagged() {
		actions = jsii.Strings("ecr:CreateRepository", "ecr:TagResource")
	}
	arns := c.catalog.home.arns(u.names())
	addStatement(role, actions, &arns)
	if t.EncryptionKey != nil {
		t.EncryptionKey.Grant(role, jsii.String("kms:CreateGrant"), jsii.String("kms:RetireGrant"), jsii.String("kms:DescribeKey"))
	}
	return role
}
