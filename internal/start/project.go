package start

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/layercache/layercache/internal/doctor/spelling"
)

// project reads the configuration of the project. It is empty if the user may start builds but not read the
// project.
func (c *Client) project(ctx context.Context, name string) (types.Project, error) {
	out, err := c.builds.BatchGetProjects(ctx, &codebuild.BatchGetProjectsInput{Names: []string{name}})
	switch {
	case isDenied(err):
		return types.Project{}, nil
	case err != nil:
		return types.Project{}, fmt.Errorf("read project %s in %s: %w", name, c.account.Region, err)
	case len(out.Projects) == 0:
		return types.Project{}, c.noProject(ctx, name)
	}
	return out.Projects[0], nil
}

// noProject returns the error for an unknown project name, with similar names.
func (c *Client) noProject(ctx context.Context, name string) error {
	problem := fmt.Sprintf("there is no CodeBuild project %q in %s", name, c.account.Region)
	var names []string
	pages := codebuild.NewListProjectsPaginator(c.builds, &codebuild.ListProjectsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("%s: check the name, --region and --profile", problem)
		}
		names = append(names, page.Projects...)
	}
	if near := spelling.NearOrPart(name, names); len(near) > 0 {
		return fmt.Errorf("%s: did you mean %s?", problem, strings.Join(near, " or "))
	}
	return fmt.Errorf("%s, and none of its %d projects has a similar name: check --region and --profile", problem, len(names))
}
