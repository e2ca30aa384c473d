//go:build linux

package ecrhost

import (
	"net/http"
	"path"
	"strings"
)

// credential are the parts of a signature's credential, KEY/DATE/REGION/SERVICE/aws4_request; those that are missing are empty.
func credential(r *http.Request) [5]string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	text, _, _ := strings.Cut(rest, ",")
	var parts [5]string
	copy(parts[:], strings.Split(text, "/"))
	return parts
}

// regionOf is the region that a request was signed for.
func regionOf(r *http.Request) string { return credential(r)[2] }

// accountOf is the account in an ARN, empty where there is none.
func accountOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// isSession says whether an ARN names a session of a role, assumed-role/NAME/SESSION. The role's path is not in it.
func isSession(arn, role string) bool {
	name, ok := strings.CutPrefix(role[strings.LastIndex(role, ":")+1:], "role/")
	_, rest, isAssumed := strings.Cut(arn, ":assumed-role/")
	session, _, _ := strings.Cut(rest, "/")
	return ok && isAssumed && accountOf(arn) == accountOf(role) && session == path.Base(name)
}
