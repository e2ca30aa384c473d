//go:build linux

package ecrhost_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/kit/ecrhost"
)

func TestARequestRequiresTheActionThatECRDocuments(t *testing.T) {
	const blob = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	var asked []string
	server, err := ecrhost.Start(ecrhost.Config{
		Dir: t.TempDir(),
		Registries: map[string]ecrhost.Registry{
			imageHost: {Repositories: map[string]ecrhost.Repository{"team/shop": {}}, PullThrough: map[string]string{"ecr-public": "public.ecr.aws"}},
		},
		Allow: func(ask ecrhost.Ask) bool {
			assert.Equal(t, ecrhost.Own, ask.Principal)
			assert.Equal(t, imageHost, ask.Host)
			asked = append(asked, ask.Action+" "+ask.Repository)
			return ask.Action == "ecr:BatchGetImage"
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	for request, want := range map[[2]string][]string{
		{http.MethodGet, ""}:                                         nil,
		{http.MethodGet, "team/shop/manifests/1"}:                    {"ecr:BatchGetImage team/shop"},
		{http.MethodHead, "team/shop/manifests/" + blob}:             {"ecr:BatchGetImage team/shop"},
		{http.MethodPut, "team/shop/manifests/1"}:                    {"ecr:PutImage team/shop"},
		{http.MethodDelete, "team/shop/manifests/" + blob}:           {"ecr:BatchDeleteImage team/shop"},
		{http.MethodGet, "team/shop/tags/list"}:                      {"ecr:ListImages team/shop"},
		{http.MethodHead, "team/shop/blobs/" + blob}:                 {"ecr:BatchCheckLayerAvailability team/shop"},
		{http.MethodGet, "team/shop/blobs/" + blob}:                  {"ecr:GetDownloadUrlForLayer team/shop"},
		{http.MethodPost, "team/shop/blobs/uploads/"}:                {"ecr:InitiateLayerUpload team/shop"},
		{http.MethodPatch, "team/shop/blobs/uploads/1"}:              {"ecr:UploadLayerPart team/shop"},
		{http.MethodPut, "team/shop/blobs/uploads/1?digest=" + blob}: {"ecr:CompleteLayerUpload team/shop"},
		{http.MethodDelete, "team/shop/blobs/" + blob}:               {"none team/shop"},
		{http.MethodGet, "ecr-public/x/y/manifests/1"}:               {"ecr:BatchGetImage ecr-public/x/y", "ecr:BatchImportUpstreamImage ecr-public/x/y"},
	} {
		asked = nil
		r, err := http.NewRequestWithContext(t.Context(), request[0], "https://"+imageHost+"/v2/"+request[1], nil)
		require.NoError(t, err)
		r.SetBasicAuth("AWS", server.Token(ecrhost.Own, time.Hour))
		answer, err := server.Transport().RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		assert.Equal(t, want, asked, request)
		refused := len(want) > 0 && want[len(want)-1] != "ecr:BatchGetImage team/shop"
		assert.Equal(t, refused, answer.StatusCode == http.StatusForbidden, request)
	}
}
