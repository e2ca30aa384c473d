// Package stacks turns the "layercache" context of cdk.json into CDK stacks.
package stacks

// ContextKey is the key of the configuration in the context of cdk.json.
const ContextKey = "layercache"

// Config is the value of the context key. Keys that are left out have their defaults. Unknown keys are
// reported as problems.
type Config struct {
	// Name is the prefix of the names of stacks and repositories and of the paths of service roles. Two
	// deployments in one account need different names.
	// Default: "layercache".
	Name string `json:"name" pattern:"^[a-z](-?[a-z0-9]){1,30}$"`

	// Cache configures the cache repositories: where they are and who may use them.
	// Default: the account and region that the CDK CLI deploys to.
	Cache CacheConfig `json:"cache"`

	// Build is the account and region of the builds, if there is only one. If Cache or Build sets an account
	// or region, both must.
	// Default: the account and region that the CDK CLI deploys to.
	Build BuildPlace `json:"build"`

	// Environments are the accounts and regions of the builds, if there are several. Each has its own stack.
	// Cannot be combined with Build.
	// Default: none.
	Environments []EnvironmentConfig `json:"environments"`

	// PullThrough configures the pull-through cache in the accounts and regions of the builds.
	// Default: true, except in China and GovCloud.
	PullThrough PullThroughConfig `json:"pullThrough"`

	// Dashboard shows whether the caches are worth keeping, with alarms on them. It is in stacks of its own,
	// NAME-dashboard, in each account and region of builds. Builds then write metrics.
	// Default: false.
	Dashboard *DashboardConfig `json:"dashboard"`

	// Builds are the images to build, at least one. Every environment builds all of them. Required.
	Builds []BuildConfig `json:"builds"`

	// NewRegions are regions that are newer than the list of the CDK. Without this list, a region that the CDK does not know is
	// taken for a misspelt one.
	// Default: none.
	NewRegions []string `json:"newRegions"`
	// Stacks is the number of stacks over which the builds of each account and region are spread by their
	// names, NAME-build-1of16 and so on; their pull-through cache is in NAME-shared. With 1 all are in
	// NAME-build. Another number moves builds that are deployed: docs/how-to/many-builds.md.
	// Default: 1 if the builds fit into one stack, else 16, or more for more than about 400 builds.
	Stacks *float64 `json:"stacks"`
}

// CacheConfig configures the cache repositories: where they are and who may use them.
type CacheConfig struct {
	// Account is a 12-digit account id.
	// Default: the account that the CDK CLI deploys to.
	Account string `json:"account" pattern:"^[0-9]{12}$"`

	// Region is a region such as "eu-central-1".
	// Default: the region that the CDK CLI deploys to.
	Region string `json:"region" pattern:"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"`

	// Regions are several regions with their own caches. Builds use the caches of their region, or else of
	// the first one. Cannot be combined with Region.
	// Default: only Region.
	Regions []string `json:"regions" pattern:"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"`

	// Tiers are the caches by name. Each is a separate repository, NAME/cache/TIER, so that no build can
	// write a cache that a more trusted build reads. Builds of this configuration have access without being
	// listed here.
	// Default: "dev" and "prod".
	Tiers map[string]TierConfig `json:"tiers"`

	// Encryption is the encryption of the caches. Only GovCloud has KMS_DSSE. Once the caches are deployed, a
	// change of it or of EncryptionKey fails, because CloudFormation cannot replace a repository that keeps its
	// name: rename the tiers too, or destroy the stack of the caches first. The caches are built again.
	// Default: "AES256", or "KMS" with EncryptionKey.
	Encryption string `json:"encryption" enum:"AES256 KMS KMS_DSSE"`

	// EncryptionKey is the ARN of a KMS key in Region.
	// Default: the AWS managed key aws/ecr, with KMS.
	EncryptionKey string `json:"encryptionKey" pattern:"^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"`

	// Share exports the caches and the helper for CodeBuild projects of other apps in the account and region of
	// the caches, in any language: docs/how-to/typescript-and-python.md.
	// Default: false.
	Share *ShareConfig `json:"share"`
}

// ShareConfig exports the caches and the helper for other apps.
type ShareConfig struct {
	// Enabled makes the exports.
	// Default: true.
	Enabled *bool `json:"enabled"`
	// HelperZip is the path of a prebuilt helper, with {arch} where the names for amd64 and arm64 differ.
	// Default: compiled from source.
	HelperZip string `json:"helperZip" prop:"HelperZip"`
}

func (s *ShareConfig) isOn() bool { return s != nil && *orTrue(s.Enabled) }

// TierConfig configures the access to one cache.
type TierConfig struct {
	// Readers may import from the cache, in addition to the builds that use the tier.
	// Default: none.
	Readers []PartyConfig `json:"readers"`

	// Writers may import from and export to the cache, in addition to the builds that use the tier.
	// Default: none.
	Writers []PartyConfig `json:"writers"`
}

