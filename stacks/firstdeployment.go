package stacks

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"

	"github.com/layercache/layercache/constructs/imagebuild"
	"github.com/layercache/layercache/constructs/validation"
)

// FirstDeployment is what to do by hand for the first deployment of a configuration.
type FirstDeployment struct {
	// Summary names what is needed besides `cdk bootstrap` and `cdk deploy` of one account, such as "create 2
	// secrets". It is empty if that is nothing.
	Summary string
	// Text is the whole list, in Markdown.
	Text string
}

// FirstDeployment returns the list for the stacks that AddTo created.
func (c *Config) FirstDeployment(app *App) FirstDeployment {
	c = c.WithDefaults()
	var all []awscdk.Stack
	for _, s := range app.Caches {
		all = append(all, s.Stack)
	}
	for _, s := range app.Builds {
		all = append(all, s.Stack)
	}
	all = append(all, app.Dashboards...)
	l := firstDeployment{Config: c, accounts: accounts(all)}
	sections := []section{l.bootstrap(all), l.connections(), l.credentials(), l.secrets(), l.buildSecrets(), l.rules(), deploy(all), l.webhooks(app.Builds), l.check()}
	return FirstDeployment{Summary: strings.Join(l.summary, ", "), Text: l.text(sections)}
}

// firstDeployment makes the sections of the list.
type firstDeployment struct {
	*Config
	// accounts are the accounts of the stacks; empty if the CDK CLI chooses the account.
	accounts []string
	summary  []string
}

// section is a part of the list. One without steps is left out.
type section struct {
	title, intro string
	steps        []string
}

func (l *firstDeployment) text(sections []section) string {
	var text strings.Builder
	fmt.Fprintf(&text, `# First deployment of %s

cdk synth wrote this list from the configuration. Each step is done once. Run the commands for an account with
credentials of that account (--profile). They follow AWS's documentation; the authors did not run them on AWS.
`, l.Name)
	number := 0
	for _, s := range sections {
		if len(s.steps) == 0 {
			continue
		}
		number++
		fmt.Fprintf(&text, "\n## %d. %s\n\n", number, s.title)
		if s.intro != "" {
			fmt.Fprintf(&text, "%s\n\n", s.intro)
		}
		for _, step := range s.steps {
			fmt.Fprintf(&text, "- [ ] %s\n", strings.ReplaceAll(step, "\n", "\n      "))
		}
	}
	return text.String()
}

// needs adds a part of the summary: "create 1 secret", "create 2 secrets".
func (l *firstDeployment) needs(verb string, count int, noun string) {
	if count != 1 {
		noun += "s"
	}
	l.summary = append(l.summary, fmt.Sprintf("%s %d %s", verb, count, noun))
}

// known returns the text, or "" if the CDK CLI decides the value.
func known(text *string) string {
	if !validation.IsLiteral(text) {
		return ""
	}
	return *text
}

func accounts(all []awscdk.Stack) []string {
	var accounts []string
	for _, s := range all {
		if account := known(s.Account()); account != "" && !slices.Contains(accounts, account) {
			accounts = append(accounts, account)
		}
	}
	return accounts
}

// bootstrap lists the accounts and regions of the stacks.
//
// https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-customizing.html
func (l *firstDeployment) bootstrap(all []awscdk.Stack) section {
	s := section{title: "Bootstrap"}
	trust, deployer := "", l.Cache.Account
	if len(l.accounts) > 1 {
		s.intro = fmt.Sprintf(`One identity deploys to all accounts, through roles that bootstrap creates. So the other accounts trust the account of that
identity: here %s, which has the caches. Name another if you deploy from there. Who deploys can do what
--cloudformation-execution-policies allows: give a narrower policy if you have one.`, deployer)
		trust = fmt.Sprintf(" --trust %s --cloudformation-execution-policies arn:%s:iam::aws:policy/AdministratorAccess", deployer, partition(known(all[0].Region())))
		l.needs("bootstrap", len(l.accounts), "account")
	}
	for _, stack := range all {
		account, region := known(stack.Account()), known(stack.Region())
		step := "`npx cdk bootstrap`"
		switch {
		case account == "" || region == "":
		case account == deployer:
			step = fmt.Sprintf("`npx cdk bootstrap aws://%s/%s`", account, region)
		default:
			step = fmt.Sprintf("`npx cdk bootstrap aws://%s/%s%s`", account, region, trust)
		}
		if !slices.Contains(s.steps, step) {
			s.steps = append(s.steps, step)
		}
	}
	return s
}

