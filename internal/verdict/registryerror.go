package verdict

import (
	"cmp"

	"github.com/layercache/layercache/internal/buildkit/errortext"
	"github.com/layercache/layercache/internal/registry/ecr"
)

// sentence is how an error is described, and what to do about it. ofImage is the description for an image, where that for
// a cache does not fit.
type sentence struct {
	description, ofImage string
	help                 Help
}

// sentences has the errors of registries and sign-ins. Package errortext recognises them.
var sentences = map[errortext.Kind]sentence{
	errortext.TimedOut: {"the registry did not answer in time, or too slowly (LAYERCACHE_CACHE_TIMEOUT)", "",
		Help{"see with `layercache doctor` whether the registry can be reached, or raise LAYERCACHE_CACHE_TIMEOUT", "no-answer"}},
	errortext.ConnectionRefused: {"connection refused: nothing listens at the registry's address", "",
		Help{"correct the registry's host and port", "connection-refused"}},
	errortext.DNS: {"the registry's host name could not be resolved (DNS)", "",
		Help{"correct the registry's host name, or see how builds in a VPC reach it", "dns"}},
	errortext.TLS: {"the registry's certificate was not accepted (TLS)", "",
		Help{"make this machine trust the certificate, which may be a proxy's, or correct the clock", "tls"}},
	errortext.Unauthorized: {"not signed in to the registry (401)", "",
		Help{"sign in to the registry; `layercache doctor --account` tests the sign-in", "not-signed-in"}},
	errortext.Denied: {"access to the cache repository was denied (403)", "access was denied (403)",
		Help{"allow this identity to use the repository", "denied"}},
	errortext.Throttled: {"the registry is throttling requests (429)", "",
		Help{"build again later, or ask for a higher quota", "throttled"}},
	errortext.Failed:      {"the registry failed (5xx)", "", Help{"build again", "registry-failed"}},
	errortext.Interrupted: {"the connection was interrupted", "", Help{"build again", "registry-failed"}},
	errortext.TooLarge: {"it describes more steps than BuildKit can read (1 MiB): set LAYERCACHE_LAYERS=final, or build the parts with a LAYERCACHE_APP each", "",
		Help{"set LAYERCACHE_LAYERS=final, or build the parts with a LAYERCACHE_APP each", "too-large"}},
	errortext.Cancelled: {"it was cancelled when the build ended", "", Help{"build again", "cancelled"}},
	errortext.Slow: {"the registry did not answer in time", "",
		Help{"see with `layercache doctor` whether the registry can be reached", "no-answer"}},
	errortext.Corrupt: {"the cache is corrupt", "its content is corrupt",
		Help{"nothing, the next build that writes the cache repairs it", "corrupt"}},
	errortext.BadRequest: {"the registry refused the request (400)", "", Help{"make the tags of the cache repository mutable", "refused"}},

	errortext.RoleNotAssumed: {"the role could not be assumed", "",
		Help{"let this identity assume the role in LAYERCACHE_REPOSITORY_ROLE", "role"}},
	errortext.ExpiredCredentials: {"the AWS credentials have expired", "",
		Help{"sign in to AWS again, such as with `aws sso login`", "no-credentials"}},
	errortext.WrongCredentials: {"AWS does not accept the credentials", "",
		Help{"correct AWS_PROFILE or the access key", "no-credentials"}},
	errortext.SignInDenied: {"ecr:GetAuthorizationToken is not allowed", "",
		Help{"allow this identity ecr:GetAuthorizationToken", "sign-in-denied"}},
	errortext.NoCredentials: {"there are no AWS credentials", "",
		Help{"sign in to AWS, such as with `aws sso login`, and set AWS_PROFILE; in CodeBuild the project's role is used", "no-credentials"}},
}

// helpFor returns what to do about the error. For a host that is not found, that depends on the host: endpoints of a VPC are
// only for services of AWS.
func (s sentence) helpFor(problem string, kind errortext.Kind) Help {
	host := errortext.LookedUpHost(problem)
	switch {
	case kind != errortext.DNS || host == "":
		return s.help
	case ecr.IsService(host):
		return Help{"correct the registry's host name; a VPC without a way to the internet needs an endpoint for it", "dns"}
	}
	return Help{"correct the registry's host name; a VPC without a way to the internet needs NAT for it, or a pull-through cache that has the image", "dns"}
}

// Cause describes an error of an import or export in plain words. An unknown error is returned unchanged, on
// one line.
func Cause(problem string) string {
	description, _ := explain(problem, errortext.KindOf(problem))
	return description
}

// explain returns the description of an error of the kind, and what to do about it.
func explain(problem string, kind errortext.Kind) (string, Help) {
	if known, ok := sentences[kind]; ok {
		return known.description, known.helpFor(problem, kind)
	}
	return errortext.OneLine(problem), Help{"see the cause on the page, and run `layercache doctor`", "why-the-cache-could-not-be-read-or-written"}
}

// explainOfImage is explain for the pull or push of an image. What to do is otherwise, except about the network.
func explainOfImage(problem string, otherwise Help) (string, Help) {
	kind := errortext.KindOf(problem)
	known, ok := sentences[kind]
	if !ok {
		return errortext.OneLine(problem), otherwise
	}
	switch kind {
	case errortext.TimedOut, errortext.Slow, errortext.ConnectionRefused, errortext.DNS, errortext.TLS, errortext.Throttled, errortext.Failed, errortext.Interrupted:
		return cmp.Or(known.ofImage, known.description), known.helpFor(problem, kind)
	}
	return cmp.Or(known.ofImage, known.description), otherwise
}
