//go:build linux

package ecrhost

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/layercache/layercache/internal/registry/ecr"
)

// The access key of Own, which programs get in their environment.
const (
	ownKeyID  = "AKIAOWNOWNOWNOWNOWN1"
	ownSecret = "own-secret-access-key-of-the-build"
)

// Call is a call of an API.
type Call struct {
	// Action is GetAuthorizationToken, CreateRepository, DescribeImages or AssumeRole.
	Action string
	// Principal is the caller. Role is the role that was assumed.
	Principal, Role string
	// SessionName is the name of the role's session.
	SessionName string
}

// Calls returns all calls of the APIs so far.
func (w *Server) Calls() []Call {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return slices.Clone(w.calls)
}

// Token returns a new token for the principal that expires after life, in the form that `aws ecr
// get-login-password` prints.
func (w *Server) Token(principal string, life time.Duration) string {
	password := "token-" + rand.Text()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.tokens[password] = token{principal, time.Now().Add(life)}
	return password
}

// Secrets returns all tokens and secret keys that were issued, in plain text and as encoded in requests.
func (w *Server) Secrets() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	secrets := []string{ownSecret}
	for password := range w.tokens {
		secrets = append(secrets, password, base64.StdEncoding.EncodeToString([]byte("AWS:"+password)))
	}
	for id := range w.assumed {
		secrets = append(secrets, secretOf(id))
	}
	return secrets
}

func secretOf(id string) string { return "secret-of-" + id }

// answer handles the APIs of ECR and STS. The access key of the signature identifies the caller; the
// signature itself is not verified.
func (w *Server) answer(answer http.ResponseWriter, r *http.Request) {
	principal, ok := w.caller(r)
	if !ok {
		answer.WriteHeader(http.StatusForbidden)
		fmt.Fprint(answer, `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`)
		return
	}
	switch _, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), "."); operation {
	case "GetAuthorizationToken":
		w.record(Call{Action: operation, Principal: principal})
		encoded := base64.StdEncoding.EncodeToString([]byte("AWS:" + w.Token(principal, w.config.TokenLife)))
		fmt.Fprintf(answer, `{"authorizationData":[{"authorizationToken":%q,"expiresAt":%d}]}`, encoded, time.Now().Add(w.config.TokenLife).Unix())
	case "CreateRepository":
		w.record(Call{Action: operation, Principal: principal})
		w.createRepository(answer, r, principal)
	case "DescribeImages":
		w.record(Call{Action: operation, Principal: principal})
		w.describeImages(answer, r, principal)
	default:
		w.assumeRole(answer, r, principal)
	}
}

// createRepository creates a repository in the registry of the caller's account in the region of the
// signature.
func (w *Server) createRepository(answer http.ResponseWriter, r *http.Request, principal string) {
	var input struct {
		RepositoryName                     string
		ImageTagMutability                 Mutability
		ImageTagMutabilityExclusionFilters []struct{ Filter string }
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
		answer.WriteHeader(http.StatusBadRequest)
		return
	}
	settings := Repository{Mutability: input.ImageTagMutability}
	for _, filter := range input.ImageTagMutabilityExclusionFilters {
		settings.Exclusions = append(settings.Exclusions, filter.Filter)
	}
	account, region := accountOf(principal), regionOf(r)
	for host := range w.repositories {
		parsed, _ := ecr.ParseHost(host)
		if parsed.Account != account || parsed.Region != region {
			continue
		}
		if refusal := w.refused([]Ask{{principal, "ecr:CreateRepository", host, input.RepositoryName}}); refusal != "" {
			answer.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(answer, `{"__type":"AccessDeniedException","message":%q}`, refusal)
			return
		}
		if err := w.CreateRepository(host, input.RepositoryName, settings); err != nil {
			answer.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(answer, `{"__type":"RepositoryAlreadyExistsException","message":%q}`, err)
			return
		}
		fmt.Fprintf(answer, `{"repository":{"repositoryName":%q,"registryId":%q,"repositoryUri":%q}}`, input.RepositoryName, account, host+"/"+input.RepositoryName)
		return
	}
	answer.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(answer, `{"__type":"InvalidParameterException","message":"this test has no registry of account %s in %s"}`, account, region)
}

// describeImages answers for one tag of a repository.
func (w *Server) describeImages(answer http.ResponseWriter, r *http.Request, principal string) {
	var input struct {
		RegistryID     string `json:"registryId"`
		RepositoryName string
		ImageIDs       []struct{ ImageTag string } `json:"imageIds"`
	}
	if err := json.NewDecoder(r.Body).Decode(&input); err != nil || len(input.ImageIDs) != 1 {
		answer.WriteHeader(http.StatusBadRequest)
		return
	}
	refusal, message := "RepositoryNotFoundException", "no repository "+input.RepositoryName
	for host := range w.repositories {
		parsed, _ := ecr.ParseHost(host)
		if parsed.Account != input.RegistryID || parsed.Region != regionOf(r) {
			continue
		}
		if denied := w.refused([]Ask{{principal, "ecr:DescribeImages", host, input.RepositoryName}}); denied != "" {
			refusal, message = "AccessDeniedException", denied
			break
		}
		for _, image := range w.Images(host, input.RepositoryName) {
			if slices.Contains(image.Tags, input.ImageIDs[0].ImageTag) {
				fmt.Fprintf(answer, `{"imageDetails":[{"imageDigest":%q}]}`, image.Digest)
				return
			}
		}
		refusal, message = "ImageNotFoundException", "no image "+input.ImageIDs[0].ImageTag
	}
	answer.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(answer, `{"__type":%q,"message":%q}`, refusal, message)
}

func (w *Server) assumeRole(answer http.ResponseWriter, r *http.Request, principal string) {
	if err := r.ParseForm(); err != nil || r.Form.Get("Action") != "AssumeRole" {
		answer.WriteHeader(http.StatusBadRequest)
		return
	}
	w.record(Call{Action: "AssumeRole", Principal: principal, Role: r.Form.Get("RoleArn"), SessionName: r.Form.Get("RoleSessionName")})
	id := "ASIA" + rand.Text()[:16]
	w.mutex.Lock()
	w.assumed[id] = r.Form.Get("RoleArn")
	w.mutex.Unlock()
	fmt.Fprintf(answer, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
		`<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>session-of-%s</SessionToken><Expiration>%s</Expiration>`+
		`</Credentials></AssumeRoleResult></AssumeRoleResponse>`, id, secretOf(id), id, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
}

func (w *Server) record(call Call) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.calls = append(w.calls, call)
}

// caller returns the principal of the request's access key.
func (w *Server) caller(r *http.Request) (string, bool) {
	id := credential(r)[0]
	if id == ownKeyID {
		return Own, true
	}
	w.mutex.Lock()
	principal, ok := w.assumed[id]
	w.mutex.Unlock()
	if ok {
		return principal, true
	}
	return w.config.Identify(r.Context(), id)
}
