package template

import (
	"fmt"
	"maps"
	"strings"
)

// Deployed records that a stack was deployed, with the physical IDs of its resources by logical ID. They
// replace the made-up names; IDs that are ARNs are ignored.
func (a *App) Deployed(stackName string, physicalIDs map[string]string) error {
	for _, s := range a.stacks {
		if s.name == stackName {
			s.deployed = maps.Clone(physicalIDs)
			maps.DeleteFunc(s.deployed, func(_, id string) bool { return strings.HasPrefix(id, "arn:") })
			return nil
		}
	}
	return fmt.Errorf("template: the app has no stack %q", stackName)
}

// Answered records the attributes that a custom resource has answered with.
func (a *App) Answered(stackName, logicalID string, attributes map[string]string) error {
	for _, s := range a.stacks {
		if s.name == stackName {
			if s.answers == nil {
				s.answers = map[string]map[string]string{}
			}
			s.answers[logicalID] = attributes
			return nil
		}
	}
	return fmt.Errorf("template: the app has no stack %q", stackName)
}

// Stack is a stack of the app and where it is deployed.
type Stack struct {
	Name    string
	Account string
	Region  string
}

// Stacks returns the stacks of the app.
func (a *App) Stacks() []Stack {
	var all []Stack
	for _, s := range a.stacks {
		all = append(all, Stack{Name: s.name, Account: s.env.Account, Region: s.env.Region})
	}
	return all
}
