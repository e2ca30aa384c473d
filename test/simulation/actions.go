package main

import (
	"net/http"
	"strings"

	"github.com/layercache/layercache/test/localecr"
)

// action is an action of ECR's API, of which each has a quota of its own. ECR answers the requests of registry clients by them:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html says which, for pushes and pulls.
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

// actions are all of them, in the order of the tables.
var actions = []action{getToken, getImage, getLayer, checkLayer, initiateUpload, uploadPart, completeUpload, putImage}

// requests counts by action.
type requests map[action]int

func (r requests) add(more requests) {
	for a, n := range more {
		r[a] += n
	}
}

// requestsOf counts what a registry was asked. Sign-ins are not in its log.
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

// upload counts a request of an upload: POST begins it, PATCH sends content, PUT ends it, and may send the content with that.
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
