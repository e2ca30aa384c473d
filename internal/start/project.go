package start

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/layercache/layercache/internal/spelling"
)

// projectForm matches the names that a CodeBuild project can have, and ARNs, which name shared projects. The
// names of builds can have other characters.
var projectForm = regexp.MustCompile(`^(?:[A-Za-z0-9][A-Za-z0-9_-]+|arn:.+)$`)

// project returns the project with the name or, if there is none, the only project that builds an image with
// that name. It has only the name if the user may start builds but not read projects.
func (c *Client) project(ctx context.Context, name string) (types.Project, error) {
	if name == "" {
		return types.Project{}, c.listed(ctx, "start needs the name of a build or of a CodeBuild project")
	}
	if projectForm.MatchString(name) {
		out, err := c.builds.BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: []string{name}})
		switch {
		case isDenied(err):
			return types.Project{Name: &name}, nil
		case err != nil:
			return types.Project{}, fmt.Errorf("read project %s in %s: %w", name, c.account.Region, err)
		case len(out.Projects) > 0:
			return out.Projects[0], nil
		}
	}
	return c.projectOfBuild(ctx, name)
}

// projectOfBuild returns the project that builds the image. That of release builds comes before that of pull
// requests.
func (c *Client) projectOfBuild(ctx context.Context, name string) (types.Project, error) {
	names, builds, err := c.allBuilds(ctx)
	if err != nil {
		return types.Project{}, c.noProject(ctx, name)
	}
	var found, releases []imageBuild
	for _, b := range builds {
		if slices.Contains(b.names(), name) {
			found = append(found, b)
			if !b.pullRequests {
				releases = append(releases, b)
			}
		}
	}
	if len(releases) > 0 {
		found = releases
	}
	switch len(found) {
	case 0:
		return types.Project{}, c.noBuild(name, names, builds)
	case 1:
		return found[0].project, nil
	}
	return types.Project{}, fmt.Errorf("%d projects in %s build %q: give the name of one project\n%s", len(found), c.account.Region, name, table(found))
}

// noBuild returns the error for a name of neither a project nor a build: similar names, and what there is.
func (c *Client) noBuild(name string, projects []string, builds []imageBuild) error {
	problem := fmt.Sprintf("there is no CodeBuild project %q in %s", name, c.account.Region)
	known := slices.Clone(projects)
	for _, b := range builds {
		known = append(known, b.names()...)
	}
	slices.Sort(known)
	known = slices.Compact(known)
	if near := spelling.NearOrPart(name, known); len(near) > 0 {
		problem += ": " + spelling.Question(near)
	} else {
		problem += fmt.Sprintf(", and none of its %d projects has a similar name: check --region and --profile", len(projects))
	}
	if len(builds) > 0 {
		problem += "\n" + table(builds)
	}
	return errors.New(problem)
}

// noProject returns the error for an unknown name if the user may not read projects, with similar names of
// projects.
func (c *Client) noProject(ctx context.Context, name string) error {
	problem := fmt.Sprintf("there is no CodeBuild project %q in %s", name, c.account.Region)
	if names, err := c.projectNames(ctx); err == nil {
		if near := spelling.NearOrPart(name, names); len(near) > 0 {
			return fmt.Errorf("%s: %s", problem, spelling.Question(near))
		}
	}
	return fmt.Errorf("%s: check the name, --region and --profile; to find a project by the name of its build, allow codebuild:ListProjects and codebuild:BatchGetProjects", problem)
}

// listed returns an error with the message and all builds that the user may see.
func (c *Client) listed(ctx context.Context, message string) error {
	names, builds, err := c.allBuilds(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s, and builds cannot be listed: %w", message, err)
	case len(builds) == 0:
		return fmt.Errorf("%s; none of the %d projects in %s has variables of layercache: check --region and --profile", message, len(names), c.account.Region)
	}
	return fmt.Errorf("%s; builds in %s:\n%s", message, c.account.Region, table(builds))
}

// allBuilds returns the names of all projects, and those projects that have variables of layercache.
func (c *Client) allBuilds(ctx context.Context) (names []string, builds []imageBuild, err error) {
	if names, err = c.projectNames(ctx); err == nil {
		builds, err = c.imageBuilds(ctx, names)
	}
	return names, builds, err
}