// PartyConfig is a set of principals of other accounts: those that all of its keys describe.
type PartyConfig struct {
	// Account is a 12-digit account id.
	Account string `json:"account" pattern:"^[0-9]{12}$"`
	// OrganizationID is an id such as "o-a1b2c3d4e5".
	OrganizationID string `json:"organizationId"`
	// OrganizationPaths are paths such as "o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*".
	OrganizationPaths []string `json:"organizationPaths"`
	// RolePath is a path such as "/ci/release/".
	RolePath string `json:"rolePath"`
}

// BuildPlace is an account and region of builds, and the caches that they use.
type BuildPlace struct {
	// Account is a 12-digit account id.
	// Default: the account that the CDK CLI deploys to.
	Account string `json:"account" pattern:"^[0-9]{12}$"`

	// Region is a region such as "eu-central-1".
	// Default: the region that the CDK CLI deploys to.
	Region string `json:"region" pattern:"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"`

	// Tier is the cache that builds read and write.
	// Default: "prod", or the only tier.
	Tier string `json:"tier"`

	// PullRequests makes the webhooks start builds of pull requests here.
	// Default: true.
	PullRequests *bool `json:"pullRequests"`

	// PullRequestTier is the cache that builds of pull requests write. They read the cache of Tier.
	// Default: none; builds of pull requests write no cache.
	PullRequestTier string `json:"pullRequestTier"`

	// Connection is the ARN of a connection of AWS CodeConnections, in the account of the builds, to the Git
	// host of their sources. It may be in another region, unless that is an opt-in region.
	// Default: the account's CodeBuild credential for the host.
	Connection string `json:"connection" pattern:"^arn:[a-z0-9-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[A-Za-z0-9-]+$"`

	// Network runs the builds in a VPC.
	// Default: builds run in CodeBuild's own network.
	Network *NetworkConfig `json:"network"`

	// EncryptionKey is the ARN of a KMS key that encrypts the logs, the output and the new image repositories
	// of the builds. Its policy must allow CloudWatch Logs. Once an image repository is deployed, a change
	// fails: give its build another ImageName too. The old repository stays.
	// Default: keys that AWS owns.
	EncryptionKey string `json:"encryptionKey" pattern:"^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"`

	// AlarmTopics are the ARNs of at most 5 SNS topics that the alarms of Dashboard notify.
	// Default: none.
	AlarmTopics []string `json:"alarmTopics" pattern:"^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$"`
}

// EnvironmentConfig is one of several accounts and regions of builds.
type EnvironmentConfig struct {
	// Name is the suffix of the stack's name. Required.
	Name string `json:"name"`
	// Account is a 12-digit account id. Required.
	Account string `json:"account" pattern:"^[0-9]{12}$"`
	// Region is a region such as "eu-central-1". Required.
	Region string `json:"region" pattern:"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"`
	// Tier is the cache that builds read and write.
	// Default: the tier with the environment's name, or the only tier.
	Tier string `json:"tier"`
	// PullRequests makes the webhooks start builds of pull requests here.
	// Default: true.
	PullRequests *bool `json:"pullRequests"`
	// PullRequestTier is the cache that builds of pull requests write.
	// Default: none; builds of pull requests write no cache.
	PullRequestTier string `json:"pullRequestTier"`
	// Connection is the ARN of a connection of AWS CodeConnections.
	// Default: the account's CodeBuild credential for the host.
	Connection string `json:"connection" pattern:"^arn:[a-z0-9-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[A-Za-z0-9-]+$"`
	// Network runs the builds in a VPC.
	// Default: builds run in CodeBuild's own network.
	Network *NetworkConfig `json:"network"`
	// EncryptionKey is the ARN of a KMS key that encrypts the logs, the output and the new image repositories
	// of the builds. Its policy must allow CloudWatch Logs. Once an image repository is deployed, a change
	// fails: give its build another ImageName too. The old repository stays.
	// Default: keys that AWS owns.
	EncryptionKey string `json:"encryptionKey" pattern:"^arn:[a-z0-9-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$"`
	// AlarmTopics are the ARNs of at most 5 SNS topics that the alarms of Dashboard notify.
	// Default: none.
	AlarmTopics []string `json:"alarmTopics" pattern:"^arn:[a-z0-9-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$"`
}

