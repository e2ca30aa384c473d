package verdict

import (
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/layercache/layercache/internal/buildkit/errortext"
)

// SignIns has the error of each sign-in that failed, by the registry's host.
type SignIns map[string]string

// of returns the error of the sign-in to the registry of an image or a cache; empty if it did not fail.
func (s SignIns) of(ref string) string {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return ""
	}
	return s[parsed.Context().RegistryStr()]
}

// Explain describes the error of an import or export of the cache at ref, and what to do about it. A sign-in that failed
// before is the cause of all of them.
func (s SignIns) Explain(ref, problem string) (string, Help) {
	if failed := s.of(ref); failed != "" {
		cause, help := explain(failed, errortext.KindOfSignIn(failed))
		return "the sign-in to the registry failed: " + cause, help
	}
	return explain(problem, errortext.KindOf(problem))
}

// ofImage describes the error of the pull or push of an image, and what to do about it: about the network if that is at
// fault, else otherwise.
func (s SignIns) ofImage(image, problem string, otherwise Help) (string, Help) {
	if failed := s.of(image); failed != "" {
		cause, help := explain(failed, errortext.KindOfSignIn(failed))
		return "the sign-in to its registry failed: " + cause, help
	}
	return explainOfImage(problem, otherwise)
}
