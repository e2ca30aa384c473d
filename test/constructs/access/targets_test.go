package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/test/constructs/examples"
)

// matrix is all principals and targets of an example, and the policies between them.
type matrix struct {
	// name is the example's name, config the "name" in its configuration.
	name, config string
	documents    []document
	principals   []principal
	targets      []target
}

// document is a policy.
type document struct {
	name string
	body map[string]any
	// fromTemplate reports whether a template defines the policy.
	fromTemplate bool
}

// target is a resource that principals try actions on.
type target struct {
	name, kind   string
	arn, account string
	// policy is the index of its resource policy in the matrix's documents; nil if it has none.
	policy *int
	// namespace of the metrics, for the kind "metrics".
	namespace string
	// user is the ARN of the project or rule that a role is made for.
	user string
}

// matrices returns the matrices of all examples, and that of attached projects.
func matrices(t *testing.T) []*matrix {
	t.Helper()
	configured, err := examples.All()
	require.NoError(t, err)
	var all []*matrix
	for _, example := range configured {
		made := synthesize(t, example)
		w := matrixOf(example.Name, example.Config["name"].(string), made)
		for _, s := range made {
			w.addConsumers(s, example)
		}
		all = append(all, w)
	}
	return append(all, attachedMatrix(t))
}

func matrixOf(name, config string, all []stack) *matrix {
	w := &matrix{name: name, config: config}
	var builds []stack
	for _, s := range all {
		w.addRepositories(s)
		if len(s.ids("AWS::CodeBuild::Project")) > 0 {
			builds = append(builds, s)
		}
	}
	for _, s := range all {
		w.addRoles(s)
		w.addHolders(s)
		w.addShared(s)
	}
	for _, s := range builds {
		w.addBuilds(s)
	}
	for i := range w.documents {
		w.documents[i].fromTemplate = true
	}
	w.addPeople(builds)
	w.principals = append(w.principals, services()...)
	return w
}

// add adds a policy and returns its index.
func (w *matrix) add(name string, body any) int {
	w.documents = append(w.documents, document{name: name, body: body.(map[string]any)})
	return len(w.documents) - 1
}

// suffix returns " (NAME)" where an example has several stacks of a kind, else "".
func (w *matrix) suffix(s stack) string {
	for _, kind := range []string{"-cache", "-build"} {
		if rest, ok := strings.CutPrefix(s.name, w.config+kind+"-"); ok {
			return " (" + rest + ")"
		}
	}
	return ""
}

var idForm = regexp.MustCompile(`^(.+?)(PullRequest|Start|DeployPolicy|DeployTicket|RollOut.+Policy)?(?:Role|RoleDefaultPolicy|Logs|Project|)[0-9A-F]{8}$`)

// label returns a name for a resource of a build, such as "api release (dev)".
func (w *matrix) label(s stack, id string) string {
	switch {
	case strings.HasPrefix(id, "LayercacheDeploy"):
		return "deploy function" + w.suffix(s)
	case strings.HasPrefix(id, "LayercacheRollOut"):
		return "roll-out function" + w.suffix(s)
	}
	match := idForm.FindStringSubmatch(id)
	if match == nil {
		panic(fmt.Sprintf("%s: the logical ID %s does not look like a resource of a build", s.name, id))
	}
	if strings.HasPrefix(match[2], "RollOut") {
		return match[1] + " " + match[2] + w.suffix(s)
	}
	use := map[string]string{
		"": "release", "PullRequest": "pull request", "Start": "schedule", "DeployPolicy": "deployment", "DeployTicket": "ticket",
	}[match[2]]
	return match[1] + " " + use + w.suffix(s)
}

func (w *matrix) target(s stack, name, kind, arn string) {
	known := func(t target) bool { return t.arn == arn && t.kind == kind && kind != "metrics" }
	if !slices.ContainsFunc(w.targets, known) {
		w.targets = append(w.targets, target{name: name + w.suffix(s), kind: kind, arn: arn, account: s.account})
	}
}

func (w *matrix) addRepositories(s stack) {
	for _, id := range s.ids("AWS::ECR::Repository") {
		w.target(s, s.nameOf(id), "repository", s.arnOf(id))
		if policy, ok := s.resources[id].Properties["RepositoryPolicyText"]; ok {
			index := w.add(s.nameOf(id)+w.suffix(s)+" repository", s.resolve(policy))
			w.targets[len(w.targets)-1].policy = &index
		}
	}
	for _, id := range s.ids("AWS::ECR::PullThroughCacheRule") {
		properties := s.resources[id].Properties
		prefix := s.text(properties["EcrRepositoryPrefix"])
		w.target(s, prefix+"/…", "pull-through", s.arn("ecr", "repository/"+prefix+"/library/debian"))
		if secret, ok := properties["CredentialArn"]; ok {
			w.target(s, "secret for "+prefix, "secret", s.text(secret)+"-AbCdEf")
		}
	}
}