// partition returns the partition of a region. One that the CDK does not know is taken for a region of "aws".
func partition(region string) string { return cmp.Or(partitions()[region], "aws") }

// authorize says how a connection gets access to the Git host:
// https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html.
const authorize = `A connection that a program made is PENDING. Authorize it in the console: Developer Tools, Settings, Connections, select it,
Update pending connection. Whoever signs in to the Git host there must administer the repositories: CodeBuild makes their webhooks.`

// connections lists the connections of places with builds from a Git host.
func (l *firstDeployment) connections() section {
	s := section{title: "Authorize connections", intro: authorize + "\nThen these commands print AVAILABLE."}
	var seen []string
	check := func(title, connection string) {
		if connection == "" || slices.Contains(seen, connection) {
			return
		}
		seen = append(seen, connection)
		region := strings.Split(connection, ":")[3]
		s.steps = append(s.steps, fmt.Sprintf("%s:\n`aws codeconnections get-connection --region %s --connection-arn %s --query Connection.ConnectionStatus --output text`",
			title, region, connection))
	}
	for _, p := range l.places() {
		if len(l.hosts()) > 0 {
			check(p.title(), p.connection)
		}
	}
	for _, b := range l.Builds {
		check("build "+b.Name, b.Source.Connection)
	}
	if len(s.steps) > 0 {
		l.needs("authorize", len(s.steps), "connection")
	}
	return s
}

