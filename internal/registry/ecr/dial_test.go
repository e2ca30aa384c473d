package ecr

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assumed is the response of STS to AssumeRole.
const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASSUMEDKEY</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`

// fakeAWS is a fake ECR API, whose tokens contain the caller's access key, and a fake STS, whose calls it
// records.
func fakeAWS(t *testing.T) (stsCalls *[]string) {
	t.Helper()
	stsCalls = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetAuthorizationToken") {
			key, _, _ := strings.Cut(r.Header.Get("Authorization"), "/")
			_, key, _ = strings.Cut(key, "Credential=")
			fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":%q}]}`, base64.StdEncoding.EncodeToString([]byte("AWS:"+key)))
			return
		}
		assert.NoError(t, r.ParseForm())
		*stsCalls = append(*stsCalls, r.Form.Get("Action")+" "+r.Form.Get("RoleArn")+" "+r.Form.Get("RoleSessionName"))
		fmt.Fprint(w, assumed)
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_ECR", server.URL)
	t.Setenv("AWS_ENDPOINT_URL_STS", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "OWNKEY")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_SESSION_TOKEN", "")
	return stsCalls
}

func TestARoleIsAssumedOnlyForItsRegistry(t *testing.T) {
	calls := fakeAWS(t)
	logins, err := Login(t.Context(), []Registry{{ireland, ""}, {irelandToo, role}})
	require.NoError(t, err)
	assert.Equal(t, map[string]string{ireland: "AWS:OWNKEY", irelandToo: "AWS:ASSUMEDKEY"}, signIns(logins))
	assert.Equal(t, []string{"AssumeRole " + role + " layercache"}, *calls)
}

func TestWithoutARoleNoRoleIsAssumed(t *testing.T) {
	calls := fakeAWS(t)
	_, err := Login(t.Context(), registriesAt(ireland, irelandDual, virginia))
	require.NoError(t, err)
	assert.Empty(t, *calls)
}

func TestTheAPIsEndpointIsOfTheHostsKind(t *testing.T) {
	cases := []struct {
		host, named string
		want        ecr.EndpointResolverOptions
	}{
		{ireland, "", ecr.EndpointResolverOptions{}},
		{irelandDual, "", ecr.EndpointResolverOptions{UseDualStackEndpoint: aws.DualStackEndpointStateEnabled}},
		{irelandDual, "https://ecr.vpce.example", ecr.EndpointResolverOptions{}},
		{virginiaFIP, "", ecr.EndpointResolverOptions{UseFIPSEndpoint: aws.FIPSEndpointStateEnabled}},
	}
	for _, c := range cases {
		t.Run(c.host+" "+c.named, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL_ECR", c.named)
			parsed, ok := ParseHost(c.host)
			require.True(t, ok)
			api, err := dial(t.Context(), source{region: parsed.Region, fips: parsed.FIPS, dualStack: parsed.DualStack})
			require.NoError(t, err)
			options := api.(*ecr.Client).Options()
			assert.Equal(t, parsed.Region, options.Region)
			assert.Equal(t, c.want.UseDualStackEndpoint, options.EndpointOptions.UseDualStackEndpoint)
			assert.Equal(t, c.want.UseFIPSEndpoint, options.EndpointOptions.UseFIPSEndpoint)
		})
	}
}
