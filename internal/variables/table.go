// Package variables is the table of the LAYERCACHE_* variables. They configure layercache in a shell, in a
// CodeBuild project and in the console's override form. The table is the source of reading and checking, the
// flags of `layercache image`, the help texts, the reference page, the checks of `layercache doctor`, and the
// names that ImageBuild reserves.
package variables

import (
	"slices"
	"strings"
)

// Prefix is the prefix of every variable.
const Prefix = "LAYERCACHE_"

// SecretPrefix is the prefix of the variables in which ImageBuild passes build secrets. The secret's id
// follows it.
const SecretPrefix = Prefix + "SECRET_"

// Ticket is the name of the variable in which a deployment that waits for the image passes its ticket, which is
// a secret. It is in no table, because users never set it.
const Ticket = Prefix + "TICKET"

// Command is a command of layercache that reads variables.
type Command string

// The commands that read variables. Buildspec stands for the buildspecs, which read some variables themselves.
const (
	Build     Command = "build"
	Image     Command = "image"
	Index     Command = "index"
	Prewarm   Command = "prewarm"
	Stop      Command = "stop"
	Try       Command = "try"
	Buildspec Command = "buildspec"
)

// Variable describes one variable.
type Variable struct {
	// Name is the variable's name, with the prefix.
	Name string
	// Form is the form of its value.
	Form Form
	// Default is the value of a variable that is not set; empty means none.
	Default string
	// Unset describes what happens without a value, for variables without a default.
	Unset string
	// Help describes what the variable sets.
	Help string
	// Commands are the commands that read it.
	Commands []Command
	// Prop is the prop of ImageBuild that sets it; empty if only users set it.
	Prop string
}

// Flag returns the name of the flag that sets the variable for one call, such as "report-dir".
func (v Variable) Flag() string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(v.Name, Prefix)), "_", "-")
}

var (
	everyBuild = []Command{Build, Image, Try}
	cache      = []Command{Build, Image}
	image      = []Command{Image}
	joined     = []Command{Image, Index}
)

