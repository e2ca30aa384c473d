package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/layercache/layercache/test/kit/template"
)

// findProject returns the project to run. Its source must be a local directory.
func findProject(o options) (template.Project, error) {
	app, err := template.Load(o.cdkOut)
	if err != nil {
		return template.Project{}, err
	}
	projects, err := app.Projects()
	if err != nil {
		return template.Project{}, err
	}
	var found []template.Project
	var ids []string
	for _, project := range projects {
		if o.project == "" || o.project == project.LogicalID {
			found = append(found, project)
		}
		ids = append(ids, project.LogicalID)
	}
	if len(found) != 1 {
		return template.Project{}, fmt.Errorf("demo: %s has the CodeBuild projects %s: choose one with -project", o.cdkOut, strings.Join(ids, ", "))
	}
	project := found[0]
	if info, err := os.Stat(project.Source.Path); err != nil || !info.IsDir() {
		return template.Project{}, fmt.Errorf("demo: project %s takes its source from %s %s: the demo needs a local directory (source.directory in cdk.json)",
			project.LogicalID, project.Source.Type, project.Source.Location)
	}
	return project, nil
}

// secondarySources returns the local paths of the project's secondary sources by identifier.
func secondarySources(project template.Project) map[string]string {
	paths := map[string]string{}
	for _, source := range project.SecondarySources {
		paths[source.Identifier] = source.Path
	}
	return paths
}

func variables(project template.Project) map[string]string {
	values := map[string]string{}
	for _, variable := range project.Environment {
		values[variable.Name] = variable.Value
	}
	return values
}