// projectNames returns the names of all projects in the account and region.
func (c *Client) projectNames(ctx context.Context) ([]string, error) {
	var names []string
	pages := codebuild.NewListProjectsPaginator(c.builds, &codebuild.ListProjectsInput{SortBy: types.ProjectSortByTypeName})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		names = append(names, page.Projects...)
	}
	return names, nil
}

// imageBuild is a project with variables of layercache.
type imageBuild struct {
	project types.Project
	// app is the first part of its cache tags, image the name of its image repository; "" if not known.
	app, image   string
	pullRequests bool
}

// maxProjects is the largest number of projects that one call returns.
//
// https://docs.aws.amazon.com/codebuild/latest/APIReference/API_BatchGetProjects.html
const maxProjects = 100

// imageBuilds returns those of the projects that have variables of layercache.
func (c *Client) imageBuilds(ctx context.Context, names []string) ([]imageBuild, error) {
	var builds []imageBuild
	for some := range slices.Chunk(names, maxProjects) {
		out, err := c.builds.BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: some})
		if err != nil {
			return nil, err
		}
		for _, project := range out.Projects {
			if b, ok := newImageBuild(project); ok {
				builds = append(builds, b)
			}
		}
	}
	slices.SortFunc(builds, func(a, b imageBuild) int {
		return strings.Compare(a.name()+"\n"+aws.ToString(a.project.Name), b.name()+"\n"+aws.ToString(b.project.Name))
	})
	return builds, nil
}

func newImageBuild(project types.Project) (b imageBuild, ok bool) {
	if project.Environment == nil {
		return b, false
	}
	b = imageBuild{project: project, pullRequests: onlyPullRequests(project.Webhook)}
	for _, v := range project.Environment.EnvironmentVariables {
		name, value := aws.ToString(v.Name), aws.ToString(v.Value)
		ok = ok || strings.HasPrefix(name, "LAYERCACHE_")
		switch name {
		case "LAYERCACHE_APP":
			b.app = value
		case "LAYERCACHE_IMAGE":
			_, b.image, _ = strings.Cut(value, "/")
		case "LAYERCACHE_PUSH":
			b.pullRequests = b.pullRequests || value == "false"
		}
	}
	return b, ok
}

// onlyPullRequests reports whether a webhook starts builds of nothing but pull requests.
func onlyPullRequests(webhook *types.Webhook) bool {
	if webhook == nil {
		return false
	}
	found := false
	for _, group := range webhook.FilterGroups {
		for _, filter := range group {
			if filter.Type != types.WebhookFilterTypeEvent {
				continue
			}
			found = true
			for event := range strings.SplitSeq(aws.ToString(filter.Pattern), ",") {
				if !strings.HasPrefix(strings.TrimSpace(event), "PULL_REQUEST_") {
					return false
				}
			}
		}
	}
	return found
}

// names returns the names by which the build can be started: its app, its image repository and the last part
// of that, which is the build's name in cdk.json.
func (b imageBuild) names() []string {
	var names []string
	for _, name := range []string{b.app, b.image, b.image[strings.LastIndex(b.image, "/")+1:]} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// name returns the name that the list of builds shows.
func (b imageBuild) name() string {
	if b.image == "" {
		return b.app
	}
	return b.image
}

// maxListed is the largest number of builds that an error lists.
const maxListed = 50

// table returns a line for each build.
func table(builds []imageBuild) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "  BUILD\tPROJECT\tSTARTS\n")
	for _, b := range builds[:min(maxListed, len(builds))] {
		starts := "a build"
		if b.project.BuildBatchConfig != nil {
			starts = "a batch"
		}
		if b.pullRequests {
			starts += " as for a pull request"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", oneLine(b.name()), aws.ToString(b.project.Name), starts)
	}
	_ = w.Flush() // A strings.Builder cannot fail.
	if more := len(builds) - maxListed; more > 0 {
		fmt.Fprintf(&text, "  and %d more\n", more)
	}
	return strings.TrimRight(text.String(), "\n")
}
