package s3

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func setCredentials(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key")
	t.Setenv("AWS_SESSION_TOKEN", "the-token")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
}

func TestAddressesOfObjects(t *testing.T) {
	for _, c := range []struct {
		name    string
		place   Place
		region  string
		address string
	}{
		{"the bucket is a part of the host", Place{Bucket: "caches", Prefix: "shop/"}, "eu-central-1", "https://caches.s3.eu-central-1.amazonaws.com/shop/mounts/a"},
		{"a bucket with dots is a part of the path", Place{Bucket: "my.caches"}, "eu-central-1", "https://s3.eu-central-1.amazonaws.com/my.caches/mounts/a"},
		{"China has a domain of its own", Place{Bucket: "caches"}, "cn-north-1", "https://caches.s3.cn-north-1.amazonaws.com.cn/mounts/a"},
		{"with an endpoint, the bucket is a part of the path", Place{Bucket: "caches", Endpoint: "http://127.0.0.1:9000/"}, "us-east-1", "http://127.0.0.1:9000/caches/mounts/a"},
		{"characters are encoded as S3 signs them", Place{Bucket: "caches", Prefix: "a+b=c d:ä/"}, "us-east-1", "https://caches.s3.us-east-1.amazonaws.com/a%2Bb%3Dc%20d%3A%C3%A4/mounts/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, err := NewClient(c.place).url(context.Background(), "mounts/a", c.region)
			require.NoError(t, err)
			require.Equal(t, c.address, address.String())
		})
	}
	_, err := NewClient(Place{Bucket: "caches", Endpoint: "127.0.0.1"}).url(context.Background(), "a", "us-east-1")
	require.ErrorContains(t, err, "is not a URL")
}

func TestRequests(t *testing.T) {
	setCredentials(t)
	var got *http.Request
	var body string
	status, answer := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		got, body = r, string(content)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	defer server.Close()
	client := NewClient(Place{Bucket: "caches", Prefix: "shop/", Region: "eu-central-1", Endpoint: server.URL})
	ctx := context.Background()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	const digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"

	require.NoError(t, client.Put(ctx, "a", []byte("content")))
	require.Equal(t, "PUT /caches/shop/a content "+digest, got.Method+" "+got.RequestURI+" "+body+" "+got.Header.Get("X-Amz-Content-Sha256"))
	require.Regexp(t, `^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-central-1/s3/aws4_request, SignedHeaders=content-length;host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=`, got.Header.Get("Authorization"))
	require.NoError(t, client.PutFile(ctx, "a", file, digest, func(int) {}))
	require.Equal(t, "content "+digest, body+" "+got.Header.Get("X-Amz-Content-Sha256"))
	require.EqualValues(t, 7, got.ContentLength)

	require.NoError(t, client.Touch(ctx, "a+b"))
	require.Equal(t, "/caches/shop/a%2Bb REPLACE", got.Header.Get("X-Amz-Copy-Source")+" "+got.Header.Get("X-Amz-Metadata-Directive"))
	require.Contains(t, got.Header.Get("Authorization"), "x-amz-copy-source")
	written, err := client.Written(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, 2006, written.Year())

	for _, c := range []struct {
		name, answer string
		status       int
		says         string
		notFound     bool
	}{
		{"there is no object", `<Error><Code>NoSuchKey</Code></Error>`, 404, "read s3://caches/shop/a: S3 answers 404 Not Found: NoSuchKey", true},
		{"access is denied", `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId></Error>`, 403,
			"S3 answers 403 Forbidden: AccessDenied: Access Denied", false},
		{"an answer of something else", "no XML", 503, "S3 answers 503 Service Unavailable", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer = c.status, c.answer
			_, err := client.Get(ctx, "a")
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "AKIDEXAMPLE")
			require.Equal(t, c.notFound, IsNotFound(err))
			require.ErrorContains(t, client.Put(ctx, "a", nil), "write s3://caches/shop/a: S3 answers")
		})
	}

	for _, c := range []struct{ name, answer, says string }{
		{"a copy", "<?xml version=\"1.0\"?>\n<CopyObjectResult><ETag>&quot;a&quot;</ETag></CopyObjectResult>", ""},
		{"no content, as of a write", "", ""},
		{"a copy that fails after S3 has begun the answer", "  \n<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>Try again.</Message></Error>",
			"write s3://caches/shop/a: S3 answers 200 OK: InternalError: Try again."},
		{"an answer that breaks off", "<?xml version=\"1.0\"?><CopyObj", "write s3://caches/shop/a: XML syntax error"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer = http.StatusOK, c.answer
			err := client.Touch(ctx, "a")
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}

	_, err = NewClient(Place{Bucket: "caches"}).Get(ctx, "a")
	require.ErrorContains(t, err, "no region: set AWS_REGION")
}
