//go:build linux

package run

import (
	"fmt"
	"strings"

	"github.com/layercache/layercache/test/kit/ecrhost"
	"github.com/layercache/layercache/test/kit/template"
)

// Registries returns the registries of a synthesized app with its repositories and pull-through cache rules.
// moto's CloudFormation ignores these rules. Only the service roles of the app's projects may use the
// registries.
func Registries(app *template.App) (map[string]ecrhost.Registry, error) {
	projects, err := app.Projects()
	if err != nil {
		return nil, err
	}
	var roles []string
	for _, project := range projects {
		roles = append(roles, project.ServiceRole)
	}
	registries := map[string]ecrhost.Registry{}
	at := func(resource template.Resource) ecrhost.Registry {
		host := hostOf(resource)
		if _, ok := registries[host]; !ok {
			registries[host] = ecrhost.Registry{Principals: roles, Repositories: map[string]ecrhost.Repository{}, PullThrough: map[string]string{}}
		}
		return registries[host]
	}
	repositories, err := app.Resources("AWS::ECR::Repository")
	if err != nil {
		return nil, err
	}
	for _, repository := range repositories {
		at(repository).Repositories[repository.Name] = settingsOf(repository)
	}
	rules, err := app.Resources("AWS::ECR::PullThroughCacheRule")
	if err != nil {
		return nil, err
	}
	for _, rule := range rules {
		upstream := fmt.Sprint(rule.Properties["UpstreamRegistryUrl"])
		if prefix, ok := rule.Properties["UpstreamRepositoryPrefix"].(string); ok {
			upstream += "/" + prefix
		}
		at(rule).PullThrough[rule.Name] = upstream
	}
	return registries, nil
}

// hostOf returns the host of the resource's registry.
func hostOf(resource template.Resource) string {
	host := resource.Account + ".dkr.ecr." + resource.Region + ".amazonaws.com"
	if strings.HasPrefix(resource.Region, "cn-") {
		host += ".cn"
	}
	return host
}

func settingsOf(repository template.Resource) ecrhost.Repository {
	var settings ecrhost.Repository
	if mutability, ok := repository.Properties["ImageTagMutability"].(string); ok {
		settings.Mutability = ecrhost.Mutability(mutability)
	}
	filters, _ := repository.Properties["ImageTagMutabilityExclusionFilters"].([]any)
	for _, filter := range filters {
		if properties, ok := filter.(map[string]any); ok {
			settings.Exclusions = append(settings.Exclusions, fmt.Sprint(properties["ImageTagMutabilityExclusionFilterValue"]))
		}
	}
	return settings
}
