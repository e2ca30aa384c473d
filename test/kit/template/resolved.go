package template

import "fmt"

// Resource is a resource as CloudFormation would create it.
type Resource struct {
	// Stack and LogicalID locate the resource in the app.
	Stack     string
	LogicalID string
	// Name is the physical name.
	Name    string
	Account string
	Region  string
	// Properties are the evaluated properties.
	Properties map[string]any
}

// Resources returns the resources of a type, ordered by stack and logical ID.
func (a *App) Resources(kind string) ([]Resource, error) {
	var found []Resource
	for _, s := range a.stacks {
		evaluator := evaluator{app: a, stack: s}
		for _, id := range sortedKeys(s.template.Resources) {
			if s.template.Resources[id].Type != kind {
				continue
			}
			place := s.name + "." + id
			_, name, err := evaluator.physical(place, id)
			if err != nil {
				return nil, err
			}
			properties, err := evaluator.resolve(place, s.template.Resources[id].Properties)
			if err != nil {
				return nil, err
			}
			resource := Resource{Stack: s.name, LogicalID: id, Name: name, Account: s.env.Account, Region: s.env.Region}
			resource.Properties, _ = properties.(map[string]any)
			found = append(found, resource)
		}
	}
	return found, nil
}

// resolve evaluates the intrinsic functions anywhere in v.
func (e evaluator) resolve(place string, v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if _, known := intrinsics[name]; known && len(v) == 1 {
				return e.value(place, v)
			}
		}
		resolved := map[string]any{}
		for _, name := range sortedKeys(v) {
			var err error
			if resolved[name], err = e.resolve(place+"."+name, v[name]); err != nil {
				return nil, err
			}
		}
		return resolved, nil
	case []any:
		resolved := make([]any, len(v))
		for i, item := range v {
			var err error
			if resolved[i], err = e.resolve(fmt.Sprintf("%s[%d]", place, i), item); err != nil {
				return nil, err
			}
		}
		return resolved, nil
	default:
		return v, nil
	}
}
