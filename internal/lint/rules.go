package lint

// Rule describes one check of Dockerfiles.
type Rule struct {
	ID    string
	Level Level // the default level of its findings
	Title string
	Why   string
	Docs  string
}

// Rules returns all rules, in the order in which findings of the same line are reported.
func Rules() []Rule {
	var all []Rule
	for _, r := range rules() {
		all = append(all, r.Rule)
	}
	return all
}

type checkedRule struct {
	Rule
	check func(*checker)
}

const docs = "https://docs.docker.com/"

func rules() []checkedRule {
	return []checkedRule{
		{Rule{"missing-syntax", Info, "No syntax line",
			"Without `# syntax=docker/dockerfile:1`, the available features depend on the version of BuildKit that runs the build. " +
				"It is a warning if the Dockerfile uses a feature that some BuildKit versions in use do not have.",
			docs + "reference/dockerfile/#syntax"}, checkSyntax},
		{Rule{"unpinned-base", Warning, "Base image without a fixed version",
			"A step comes from the cache only if everything below it is unchanged. When a tag is pushed again, the whole stage loses its cache. " +
				"It is a warning without a tag or with the tag `latest`, and info for a version without a digest. " +
				"It is info too if the name may be that of a local image or a named context.",
			docs + "build/building/best-practices/#pin-base-image-versions"}, checkBase},
		{Rule{"digest-without-prewarm", Info, "Pinned image that a pull-through cache does not import",
			"ECR's pull-through cache imports an image only when it is pulled by a tag. A base that is pinned by digest, with or without its tag, comes " +
				"from the upstream on every build until its tag was pulled once, which `layercache prewarm` and the construct `Prewarm` do. " +
				"It matters only with such a cache, and for images of the registries that ECR can cache from.",
			"https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html"}, checkPrewarm},
		{Rule{"context-without-dockerignore", Warning, "Context without an ignore file",
			"The cache of a `COPY` depends on every file that it copies. Without an ignore file these include `.git`, build output and notes. " +
				"The ignore file is `DOCKERFILE.dockerignore` next to the Dockerfile, else `.dockerignore` in the context. " +
				"It is info if the context has neither `.git` nor a usual folder of build output.",
			docs + "build/concepts/context/#dockerignore-files"}, checkContext},
		{Rule{"manifests-after-source", Warning, "Dependencies installed after the source is copied",
			"If `COPY . .` comes before `npm ci`, a change to any file installs all packages again. Copy the manifests, install, then copy the rest. " +
				"It is info if the `RUN` has a cache mount, which does not help a builder that starts empty. Nothing is reported if the packages may come from " +
				"the source, or from a step whose commands are not known.",
			docs + "build/cache/optimize/#order-your-layers"}, checkManifests},
		{Rule{"install-without-cache-mount", Info, "Packages installed without a cache mount",
			"A cache mount keeps downloaded packages between runs of the step. It does so on a builder that is kept, and on CodeBuild with layercache's native builder, " +
				"which keeps mounts with a cache in a registry, a bucket or a folder (`LAYERCACHE_MOUNTS`). On any other builder that starts empty, the mount is empty and does not help.",
			docs + "build/cache/optimize/#use-cache-mounts"}, checkInstall},
		{Rule{"time-dependent-run", Warning, "Step whose result depends on the time",
			"The result of `date`, random values, `git clone` of a branch, URLs with `latest` and upgrades depends on when they run, and the cache keeps the first one. " +
				"An `ARG` such as `BUILD_DATE` or `COMMIT` above a `RUN` that does not use it runs that step again with each new value. " +
				"A `RUN` with a program that may read its environment, such as a script, is not reported.",
			docs + "build/cache/invalidation/"}, checkTimeDependent},
		{Rule{"update-install-split", Warning, "Package lists of another RUN",
			"When only the `RUN` that installs changes, it uses the cached lists of the `RUN` that fetched them, and requests packages that the mirror may no longer have.",
			docs + "build/building/best-practices/#apt-get"}, checkUpdate},
		{Rule{"copy-without-link", Info, "COPY or ADD without --link",
			"With `--link`, a layer does not depend on the layers below it: it comes from the cache even after a change to the base image or an earlier step. " +
				"It is a warning where `--fix` adds the flag, and info where a person has to decide.",
			docs + "reference/dockerfile/#copy---link"}, checkLink},
		{Rule{"add-for-copy", Info, "ADD where COPY is enough",
			"`ADD` fetches URLs and unpacks archives. For files of the context, `COPY` states the intent.",
			docs + "build/building/best-practices/#add-or-copy"}, checkAdd},
	}
}
