package e2e

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/s3"
)

// TestRequestsToABucketAreSigned uses a fake S3 that checks signatures.
func TestRequestsToABucketAreSigned(t *testing.T) {
	w := newMachine(t)
	endpoint := bucket(w)["AWS_ENDPOINT_URL_S3"]
	call := func(action string, form url.Values) []byte {
		form.Set("Action", action)
		form.Set("Version", "2010-05-08")
		request, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=none")
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode, string(content))
		return content
	}
	user := url.Values{"UserName": {"build"}}
	call("CreateUser", user)
	var key struct {
		ID     string `xml:"CreateAccessKeyResult>AccessKey>AccessKeyId"`
		Secret string `xml:"CreateAccessKeyResult>AccessKey>SecretAccessKey"`
	}
	require.NoError(t, xml.Unmarshal(call("CreateAccessKey", user), &key))
	call("PutUserPolicy", url.Values{"UserName": {"build"}, "PolicyName": {"cache"}, "PolicyDocument": {
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::caches/*"},
		{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::caches"}]}`}})
	// From now on it checks every request.
	answer, err := http.Post(endpoint+"/moto-api/reset-auth", "text/plain", strings.NewReader("0"))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())

	t.Setenv("AWS_ACCESS_KEY_ID", key.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", key.Secret)
	client := s3.NewClient(s3.Place{Bucket: "caches", Prefix: "shop/", Region: "us-east-1", Endpoint: endpoint})
	ctx := t.Context()
	require.NoError(t, client.Put(ctx, "key", []byte("content")))
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	require.NoError(t, client.PutFile(ctx, "key", file, "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", func(int) {}))
	require.NoError(t, client.Touch(ctx, "key"))
	_, err = client.Written(ctx, "key")
	require.NoError(t, err)
	object, err := client.Get(ctx, "key")
	require.NoError(t, err)
	content, err := io.ReadAll(object)
	require.NoError(t, err)
	require.NoError(t, object.Close())
	require.Equal(t, "content", string(content))
	_, err = client.Get(ctx, "other")
	assert.True(t, s3.IsNotFound(err), "%v", err)

	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	_, err = s3.NewClient(client.Place()).Get(ctx, "key")
	require.ErrorContains(t, err, "SignatureDoesNotMatch")
}
