package template

import (
	"fmt"
	"maps"
	"strings"
)

// Deployed tells that a stack of the app has been deployed, and the physical ids that its resources got, by logical id. They take the place
// of made-up names; those that are ARNs are passed over.
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

// Stack is a stack of the app and where it is deployed to.
type Stack struct {
	Name    string
	Account string
	Region  string
}

// Stacks are the stacks of the app.
func (a *App) Stacks() []Stack {
	var all []Stack
	for _, s := range a.stacks {
		all = append(all, Stack{Name: s.name, Account: s.env.Account, Region: s.env.Region})
	}
	return all
}