// PullThroughConfig configures the pull-through cache.
type PullThroughConfig struct {
	// Enabled creates pull-through cache rules. A prefix can be used once per account and region. The regions
	// of China and GovCloud have no pull-through cache.
	// Default: true, except in China and GovCloud.
	Enabled *bool `json:"enabled"`

	// Existing uses the rules that another configuration has created in the accounts and regions of the builds,
	// and creates none. Prefixes are those of the other configuration, for all upstreams to use.
	// Default: false.
	Existing bool `json:"existing"`

	// Prefixes are the repository prefixes by upstream: ecr-public, k8s, quay and the upstreams of Secrets.
	// If set, only the upstreams listed here and in Secrets are cached. No image repository may begin with one.
	// Default: ecr-public, k8s and quay, each with its name as the prefix. An upstream of Secrets has its name,
	// github-container-registry and gitlab-container-registry have "github" and "gitlab".
	Prefixes map[string]string `json:"prefixes"`

	// Secrets are the names of the Secrets Manager secrets with which ECR signs in, such as
	// "ecr-pullthroughcache/docker-hub", by upstream: docker-hub, github-container-registry,
	// gitlab-container-registry and chainguard. Each account and region of builds must have a secret with
	// that name, with its real content before the deployment. For builds in one account and region it may be
	// the secret's ARN, with or without the suffix that Secrets Manager adds.
	// Default: none.
	Secrets map[string]string `json:"secrets"`

	// Prewarm pulls images on a schedule, because the first pull of an image is slow and ECR looks for a newer
	// image only when one is pulled.
	// Default: none.
	Prewarm *PrewarmConfig `json:"prewarm"`
}

// PrewarmConfig pulls images through the pull-through cache on a schedule.
type PrewarmConfig struct {
	// Images are the images to pull, as in a Dockerfile: "golang:1.26". Each must be in a cached upstream.
	// Required.
	Images []string `json:"images" prop:"Images"`
	// Schedule is when they are pulled: "rate(1 day)" or "cron(0 3 * * ? *)".
	// Default: "rate(1 day)".
	Schedule string `json:"schedule" prop:"Schedule"`
	// TimeoutMinutes is the maximum duration of a run: 5 to 2160.
	// Default: 60.
	TimeoutMinutes *float64 `json:"timeoutMinutes" prop:"Timeout"`
	// LogRetentionDays is the retention time of logs.
	// Default: 30.
	LogRetentionDays *float64 `json:"logRetentionDays" prop:"LogRetention"`
	// HelperZip is the path of a prebuilt helper for linux and amd64.
	// Default: compiled from source.
	HelperZip string `json:"helperZip" prop:"HelperZip"`
}

// DashboardConfig is a CloudWatch dashboard with all builds, at most 100 in each stack.
type DashboardConfig struct {
	// Enabled creates the dashboard.
	// Default: true.
	Enabled *bool `json:"enabled"`
	// Namespace is the CloudWatch namespace of the metrics. Builds with another MetricsNamespace are not shown.
	// Default: "layercache".
	Namespace string `json:"namespace" prop:"Namespace"`
	// Name is the name of the dashboard: letters, digits, '-' and '_'. An account has each name once in all of
	// its regions: with builds in several regions of an account, "-" and the region follow the name.
	// Default: CloudFormation generates a name.
	Name string `json:"name" prop:"DashboardName" pattern:"^[A-Za-z0-9_-]{1,250}$"`
	// PeriodMinutes is the time span of one point of a graph and of one evaluation of an alarm: whole minutes.
	// Default: 1440.
	PeriodMinutes *float64 `json:"periodMinutes" prop:"Period"`
	// Alarms creates three alarms for each build. They notify the AlarmTopics of Build or of the environment.
	// Default: true.
	Alarms *AlarmsConfig `json:"alarms" prop:"Thresholds"`
}

// AlarmsConfig defines when the alarms of a build go off. A period without builds triggers no alarm.
type AlarmsConfig struct {
	// Enabled creates the alarms.
	// Default: true.
	Enabled *bool `json:"enabled"`
	// HitRatio is the average hit ratio, 0 to 1, below which the alarm goes off.
	// Default: 0.2.
	HitRatio *float64 `json:"hitRatio" prop:"HitRatio"`
	// ExportFailures is the number of builds per period that may fail to write their cache.
	// Default: 0.
	ExportFailures *float64 `json:"exportFailures" prop:"ExportFailures"`
	// OverheadSeconds is the number of seconds that the cache may cost a build more than it saves, on average.
	// Default: 0.
	OverheadSeconds *float64 `json:"overheadSeconds" prop:"OverheadSeconds"`
	// MinimumBuilds is the number of builds per period from which averages are evaluated.
	// Default: 5.
	MinimumBuilds *float64 `json:"minimumBuilds" prop:"MinimumBuilds"`
}

// NetworkConfig runs builds in a VPC. They need a route to the internet or endpoints: docs/how-to/vpc.md.
type NetworkConfig struct {
	// Enabled puts the builds into the VPC. A build with "network": false stays in CodeBuild's own network.
	// Default: true.
	Enabled *bool `json:"enabled"`
	// VpcID is the id of the VPC. Required.
	VpcID string `json:"vpcId" prop:"Vpc" pattern:"^vpc-[0-9a-f]+$"`
	// Subnets are the ids of the subnets that builds run in, at least one. A build in a public subnet has no
	// route to the internet. Required.
	Subnets []string `json:"subnets" prop:"Subnets" pattern:"^subnet-[0-9a-f]+$"`
	// SecurityGroups are the ids of the security groups of the build machines, at most 5.
	// Default: a new one that allows all outbound and no inbound traffic.
	SecurityGroups []string `json:"securityGroups" prop:"SecurityGroups" pattern:"^sg-[0-9a-f]+$"`
}