// addBuilds adds what the projects of a stack use, and similar resources that they must not touch.
func (w *matrix) addBuilds(s stack) {
	var bucket string
	for _, id := range s.ids("AWS::CodeBuild::Project") {
		properties, label := s.resources[id].Properties, strings.TrimSuffix(w.label(s, id), w.suffix(s))
		w.target(s, "project "+label, "project", s.arnOf(id))
		helper, kind := s.helper(properties)
		bucket, _, _ = strings.Cut(helper, "/")
		w.target(s, "helper's zip of "+label, kind, helper)
		source := properties["Source"].(map[string]any)
		if source["Type"] == "S3" {
			w.target(s, "source of "+label, "object", s.location(source))
		}
		if auth, ok := source["Auth"].(map[string]any); ok {
			w.target(s, "connection", "connection", s.text(auth["Resource"]))
			w.target(s, "another connection", "connection", s.arn("codeconnections", "connection/99999999-8888-7777-6666-555555555555"))
		}
		w.addMetrics(s, properties)
	}
	w.addDeployment(s)
	for _, id := range s.ids("AWS::Logs::LogGroup") {
		stream := strings.TrimSuffix(s.arnOf(id), "*") + "log-stream:build"
		w.target(s, "log of "+strings.TrimSuffix(w.label(s, id), w.suffix(s)), "log", stream)
	}
	w.target(s, "another project", "project", s.arn("codebuild", "project/other"))
	w.target(s, "log of another project", "log", s.arn("logs", "log-group:/aws/codebuild/other:log-stream:build"))
	w.target(s, w.config+"/another", "repository", s.arn("ecr", "repository/"+w.config+"/another"))
	w.target(s, "another repository", "repository", s.arn("ecr", "repository/other/app"))
	w.target(s, "rest of the asset bucket", "other object", bucket+"/another.zip")
	w.target(s, "another bucket", "bucket", "arn:"+s.partition+":s3:::other-bucket-"+s.account)
}

// addDeployment adds what the deployment of a stack and the builds that it waits for use, and similar resources that
// they must not touch.
func (w *matrix) addDeployment(s stack) {
	if len(s.ids("Custom::LayercacheImage")) == 0 {
		return
	}
	w.addEnds(s)
	for _, id := range s.ids("AWS::CodeBuild::Project") {
		label := strings.TrimSuffix(w.label(s, id), w.suffix(s))
		w.target(s, "ticket of "+label, "ticket", s.arn("ssm", "parameter/layercache/ticket/"+s.nameOf(id)))
	}
	w.target(s, "ticket of another project", "ticket", s.arn("ssm", "parameter/layercache/ticket/other"))
}

// addEnds adds what shows how builds ended, and what they pushed.
func (w *matrix) addEnds(s stack) {
	for _, id := range s.ids("AWS::CodeBuild::Project") {
		w.target(s, "builds of "+strings.TrimSuffix(w.label(s, id), w.suffix(s)), "builds", s.arnOf(id))
	}
	w.target(s, "builds of another project", "builds", s.arn("codebuild", "project/other"))
	for _, id := range s.ids("AWS::ECR::Repository") {
		w.target(s, "images of "+s.nameOf(id), "images", s.arnOf(id))
	}
	w.target(s, "images of "+w.config+"/another", "images", s.arn("ecr", "repository/"+w.config+"/another"))
	w.target(s, "images of another repository", "images", s.arn("ecr", "repository/other/app"))
}

// helper returns the ARN of a project's helper, and its kind: CodeBuild reads a secondary source with more calls than
// the buildspec of an attached project.
func (s stack) helper(project map[string]any) (arn, kind string) {
	if sources, ok := project["SecondarySources"].([]any); ok {
		return s.location(sources[0]), "object"
	}
	return s.helperARN(s.variable(project, "LAYERCACHE_HELPER")), "zip"
}

// variable returns the value of a variable of a project, or "".
func (s stack) variable(project map[string]any, name string) string {
	for _, v := range project["Environment"].(map[string]any)["EnvironmentVariables"].([]any) {
		if variable := v.(map[string]any); variable["Name"] == name {
			return s.text(variable["Value"])
		}
	}
	return ""
}

// addConsumers adds the services and functions that images are rolled out to, and others that nobody may touch.
func (w *matrix) addConsumers(s stack, example examples.Example) {
	if len(s.ids("AWS::CodeBuild::Project")) == 0 {
		return
	}
	for _, build := range example.Config["builds"].([]any) {
		rollOut, ok := build.(map[string]any)["rollOut"].(map[string]any)
		if !ok {
			continue
		}
		w.addEnds(s)
		for _, name := range rollOut["services"].([]any) {
			w.target(s, fmt.Sprint("service ", name), "service", s.arn("ecs", fmt.Sprint("service/", name)))
		}
		for _, name := range rollOut["functions"].([]any) {
			function, _, isAlias := strings.Cut(name.(string), ":")
			w.target(s, "function "+function, "function", s.arn("lambda", "function:"+function))
			if isAlias {
				w.target(s, "version of "+function, "version", s.arn("lambda", "function:"+function+":7"))
			}
		}
		w.target(s, "another service of the cluster", "service", s.arn("ecs", "service/shops/other"))
		w.target(s, "another function", "function", s.arn("lambda", "function:other"))
		w.target(s, "version of another function", "version", s.arn("lambda", "function:other:7"))
	}
}

// location returns the ARN of an S3 source.
func (s stack) location(source any) string {
	return "arn:" + s.partition + ":s3:::" + s.text(source.(map[string]any)["Location"])
}

func (w *matrix) addMetrics(s stack, project map[string]any) {
	known := func(t target) bool { return t.name == "metrics"+w.suffix(s) }
	namespace := s.variable(project, "LAYERCACHE_METRICS_NAMESPACE")
	if namespace == "" || slices.ContainsFunc(w.targets, known) {
		return
	}
	w.target(s, "metrics", "metrics", "*")
	w.targets[len(w.targets)-1].namespace = namespace
	w.target(s, "metrics of another namespace", "metrics", "*")
	w.targets[len(w.targets)-1].namespace = "another"
}
