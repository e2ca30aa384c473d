package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

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

func newMatrix(t *testing.T, example examples.Example) *matrix {
	t.Helper()
	w := &matrix{name: example.Name, config: example.Config["name"].(string)}
	var builds []stack
	all := synthesize(t, example)
	for _, s := range all {
		w.addRepositories(s)
		if len(s.ids("AWS::CodeBuild::Project")) > 0 {
			builds = append(builds, s)
		}
	}
	for _, s := range all {
		w.addRoles(s)
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

var idForm = regexp.MustCompile(`^(.+?)(PullRequest|Start)?(?:Role|RoleDefaultPolicy|Logs|Project)[0-9A-F]{8}$`)

// label returns a name for a resource of a build, such as "api release (dev)".
func (w *matrix) label(s stack, id string) string {
	match := idForm.FindStringSubmatch(id)
	if match == nil {
		panic(fmt.Sprintf("%s: the logical ID %s does not look like a resource of a build", s.name, id))
	}
	use := map[string]string{"": "release", "PullRequest": "pull request", "Start": "schedule"}[match[2]]
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
		helper := s.location(properties["SecondarySources"].([]any)[0])
		bucket, _, _ = strings.Cut(helper, "/")
		w.target(s, "helper's zip of "+label, "object", helper)
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

// location returns the ARN of an S3 source.
func (s stack) location(source any) string {
	return "arn:" + s.partition + ":s3:::" + s.text(source.(map[string]any)["Location"])
}

func (w *matrix) addMetrics(s stack, project map[string]any) {
	for _, v := range project["Environment"].(map[string]any)["EnvironmentVariables"].([]any) {
		variable := v.(map[string]any)
		known := func(t target) bool { return t.name == "metrics"+w.suffix(s) }
		if variable["Name"] != "LAYERCACHE_METRICS_NAMESPACE" || slices.ContainsFunc(w.targets, known) {
			continue
		}
		w.target(s, "metrics", "metrics", "*")
		w.targets[len(w.targets)-1].namespace = s.text(variable["Value"])
		w.target(s, "metrics of another namespace", "metrics", "*")
		w.targets[len(w.targets)-1].namespace = "another"
	}
}
