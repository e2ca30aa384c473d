//go:build linux

package ecrhost

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// token is a token that ECR issued.
type token struct {
	principal string
	expires   time.Time
}

// Request is one request that a registry answered.
type Request struct {
	Host, Method, Path string
	Status             int
	// Principal is the owner of the request's token. It is empty without a token or with an unknown one.
	Principal string
}

// Requests returns all requests so far.
func (w *Server) Requests() []Request {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.requests)
}

// guarded checks the token and the permissions, as ECR does, before it forwards a request to the registry.
func (w *Server) guarded(registries map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		w.mutex.Lock()
		shown, known := w.tokens[password]
		w.mutex.Unlock()
		recorded := &recordedAnswer{ResponseWriter: answer, status: http.StatusOK}
		defer func() {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.requests = append(w.requests, Request{r.Host, r.Method, r.URL.Path, recorded.status, shown.principal})
		}()
		registry, ok := registries[r.Host]
		principals := w.config.Registries[r.Host].Principals
		refusal := w.refused(w.asks(r, shown.principal))
		switch {
		case !ok:
			http.NotFound(recorded, r)
		case !known:
			recorded.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="https://%s/",service="ecr.amazonaws.com"`, r.Host))
			refuse(recorded, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		case time.Now().After(shown.expires):
			// Not 401, which would make a client ask for credentials again.
			refuse(recorded, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
		case len(principals) > 0 && !slices.ContainsFunc(principals, func(p string) bool { return p == shown.principal || isSession(shown.principal, p) }):
			refuse(recorded, http.StatusForbidden, "DENIED", "User: "+shown.principal+" is not authorized to perform: ecr:BatchGetImage")
		case refusal != "":
			refuse(recorded, http.StatusForbidden, "DENIED", refusal)
		default:
			registry.ServeHTTP(recorded, r)
		}
	})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}})
}

type recordedAnswer struct {
	http.ResponseWriter
	status int
}

func (a *recordedAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets the proxy flush the answer.
func (a *recordedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
