package verdict

// Help is what to do about a problem.
type Help struct {
	// Advice is what to do, as a clause. It is empty if there is nothing to do.
	Advice string
	// Anchor is the anchor, in Page, of the heading that explains it.
	Anchor string
}

// Page is the page that explains verdicts and causes.
const Page = "docs/troubleshooting.md"

// Address returns the place of the page on the web.
func (h Help) Address() string {
	return "https://github.com/layercache/layercache/blob/main/" + Page + "#" + h.Anchor
}

// The help for causes that are not errors of a registry.
var (
	helpMissing     = Help{"create the cache repository, or correct LAYERCACHE_REPOSITORY", "cache-missing"}
	helpOverwritten = Help{"push images to another tag or repository", "cache-overwritten"}
	helpPartDeleted = Help{"nothing, the next build that writes the cache repairs it", "corrupt"}
	helpUnsupported = Help{"set LAYERCACHE_BUILDER=native, or turn on Docker's containerd image store", "unsupported"}
)

// NotStarted returns the help for a build that could not start.
func NotStarted() Help { return Help{"run `layercache doctor`", "the-build-does-not-start"} }

// Unsupported returns the help for a builder that cannot export the cache.
func Unsupported() Help { return helpUnsupported }
