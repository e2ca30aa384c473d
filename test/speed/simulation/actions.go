package main

import (
	"net/http"
	"strings"

	"github.com/layercache/layercache/test/kit/localecr"
)

// action is an action of ECR's API; each has its own quota. ECR counts requests of registry clients as these
// actions: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html lists which, for pushes
// and pulls.
type action string

const (
	getToken         action = "GetAuthorizationToken"
	getImage         action = "BatchGetImage"
	getLayer         action = "GetDownloadUrlForLayer"
	checkLayer       action = "BatchCheckLayerAvailability"
	initiateUpload   action = "InitiateLayerUpload"
	uploadPart       action = "UploadLayerPart"
	completeUpload   action = "CompleteLayerUpload"
	putImage         action = "PutImage"
	manifestsSegment        = "/manifests/"
)

// actions lists all actions in the order of the tables.
var actions = []action{getToken, getImage, getLayer, checkLayer, initiateUpload, uploadPart, completeUpload, putImage}

// requests counts requests by action.
type requests map[action]int

func (r requests) add(more requests) {
	for a, n := range more {
		r[a] += n
	}
}

// requestsOf counts the requests in a registry's log, which does not include sign-ins.
func requestsOf(log []localecr.Entry) requests {
	counted := requests{}
	for _, e := range log {
		switch {
		case strings.Contains(e.Path, manifestsSegment) && e.Method == http.MethodPut:
			counted[putImage]++
		case strings.Contains(e.Path, manifestsSegment):
			counted[getImage]++
		case strings.Contains(e.Path, "/blobs/uploads/"):
			counted.add(upload(e))
		case e.Method == http.MethodHead:
			counted[checkLayer]++
		case strings.Contains(e.Path, "/blobs/"):
			counted[getLayer]++
		}
	}
	return counted
}

// upload counts one request of an upload: POST starts it, PATCH sends content, PUT ends it and may also send
// content.
func upload(e localecr.Entry) requests {
	switch {
	case e.Method == http.MethodPost:
		return requests{initiateUpload: 1}
	case e.Method == http.MethodPatch:
		return requests{uploadPart: 1}
	case e.Received > 0:
		return requests{uploadPart: 1, completeUpload: 1}
	}
	return requests{completeUpload: 1}
}
