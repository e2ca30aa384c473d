package lint

// Rule is one that Dockerfiles are checked against.
type Rule struct {
	ID    string
	Level Level // of its findings, unless a finding says otherwise
	Title string
	Why   string
	Docs  string
}

// Rules are all rules, in the order in which findings of the same line are reported.
func Rules() []Rule {
	var all []Rule
	for _, r := range rules() {
		all = append(all, r.Rule)
	}
	return all
}

const missingSyntax = "missing-syntax"

type checkedRule struct {
	Rule
	check func(*checker)
}

const docs = "https://docs.docker.com/"

func rules() []checkedRule {
	return []checkedRule{
		{Rule{missingSyntax, Info, "No line that names the Dockerfile's syntax",
			"Without `# syntax=docker/dockerfile:1` the features of the Dockerfile are those of whichever BuildKit runs the build. " +
				"It is a warning where a feature is used that BuildKits in use do not have yet.",
			docs + "reference/dockerfile/#syntax"}, checkSyntax},
		{Rule{"unpinned-base", Warning, "A base image that moves",
			"A step is taken from the cache only if everything below it is the same. A tag that is pushed again takes the whole stage's cache with it. " +
				"No tag or the tag `latest` is a warning; a version without a digest is info.",
			docs + "build/building/best-practices/#pin-base-image-versions"}, checkBase},
		{Rule{"context-without-dockerignore", Warning, "A context without an ignore file",
			"The cache of a `COPY` depends on every file that it takes. Without an ignore file these are also `.git`, build output and notes. " +
				"The ignore file is `DOCKERFILE.dockerignore` beside the Dockerfile, else `.dockerignore` in the context.",
			docs + "build/concepts/context/#dockerignore-files"}, checkContext},
		{Rule{"manifests-after-source", Warning, "Dependencies installed after the source is copied",
			"If `COPY . .` comes before `npm ci`, a change of any file installs all packages again. Copy the manifests, install, then copy the rest. " +
				"It is info where the RUN has a cache mount.",
			docs + "build/cache/optimize/#order-your-layers"}, checkManifests},
		{Rule{"install-without-cache-mount", Info, "Packages installed without a cache mount",
			"A cache mount keeps downloaded packages between runs of the step, on builders that last. A builder that starts empty, as on CodeBuild, has nothing in it.",
			docs + "build/cache/optimize/#use-cache-mounts"}, checkInstall},
		{Rule{"time-dependent-run", Warning, "A step that is another one tomorrow",
			"`date`, random values, `git clone` of a branch, addresses with `latest` in them and upgrades give what is there when they run; the cache keeps it. " +
				"And an `ARG` such as `BUILD_DATE` or `COMMIT` above a `RUN` that does not use it runs that step again with each value.",
			docs + "build/cache/invalidation/"}, checkMoving},
		{Rule{"update-install-split", Warning, "Package lists fetched in a RUN of their own",
			"The lists are cached while the RUN that installs changes, so that it asks for packages that the mirror no longer has.",
			docs + "build/building/best-practices/#apt-get"}, checkUpdate},
		{Rule{"copy-without-link", Info, "COPY or ADD without --link",
			"With `--link` a layer does not depend on those below it: it comes from the cache after a change of the base image or of an earlier step. " +
				"It is a warning where `--fix` adds the flag, and info where a person has to decide.",
			docs + "reference/dockerfile/#copy---link"}, checkLink},
		{Rule{"add-for-copy", Info, "ADD where COPY would do",
			"`ADD` fetches addresses and unpacks archives. For files of the context `COPY` says what is meant.",
			docs + "build/building/best-practices/#add-or-copy"}, checkAdd},
	}
}
