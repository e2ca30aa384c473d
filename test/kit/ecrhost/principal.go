//go:build linux

package ecrhost

import (
	"net/http"
	"path"
	"strings"
)

// credential returns the parts of a signature's credential, KEY/DATE/REGION/SERVICE/aws4_request. Missing
// parts are empty.
func credential(r *http.Request) [5]string {
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	text, _, _ := strings.Cut(rest, ",")
	var parts [5]string
	copy(parts[:], strings.Split(text, "/"))
	return parts
}

// regionOf returns the region that a request was signed for.
func regionOf(r *http.Request) string { return credential(r)[2] }

// accountOf returns the account in an ARN, or "".
func accountOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// isSession reports whether the ARN is that of a session of the role, assumed-role/NAME/SESSION. Such an ARN
// does not contain the role's path.
func isSession(arn, role string) bool {
	name, ok := strings.CutPrefix(role[strings.LastIndex(role, ":")+1:], "role/")
	_, rest, isAssumed := strings.Cut(arn, ":assumed-role/")
	session, _, _ := strings.Cut(rest, "/")
	return ok && isAssumed && accountOf(arn) == accountOf(role) && session == path.Base(name)
}
