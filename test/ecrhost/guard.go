//go:build linux

package ecrhost

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// token is what ECR handed out.
type token struct {
	principal string
	expires   time.Time
}

// Request is one request that a registry answered.
type Request struct {
	Host, Method, Path string
	Status             int
	// Principal is whose token was shown; empty means none, or none that is known.
	Principal string
}

// Requests are all requests so far.
func (w *World) Requests() []Request {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.requests)
}

// guarded asks for a token, as ECR does, before the registry's own answer.
func (w *World) guarded(registries map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		w.mutex.Lock()
		shown, known := w.tokens[password]
		w.mutex.Unlock()
		noted := &notedAnswer{ResponseWriter: answer, status: http.StatusOK}
		defer func() {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.requests = append(w.requests, Request{r.Host, r.Method, r.URL.Path, noted.status, shown.principal})
		}()
		registry, ok := registries[r.Host]
		principals := w.config.Registries[r.Host].Principals
		refusal := w.refused(w.asks(r, shown.principal))
		switch {
		case !ok:
			http.NotFound(noted, r)
		case !known:
			noted.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="https://%s/",service="ecr.amazonaws.com"`, r.Host))
			refuse(noted, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		case time.Now().After(shown.expires):
			// Not 401, which a client would take for a reason to ask for credentials again.
			refuse(noted, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
		case len(principals) > 0 && !slices.ContainsFunc(principals, func(p string) bool { return p == shown.principal || isSession(shown.principal, p) }):
			refuse(noted, http.StatusForbidden, "DENIED", "User: "+shown.principal+" is not authorized to perform: ecr:BatchGetImage")
		case refusal != "":
			refuse(noted, http.StatusForbidden, "DENIED", refusal)
		default:
			registry.ServeHTTP(noted, r)
		}
	})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}})
}

type notedAnswer struct {
	http.ResponseWriter
	status int
}

func (a *notedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the proxy flush what it copies.
func (a *notedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