// table has every variable, in the order of the help texts.
var table = []Variable{
	{Name: "LAYERCACHE_REPOSITORY", Form: repository, Commands: cache, Prop: "Cache",
		Help: "Cache repository", Unset: "no cache"},
	{Name: "LAYERCACHE_FALLBACK_REPOSITORY", Form: repository, Commands: cache, Prop: "PullRequests.Cache",
		Help: "Second cache repository, read if the first has no cache, and never written", Unset: "none"},
	{Name: "LAYERCACHE_MODE", Form: oneOf(ModeRegistry, ModeInline, ModeImage, ModeLocal, ModeS3, ModeOff), Default: ModeRegistry, Commands: cache, Prop: "CacheMode",
		Help: "Where the cache is kept"},
	{Name: "LAYERCACHE_WRITE", Form: boolean, Default: "true", Commands: cache, Prop: "CacheWrite",
		Help: "Export the cache after the build"},
	{Name: "LAYERCACHE_REFRESH", Form: boolean, Default: "false", Commands: cache,
		Help: "Ignore the existing cache and export a new one"},
	{Name: "LAYERCACHE_APP", Form: text, Commands: cache, Prop: "App",
		Help: "First part of the cache tag", Unset: "the image's name, plus its namespace, Dockerfile, context and target where they are not the default"},
	{Name: "LAYERCACHE_BRANCH", Form: text, Commands: []Command{Build, Image, Index},
		Help: "Branch whose cache is read first and written; also {branch} in tags", Unset: "from CodeBuild, else from git"},
	{Name: "LAYERCACHE_FALLBACK_BRANCH", Form: text, Default: "main", Commands: cache, Prop: "FallbackBranch",
		Help: "Branch whose cache is read while the build's own branch has none"},
	{Name: "LAYERCACHE_BUILDER", Form: oneOf(BuilderAuto, BuilderNative, BuilderContainer, BuilderDocker), Default: BuilderAuto, Commands: everyBuild, Prop: "Builder",
		Help: "BuildKit to build on; auto takes the first that can run"},
	{Name: "LAYERCACHE_JOB", Form: text, Commands: []Command{Build, Image, Stop},
		Help: "Name of a job. Its builds share a native builder, so a stage that several images have in common is built once", Unset: "off; in CodeBuild, builds share the builder that layercache docker starts"},
	{Name: "LAYERCACHE_JOB_IDLE", Form: duration, Default: "15m", Commands: cache,
		Help: "How long the builder of a job is kept while no build uses it; layercache stop ends it at once"},
	{Name: "LAYERCACHE_MIRRORS", Form: mirrors, Commands: everyBuild, Prop: "PullThrough",
		Help: "Where base images are pulled from first; the upstream is the fallback", Unset: "none"},
	{Name: "LAYERCACHE_LAYERS", Form: oneOf(LayersAll, LayersFinal), Default: LayersAll, Commands: everyBuild,
		Help: "Which steps are cached: all, or those of the last stage only. The next build after a change from final to all runs all steps"},
	{Name: "LAYERCACHE_POLICY", Form: oneOf(PolicyAdvise, PolicyAct), Default: PolicyAdvise, Commands: cache, Prop: "CachePolicy",
		Help: "What to do about a cache that does not pay: advise says so; act uses all layers, the last stage's or no cache, by what the last builds showed"},
	{Name: "LAYERCACHE_COMPRESSION", Form: oneOf(CompressionAuto, "zstd", "gzip"), Default: CompressionAuto, Commands: everyBuild, Prop: "CacheCompression",
		Help: "Compression of cached layers that are not in the image; auto is zstd in builds that write an image, and LAYERCACHE_IMAGE_COMPRESSION in others; no effect if only the last stage is cached"},
	{Name: "LAYERCACHE_COMPRESSION_LEVEL", Form: level, Commands: everyBuild,
		Help: "Compression level of cached layers: 0 to 22 for zstd, 0 to 9 for gzip; not used if the image has the same compression, whose level then counts", Unset: "1 for zstd, its own default for gzip"},
	{Name: "LAYERCACHE_IMAGE_COMPRESSION", Form: oneOf("gzip", "zstd"), Default: "gzip", Commands: everyBuild, Prop: "ImageCompression",
		Help: "Compression of the image's layers; layers from the cache or a base image that have another are recompressed"},
	{Name: "LAYERCACHE_IMAGE_COMPRESSION_LEVEL", Form: level, Commands: everyBuild,
		Help: "Compression level of the image's layers: 0 to 22 for zstd, 0 to 9 for gzip", Unset: "the compressor's own default"},
	{Name: "LAYERCACHE_REWRITE_TIMESTAMP", Form: boolean, Default: "true", Commands: everyBuild,
		Help: "With SOURCE_DATE_EPOCH, set later times of files in the image to it, as rewrite-timestamp of BuildKit's exporter"},
	{Name: "LAYERCACHE_ATTESTATIONS", Form: oneOf(AttestationsImageManifest, AttestationsOCIArtifact, AttestationsNone), Default: AttestationsImageManifest, Commands: everyBuild, Prop: "Attestations",
		Help: "Form of attestations; none leaves out buildx's default one, so that an image of one platform is a single manifest"},
	{Name: "LAYERCACHE_PARALLELISM", Form: count, Commands: everyBuild,
		Help: "How many steps run at the same time", Unset: "no limit"},
	{Name: "LAYERCACHE_CACHE_TIMEOUT", Form: duration, Default: DefaultCacheTimeout.String(), Commands: everyBuild,
		Help: "How long a build waits in total for a cache that does not answer, or for a registry that throttles requests"},
	{Name: "LAYERCACHE_MOUNTS", Form: list, Default: MountsAuto, Commands: everyBuild, Prop: "CacheMounts",
		Help: "Cache mounts (RUN --mount=type=cache) that are kept with the cache: auto for all, off, or a list of their ids"},
	{Name: "LAYERCACHE_MOUNT_LIMIT", Form: size, Default: "2GB", Commands: everyBuild, Prop: "CacheMountLimit",
		Help: "Largest size of a kept cache mount; files that no step has read for longest are left out"},
	{Name: "LAYERCACHE_REPOSITORY_ROLE", Form: role, Commands: cache,
		Help: "IAM role to assume for signing in to the cache repositories", Unset: "the build's own identity"},
	{Name: "LAYERCACHE_LOCAL_DIR", Form: text, Commands: cache,
		Help: "Cache folder of mode local", Unset: "none; docker's own builder keeps the cache"},
	{Name: "LAYERCACHE_S3", Form: bucket, Commands: cache, Prop: "CacheBucket",
		Help: "Bucket and prefix of mode s3", Unset: "none"},
	{Name: "LAYERCACHE_METRICS_NAMESPACE", Form: text, Commands: cache, Prop: "MetricsNamespace",
		Help: "CloudWatch namespace that metrics are sent to", Unset: "none are sent"},
	{Name: "LAYERCACHE_USD_PER_MINUTE", Form: number, Default: "0.005", Commands: everyBuild,
		Help: "Price of a minute of the build machine, in US dollars; the default is that of CodeBuild's smallest Linux machine"},
	{Name: "LAYERCACHE_USD_PER_GB_MONTH", Form: number, Default: "0.10", Commands: everyBuild,
		Help: "Price of a gigabyte in the cache repository for a month, in US dollars"},
	{Name: "LAYERCACHE_BUILDS_PER_MONTH", Form: number, Default: "100", Commands: everyBuild,
		Help: "Builds per month that share the cost of storing the cache"},
	{Name: "LAYERCACHE_REPORT_DIR", Form: text, Default: DefaultReportDir, Commands: []Command{Build, Image, Index, Try},
		Help: "Folder for the reports"},

	{Name: "LAYERCACHE_IMAGE", Form: imageRepository, Commands: joined, Prop: "Image",
		Help: "Image repository", Unset: "none; required"},
	{Name: "LAYERCACHE_TAGS", Form: list, Default: "latest", Commands: joined, Prop: "Tags",
		Help: "Tags of the image; {commit}, {branch} and {build} are replaced by the commit, the branch and the number of the build"},
	{Name: "LAYERCACHE_PUSH", Form: boolean, Default: "true", Commands: joined,
		Help: "Push the image"},
	{Name: "LAYERCACHE_DOCKERFILE", Form: text, Default: "Dockerfile", Commands: image, Prop: "Dockerfile",
		Help: "Dockerfile, relative to the working directory"},
	{Name: "LAYERCACHE_CONTEXT", Form: text, Default: ".", Commands: image, Prop: "Context",
		Help: "Build context, relative to the working directory"},
	{Name: "LAYERCACHE_TARGET", Form: text, Commands: image, Prop: "Build.Target",
		Help: "Stage to build", Unset: "the last"},
	{Name: "LAYERCACHE_PLATFORMS", Form: list, Commands: joined, Prop: "Build.Platforms",
		Help: "Platforms to build for, or of the images to join, such as linux/arm64", Unset: "the builder's own; layercache index needs them"},
	{Name: "LAYERCACHE_PLATFORM_TAGS", Form: boolean, Default: "false", Commands: image, Prop: "Build.Platforms",
		Help: "Add the platform to each tag, as in latest-linux-arm64, for layercache index to join"},
	{Name: "LAYERCACHE_BUILD_ARGS", Form: object, Commands: image, Prop: "Build.Arguments",
		Help: `Build arguments, such as {"VERSION":"1.2"}`, Unset: "none"},
	{Name: "LAYERCACHE_SECRETS", Form: object, Commands: image, Prop: "Build.Secrets",
		Help: `Build secrets: the secret's id and the variable that holds it, such as {"npmrc":"NPMRC"}`, Unset: "none"},
	{Name: "LAYERCACHE_PROVENANCE", Form: text, Commands: image, Prop: "Build.Provenance",
		Help: "Provenance attestation, as --provenance of docker buildx build", Unset: "buildx's default"},
	{Name: "LAYERCACHE_SBOM", Form: text, Commands: image, Prop: "Build.Sbom",
		Help: "SBOM attestation, as --sbom of docker buildx build", Unset: "buildx's default"},
	{Name: "LAYERCACHE_ARGS", Form: array, Commands: image, Prop: "Build.Extra",
		Help: `Further arguments of docker buildx build, such as ["--label","team=shop"]`, Unset: "none"},
	{Name: "LAYERCACHE_BAKE", Form: text, Commands: image, Prop: "Bake.File",
		Help: "Bake or compose file whose targets are built instead of one image, relative to the working directory; true for the files that buildx finds. LAYERCACHE_ARGS are then arguments of docker buildx bake; LAYERCACHE_DOCKERFILE, LAYERCACHE_CONTEXT and LAYERCACHE_TARGET are not used", Unset: "one image"},
	{Name: "LAYERCACHE_BAKE_IMAGES", Form: object, Commands: image, Prop: "Bake.Images",
		Help: `Targets of LAYERCACHE_BAKE to build, and the image repository of each, such as {"api":"HOST/api"}; each gets LAYERCACHE_TAGS`, Unset: "the targets and tags in the file"},

	{Name: "LAYERCACHE_PREWARM", Form: list, Commands: []Command{Prewarm},
		Help: "Images to pull through a pull-through cache, HOST/PREFIX/NAME:TAG or HOST/PREFIX/NAME:TAG@DIGEST", Unset: "those given as arguments"},
	{Name: "LAYERCACHE_COMMAND", Form: text, Commands: []Command{Buildspec}, Prop: "Build.Platforms",
		Help: "Command that the buildspec of a batch runs: image or index", Unset: "set by the batch"},
	{Name: "LAYERCACHE_HELPER", Form: text, Commands: []Command{Buildspec},
		Help: "S3 location of the helper's zip, such as s3://BUCKET/KEY, from which a buildspec of another project fetches it", Unset: "set by attach.Attachment"},
}

// All returns every variable, in the order of the help texts.
func All() []Variable { return slices.Clone(table) }

// Find returns the variable with the name.
func Find(name string) (Variable, bool) {
	if i := slices.IndexFunc(table, func(v Variable) bool { return v.Name == name }); i >= 0 {
		return table[i], true
	}
	return Variable{}, false
}

// Variables returns the variables that the command reads, in the order of the table.
func (c Command) Variables() []Variable {
	var read []Variable
	for _, v := range table {
		if slices.Contains(v.Commands, c) {
			read = append(read, v)
		}
	}
	return read
}
