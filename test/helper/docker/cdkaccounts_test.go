package docker

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/awslocal"
	"github.com/layercache/layercache/test/kit/localecr"
)

// otherAccount has the stack in America.
const otherAccount = "222222222222"

// registryOf starts a registry that accepts moto's sign-in for one account alone, and returns the repositories behind it and
// its address.
func registryOf(t *testing.T, account string) (repositories *localecr.Server, address string) {
	t.Helper()
	server, err := localecr.Start(localecr.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: server.Addr()})
		r.Out.Host = r.In.Host
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if username, password, _ := r.BasicAuth(); username != "AWS" || password != account+"-auth-token" {
			w.Header().Set("WWW-Authenticate", `Basic realm="ECR"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return server, front.Listener.Addr().String()
}

// TestACDKAppOfTwoAccounts deploys an app to two accounts with the credentials of one: the CDK CLI assumes the roles of
// either, signs in to both registries, and publishes the images of both at the same time.
func TestACDKAppOfTwoAccounts(t *testing.T) {
	t.Parallel()
	aws, err := awslocal.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, aws.Close()) })
	m := cdkMachine(t, aws)
	first, firstAddress := registryOf(t, account)
	second, secondAddress := registryOf(t, otherAccount)
	m.env["AWS_ENDPOINT_URL"] = m.ecrAt(aws, map[string]string{account: firstAddress, otherAccount: secondAddress})
	m.bootstrap(aws, account, "eu-west-1")
	m.bootstrap(aws, otherAccount, "us-east-1")

	m.services()
	this, err := os.Executable()
	require.NoError(t, err)
	m.env["STACK"], m.env["SERVICES"], m.env["AMERICA"] = "Two", filepath.Join(m.source, "services"), otherAccount
	m.env["THEIR_CACHE"] = m.registry.Addr() + "/theirs:cache"
	m.deploy("1", this, "--concurrency", "2")

	europe := "cdk-hnb659fds-container-assets-" + account + "-eu-west-1"
	assert.Equal(t, map[string]int{europe: 3}, images(t, first))
	assert.Equal(t, map[string]int{"cdk-hnb659fds-container-assets-" + otherAccount + "-us-east-1": 1}, images(t, second))
}

// bootstrap runs `cdk bootstrap` as an administrator of the account.
func (m *machine) bootstrap(aws *awslocal.Server, in, region string) {
	m.t.Helper()
	administrator, err := aws.Config(m.t.Context(), in, region)
	require.NoError(m.t, err)
	credentials, err := administrator.Credentials.Retrieve(m.t.Context())
	require.NoError(m.t, err)
	kept := map[string]string{}
	for variable, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY": credentials.SecretAccessKey, "AWS_SESSION_TOKEN": credentials.SessionToken,
	} {
		kept[variable], m.env[variable] = m.env[variable], value
	}
	m.cdk("bootstrap", "aws://"+in+"/"+region, "--trust", account, "--cloudformation-execution-policies", "arn:aws:iam::aws:policy/AdministratorAccess")
	for variable, value := range kept {
		m.env[variable] = value
	}
	delete(m.env, "AWS_SESSION_TOKEN")
}

// images returns how many tags each repository of a registry has.
func images(t *testing.T, server *localecr.Server) map[string]int {
	t.Helper()
	registry, err := name.NewRegistry(server.Addr())
	require.NoError(t, err)
	repositories, err := remote.Catalog(t.Context(), registry)
	require.NoError(t, err)
	found := map[string]int{}
	for _, repository := range repositories {
		tags, err := remote.List(registry.Repo(repository))
		require.NoError(t, err)
		found[repository] = len(tags)
	}
	return found
}
