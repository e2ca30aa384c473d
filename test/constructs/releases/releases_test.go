package releases

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// current returns today's template of the same stack.
func current(t *testing.T, kept Template) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "examples", "snapshots", kept.Example, kept.Stack+".template.json"))
	require.NoError(t, err, "a stack of release %s is gone", kept.Release)
	return text
}

func TestUpgradesKeepResourcesThatHoldData(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, kept := range all {
		t.Run(kept.Release+"/"+kept.Example+"/"+kept.Stack, func(t *testing.T) {
			lost, err := Lost(kept.Text, current(t, kept))
			require.NoError(t, err)
			assert.Empty(t, lost)
		})
	}
}

func TestARenamedLogicalIDIsReportedAsALoss(t *testing.T) {
	all, err := All()
	require.NoError(t, err)
	renamed := bytes.ReplaceAll(all[0].Text, []byte("serviceLogs01D5F30D"), []byte("serviceLog01D5F30D"))
	lost, err := Lost(all[0].Text, renamed)
	require.NoError(t, err)
	assert.Equal(t, []string{"AWS::Logs::LogGroup serviceLogs01D5F30D is no longer in the template under this logical ID"}, lost)
}

func TestLost(t *testing.T) {
	const deployed = `{"Resources": {
		"Cache": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "cache", "ImageTagMutability": "MUTABLE"}},
		"Key": {"Type": "AWS::KMS::Key"}, "Role": {"Type": "AWS::IAM::Role", "Properties": {"Path": "/a/"}}}}`
	for name, test := range map[string]struct {
		update string
		lost   []string
	}{
		"nothing is lost when a role is removed and a setting changes": {
			`{"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": true}},
				"Cache": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "cache", "ImageTagMutability": "IMMUTABLE"}}}}`, nil,
		},
		"a renamed repository is replaced": {
			`{"Resources": {"Key": {"Type": "AWS::KMS::Key"}, "Cache": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "caches"}}}}`,
			[]string{"AWS::ECR::Repository Cache is replaced: its RepositoryName has changed"},
		},
		"a repository that gets encryption is replaced": {
			`{"Resources": {"Key": {"Type": "AWS::KMS::Key"}, "Cache": {"Type": "AWS::ECR::Repository",
				"Properties": {"RepositoryName": "cache", "EncryptionConfiguration": {"EncryptionType": "KMS"}}}}}`,
			[]string{"AWS::ECR::Repository Cache is replaced: its EncryptionConfiguration has changed"},
		},
		"removed resources and changed types are lost": {`{"Resources": {"Key": {"Type": "AWS::SNS::Topic"}}}`, []string{
			"AWS::ECR::Repository Cache is no longer in the template under this logical ID",
			"AWS::KMS::Key Key is no longer in the template under this logical ID",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			lost, err := Lost([]byte(deployed), []byte(test.update))
			require.NoError(t, err)
			assert.Equal(t, test.lost, lost)
		})
	}
	_, err := Lost([]byte("{}"), []byte("no"))
	assert.ErrorContains(t, err, "not JSON")
}
