//go:build linux

package run_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/kit/template"
	"github.com/layercache/layercache/test/localaws/run"
)

const assembly = `{"artifacts": {"shop": {
  "type": "aws:cloudformation:stack", "environment": "aws://111122223333/cn-north-1", "properties": {"templateFile": "shop.json"}
}}}`

const shop = `{"Resources": {
  "Images": {"Type": "AWS::ECR::Repository", "Properties": {
    "RepositoryName": "shop", "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
    "ImageTagMutabilityExclusionFilters": [{"ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "*--main"}]
  }},
  "Rule": {"Type": "AWS::ECR::PullThroughCacheRule", "Properties": {"EcrRepositoryPrefix": "quay", "UpstreamRegistryUrl": "quay.io"}},
  "PrivateRule": {"Type": "AWS::ECR::PullThroughCacheRule", "Properties": {
    "EcrRepositoryPrefix": "base", "UpstreamRegistryUrl": "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn", "UpstreamRepositoryPrefix": "team"
  }},
  "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "build"}},
  "Project": {"Type": "AWS::CodeBuild::Project", "Properties": {
    "Name": "shop", "ServiceRole": {"Fn::GetAtt": ["Role", "Arn"]}, "Source": {"Type": "NO_SOURCE"}, "Environment": {}
  }}
}}`

func TestTheRegistriesAreThoseInTheTemplates(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(assembly), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop.json"), []byte(shop), 0o600))
	app, err := template.Load(dir)
	require.NoError(t, err)
	registries, err := run.Registries(app)
	require.NoError(t, err)
	assert.Equal(t, map[string]ecrhost.Registry{"111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn": {
		Principals:   []string{"arn:aws-cn:iam::111122223333:role/build"},
		Repositories: map[string]ecrhost.Repository{"shop": {Mutability: ecrhost.ImmutableWithExclusion, Exclusions: []string{"*--main"}}},
		PullThrough:  map[string]string{"quay": "quay.io", "base": "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/team"},
	}}, registries)
}