// hosts returns the provider types of AWS CodeConnections for the Git hosts of the sources.
func (c *Config) hosts() []string {
	found := map[string]bool{}
	for _, b := range c.Builds {
		for provider, repository := range map[string]string{"GitHub": b.Source.GitHub, "GitLab": b.Source.GitLab, "Bitbucket": b.Source.Bitbucket} {
			if repository != "" {
				found[provider] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// credentials lists the places without a connection for their builds from a Git host.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/access-tokens.html
func (l *firstDeployment) credentials() section {
	s := section{title: "Connect CodeBuild to the Git host", intro: `Public repositories without a webhook need nothing. For others, the account needs a credential for the host, which the first command
lists, or a connection, which the second makes. Set the ARN of the connection as "connection" in cdk.json, where the step says.
` + authorize}
	for _, p := range l.places() {
		if p.connection != "" {
			continue
		}
		for _, provider := range l.hosts() {
			s.steps = append(s.steps, fmt.Sprintf("%s, %s (%s):\n`aws codebuild list-source-credentials%s`\n`aws codeconnections create-connection%s --provider-type %s --connection-name %s`",
				p.title(), provider, p.key, p.option(), p.option(), provider, l.Name))
		}
	}
	if len(s.steps) > 0 && slices.ContainsFunc(l.Builds, func(b BuildConfig) bool { return b.Webhook.isOn() }) {
		l.summary = append(l.summary, "connect CodeBuild to "+strings.Join(l.hosts(), " and "))
	}
	return s
}

// secrets lists the secrets for upstreams, which ECR needs when it creates the rules.
//
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
func (l *firstDeployment) secrets() section {
	s := section{title: "Create secrets", intro: `ECR signs in when a rule is created, so each secret must have its real content before the deployment. Write the content to a file
that nobody else can read (umask 077), with these two fields, and remove the file afterwards. Keep the default encryption key,
aws/secretsmanager: ECR takes no other.

    {"username": "NAME", "accessToken": "TOKEN"}`}
	registries := slices.Sorted(maps.Keys(l.PullThrough.Secrets))
	for _, p := range l.places() {
		if !l.createsPullThrough(p) {
			continue
		}
		for _, registry := range registries {
			secret := l.PullThrough.Secrets[registry]
			if strings.HasPrefix(secret, "arn:") {
				s.steps = append(s.steps, fmt.Sprintf("%s, %s: the secret of this ARN exists and has the two fields.\n`%s`", p.title(), registry, secret))
				continue
			}
			s.steps = append(s.steps, fmt.Sprintf("%s, %s:\n`aws secretsmanager create-secret%s --name %s --secret-string file://%s.json`", p.title(), registry, p.option(), secret, registry))
		}
	}
	if len(s.steps) > 0 {
		l.needs("create", len(s.steps), "secret")
	}
	return s
}

// buildSecrets lists the secrets and parameters that builds read.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/asm-create-secret.html
func (l *firstDeployment) buildSecrets() section {
	s := section{title: "Create what builds read", intro: `The deployment does not look for these; a build without one fails. Write each value to a file that nobody else can read
(umask 077), and remove the file afterwards. The secret of a source is a JSON object with three fields:

    {"ServerType": "GITHUB", "AuthType": "PERSONAL_ACCESS_TOKEN", "Token": "TOKEN"}`}
	for _, p := range l.places() {
		for _, b := range l.Builds {
			title := p.title() + ", build " + b.Name
			if b.Source.Secret != "" {
				s.steps = append(s.steps, fmt.Sprintf("%s: the secret of the source exists and has the three fields.\n`%s`", title, b.Source.Secret))
			}
			for _, id := range slices.Sorted(maps.Keys(b.Secrets)) {
				s.steps = append(s.steps, fmt.Sprintf("%s, secret %s%s", title, id, b.Secrets[id].creation(p)))
			}
		}
	}
	if len(s.steps) > 0 {
		l.needs("create", len(s.steps), "build secret")
	}
	return s
}

// creation returns the command that creates the secret or parameter.
func (c SecretConfig) creation(p place) string {
	field := ""
	if c.Field != "" {
		field = fmt.Sprintf(", a JSON object with the field %q", c.Field)
	}
	switch {
	case strings.HasPrefix(c.SecretsManager, "arn:"):
		return fmt.Sprintf("%s: the secret of this ARN exists.\n`%s`", field, c.SecretsManager)
	case c.SecretsManager != "":
		return fmt.Sprintf("%s:\n`aws secretsmanager create-secret%s --name %s --secret-string file://secret`", field, p.option(), c.SecretsManager)
	}
	return fmt.Sprintf(":\n`aws ssm put-parameter%s --type SecureString --name %s --value file://secret`", p.option(), c.Parameter)
}

// rules lists the prefixes that must be free, because an account and region has each only once.
func (l *firstDeployment) rules() section {
	s := section{title: "Check that the prefixes of the pull-through cache are free", intro: `An account has one rule for each prefix and region. If the command lists a prefix of its step, set others in pullThrough.prefixes,
or pullThrough.enabled to false.`}
	for _, p := range l.places() {
		if !l.createsPullThrough(p) {
			continue
		}
		var prefixes []string
		for _, registry := range l.PullThrough.registries() {
			prefixes = append(prefixes, l.PullThrough.prefix(registry))
		}
		s.steps = append(s.steps, fmt.Sprintf("%s, %s:\n`aws ecr describe-pull-through-cache-rules%s --query 'pullThroughCacheRules[].ecrRepositoryPrefix'`",
			p.title(), strings.Join(prefixes, ", "), p.option()))
	}
	return s
}

// deploy lists the stacks in the order of App: caches come first.
func deploy(all []awscdk.Stack) section {
	s := section{title: "Deploy, in this order", intro: "Or all of them with `npx cdk deploy --all`. The first build of a stack looks for its cache, so the caches come first."}
	for _, stack := range all {
		where := ""
		if account := known(stack.Account()); account != "" {
			where = fmt.Sprintf(" (account %s, %s)", account, cmp.Or(known(stack.Region()), "the region of the CDK CLI"))
		}
		s.steps = append(s.steps, fmt.Sprintf("`npx cdk deploy %s`%s", *stack.StackName(), where))
	}
	return s
}

// webhooks lists the webhooks of sources for which CloudFormation makes none.
//
// https://docs.aws.amazon.com/codebuild/latest/userguide/run-build-cli-auto-start.html
func (l *firstDeployment) webhooks(builds []*BuildStack) section {
	s := section{title: "Create the webhooks of GitHub Enterprise", intro: `CloudFormation cannot make them. Leave out a webhook that you do not need, but never --filter-groups: without it every push and every pull
request starts a build, and the project of releases would build pull requests. Each command prints a payloadUrl and a secret. At the Git host,
add a webhook with both to the repository (Settings, Hooks). For releases it sends pushes; for pull requests it sends pull requests, and issue
comments for the approval. AWS's documentation does not say whether the approval (--pull-request-build-policy) works at GitHub Enterprise: try
a pull request from a fork before you rely on it.`}
	for _, stack := range builds {
		p := place{account: known(stack.Account()), region: known(stack.Region())}
		for _, b := range l.Builds {
			build := stack.builds[b.Name]
			if build == nil || b.Source.GitHubEnterprise == "" {
				continue
			}
			b.Webhook = cmp.Or(b.Webhook, &WebhookConfig{})
			add := func(what string, project awscodebuild.IProject, groups []*imagebuild.FilterGroup, options string) {
				if len(groups) == 0 {
					return
				}
				if build.IsBatch() {
					options += " --build-type BUILD_BATCH"
				}
				id := *stack.GetLogicalId(project.Node().DefaultChild().(awscdk.CfnElement))
				s.steps = append(s.steps, fmt.Sprintf("%s, build %s, %s:\n"+
					"`aws codebuild create-webhook%[4]s --project-name \"$(aws cloudformation describe-stack-resource%[4]s --stack-name %[5]s --logical-resource-id %[6]s "+
					"--query StackResourceDetail.PhysicalResourceId --output text)\" --filter-groups %[7]s%[8]s`",
					p.title(), b.Name, what, p.option(), *stack.StackName(), id, jsonArgument(filterGroups(groups)), options))
			}
			add("releases", build.Project(), *b.webhook(false).Filters, "")
			if project := build.PullRequestProject(); project != nil {
				add("pull requests", project, b.pullRequestFilters(), " --pull-request-build-policy "+jsonArgument(json.RawMessage(*build.PullRequestBuildPolicy())))
			}
		}
	}
	if len(s.steps) > 0 {
		l.needs("create", len(s.steps), "webhook")
	}
	return s
}

// filterGroups returns the groups in the form of the AWS CLI.
func filterGroups(groups []*imagebuild.FilterGroup) [][]map[string]any {
	var all [][]map[string]any
	for _, g := range groups {
		var events []string
		for _, event := range *g.Events {
			events = append(events, string(event))
		}
		filters := []map[string]any{{"type": "EVENT", "pattern": strings.Join(events, ", ")}}
		for _, c := range *g.Conditions {
			filter := map[string]any{"type": c.Type, "pattern": *c.Pattern}
			if *orFalse(c.Exclude) {
				filter["excludeMatchedPattern"] = true
			}
			filters = append(filters, filter)
		}
		all = append(all, filters)
	}
	return all
}

// jsonArgument returns the value as an argument for a shell, in a text that can be between backticks.
func jsonArgument(value any) string {
	text, _ := json.Marshal(value)
	return "'" + strings.NewReplacer("'", `\u0027`, "`", `\u0060`).Replace(string(text)) + "'"
}

// check lists what shows that the deployment works.
func (l *firstDeployment) check() section {
	s := section{title: "Check", intro: "Run each layercache command twice, in the checkout of layercache. If dist/layercache is not there yet: `go build -o dist/ ./bin/layercache`."}
	for _, p := range l.places() {
		s.steps = append(s.steps, fmt.Sprintf("%s: the first build writes the cache; the second prints the verdict used.\n`dist/layercache start %s%s --follow`", p.title(), l.Builds[0].Name, p.option()))
		if l.buildsPullRequests(p) {
			s.steps = append(s.steps, fmt.Sprintf("%s: a pull request starts a build. One from a fork waits until somebody who may write to the repository comments /codebuild_run(COMMIT).", p.title()))
		}
	}
	return s
}

// title names the place at the beginning of a step.
func (p place) title() string {
	if p.account == "" {
		return "The account of the builds"
	}
	return strings.TrimSuffix(fmt.Sprintf("Account %s, %s", p.account, p.region), ", ")
}

// option returns the option of the AWS CLI for the region of the place.
func (p place) option() string {
	if p.region == "" {
		return ""
	}
	return " --region " + p.region
}
