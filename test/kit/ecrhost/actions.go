//go:build linux

package ecrhost

import (
	"net/http"
	"strings"

	"github.com/layercache/layercache/test/kit/localecr"
)

// Ask is an IAM action on a repository that a principal wants to take.
type Ask struct {
	// Principal is the ARN of a session, or Own.
	Principal string
	// Action is an action of ECR, such as ecr:PutImage.
	Action string
	// Host is the host of the registry, Repository the name of the repository in it.
	Host, Repository string
}

// asks returns the actions that a request to a registry requires: none if the request is not for a
// repository. A request that no client of a build sends requires the action "none", which no principal has.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
func (w *Server) asks(r *http.Request, principal string) []Ask {
	match := objectPath.FindStringSubmatch(r.URL.Path)
	if match == nil {
		return nil
	}
	name, kind, reference := match[1], match[2], match[3]
	actions := []string{actionOf(r.Method, kind, strings.HasPrefix(reference, "uploads/"), r.URL.Query().Has("digest"))}
	if _, cached := localecr.Upstream(w.config.Registries[r.Host].PullThrough, name); cached && !w.has(r.Host, name) && actions[0] == "ecr:BatchGetImage" {
		actions = append(actions, "ecr:BatchImportUpstreamImage", "ecr:CreateRepository")
	}
	var asks []Ask
	for _, action := range actions {
		asks = append(asks, Ask{principal, action, r.Host, name})
	}
	return asks
}

func actionOf(method, kind string, upload, digest bool) string {
	reads := method == http.MethodGet || method == http.MethodHead
	switch {
	case kind == "manifests" && reads:
		return "ecr:BatchGetImage"
	case kind == "manifests" && method == http.MethodPut:
		return "ecr:PutImage"
	case kind == "manifests" && method == http.MethodDelete:
		return "ecr:BatchDeleteImage"
	case kind == "tags" && reads:
		return "ecr:ListImages"
	case upload && method == http.MethodPost:
		return "ecr:InitiateLayerUpload"
	case upload && method == http.MethodPut && digest:
		return "ecr:CompleteLayerUpload"
	case upload:
		return "ecr:UploadLayerPart"
	case kind == "blobs" && method == http.MethodHead:
		return "ecr:BatchCheckLayerAvailability"
	case kind == "blobs" && method == http.MethodGet:
		return "ecr:GetDownloadUrlForLayer"
	default:
		return "none"
	}
}

// refused returns ECR's error message for the first ask that is not allowed, or "" if all are allowed.
func (w *Server) refused(asks []Ask) string {
	for _, ask := range asks {
		if w.config.Allow != nil && !w.config.Allow(ask) {
			return "User: " + ask.Principal + " is not authorized to perform: " + ask.Action + " on resource: " + ask.Host + "/" + ask.Repository
		}
	}
	return ""
}
