package access

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// mutation is one way to break the policies of a matrix.
type mutation struct {
	name string
	// documents are the changed policies by index.
	documents map[int]map[string]any
	// actions are patterns of the IAM actions whose answers can change.
	actions []string
}

// change edits a statement. make returns false when the statement has nothing of that kind to change.
type change struct {
	name string
	make func(statement map[string]any) bool
}

// breakAll returns every way to break one statement of one policy of the templates.
func (w *matrix) breakAll() []mutation {
	var all []mutation
	for index, d := range w.documents {
		if !d.fromTemplate {
			continue
		}
		for i := range statements(d.body) {
			all = append(all, w.breakStatement(index, i)...)
		}
	}
	return all
}

func (w *matrix) breakStatement(index, i int) []mutation {
	d := w.documents[index]
	whole := statements(d.body)[i]
	name := fmt.Sprintf("%s, statement %d (%s)", d.name, i+1, summary(whole))
	dropped := clone(d.body)
	dropped["Statement"] = slices.Delete(dropped["Statement"].([]any), i, i+1)
	if len(statements(dropped)) == 0 {
		dropped["Statement"] = []any{map[string]any{"Effect": "Deny", "Action": "none:None", "Resource": "*"}}
		if whole["Principal"] != nil {
			dropped["Statement"] = []any{map[string]any{"Effect": "Deny", "Action": "none:None", "Principal": "*"}}
		}
	}
	all := []mutation{{name: name + ": drop it", documents: map[int]map[string]any{index: dropped}, actions: texts(whole["Action"])}}
	for _, c := range changes(whole) {
		body := clone(d.body)
		changed := statements(body)[i]
		if c.make(changed) && asText(changed) != asText(whole) {
			touched := append(texts(whole["Action"]), texts(changed["Action"])...)
			all = append(all, mutation{name: name + ": " + c.name, documents: map[int]map[string]any{index: body}, actions: touched})
		}
	}
	return all
}

// changes returns the edits to try on a statement.
func changes(whole map[string]any) []change {
	set := func(key string, value any) func(map[string]any) bool {
		return func(s map[string]any) bool {
			_, had := s[key]
			s[key] = value
			return had
		}
	}
	service, _, _ := strings.Cut(texts(whole["Action"])[0], ":")
	all := []change{
		{"flip its effect", set("Effect", map[string]string{"Allow": "Deny", "Deny": "Allow"}[whole["Effect"].(string)])},
		{"widen Resource to *", set("Resource", "*")},
		{"widen Action to " + service + ":*", set("Action", service+":*")},
		{"widen Principal to *", func(s map[string]any) bool {
			open := asText(s["Principal"]) == `{"AWS":"*"}`
			return set("Principal", "*")(s) && !open
		}},
		{"drop the Condition", func(s map[string]any) bool { delete(s, "Condition"); return true }},
	}
	for i, action := range texts(whole["Action"]) {
		all = append(all, change{"drop " + action, without("Action", i)})
	}
	for i, resource := range texts(whole["Resource"]) {
		all = append(all, change{"drop " + resource, without("Resource", i)}, change{"widen the end of " + resource, func(s map[string]any) bool {
			list := texts(s["Resource"])
			list[i] = resource[:strings.LastIndexAny(resource, ":/")+1] + "*"
			s["Resource"] = list
			return list[i] != resource
		}})
	}
	return append(all, conditionChanges(whole)...)
}

// conditionChanges returns the edits that drop one key of a Condition or accept any value for it.
func conditionChanges(whole map[string]any) []change {
	var all []change
	conditions, _ := whole["Condition"].(map[string]any)
	for _, operator := range slices.Sorted(maps.Keys(conditions)) {
		for _, key := range slices.Sorted(maps.Keys(conditions[operator].(map[string]any))) {
			all = append(all, change{"drop the condition on " + key, func(s map[string]any) bool {
				delete(s["Condition"].(map[string]any)[operator].(map[string]any), key)
				if len(s["Condition"].(map[string]any)[operator].(map[string]any)) == 0 {
					delete(s["Condition"].(map[string]any), operator)
				}
				return len(conditions) > 1
			}}, change{"let " + key + " have any value", func(s map[string]any) bool {
				delete(s["Condition"].(map[string]any), operator)
				s["Condition"].(map[string]any)["StringLike"] = map[string]any{key: "*"}
				return true
			}})
		}
	}
	return all
}

// without removes one item of a list that has more than one.
func without(key string, i int) func(map[string]any) bool {
	return func(s map[string]any) bool {
		list := texts(s[key])
		if len(list) < 2 {
			return false
		}
		s[key] = slices.Delete(list, i, i+1)
		return true
	}
}

// grant returns the mutations that allow a role an action on a repository: in the role's policy, in the
// repository's policy, and in both.
func (w *matrix) grant(role principal, granted string, repository target) []mutation {
	allow := func(key string, value any) map[string]any {
		return map[string]any{"Effect": "Allow", "Action": granted, key: value}
	}
	with := func(index int, statement map[string]any) map[string]any {
		body := clone(w.documents[index].body)
		body["Statement"] = append(body["Statement"].([]any), statement)
		return body
	}
	identity, name := role.identity[0], fmt.Sprintf("%s given %s on %s", role.name, granted, repository.name)
	byRole := with(identity, allow("Resource", repository.arn))
	action := []string{granted}
	all := []mutation{{name + " in its own policy", map[int]map[string]any{identity: byRole}, action}}
	if repository.policy != nil {
		byRepository := with(*repository.policy, allow("Principal", map[string]any{"AWS": role.arn}))
		all = append(all,
			mutation{name + " in the repository's policy", map[int]map[string]any{*repository.policy: byRepository}, action},
			mutation{name + " in both", map[int]map[string]any{identity: byRole, *repository.policy: byRepository}, action})
	}
	return all
}

func statements(document map[string]any) []map[string]any {
	var list []map[string]any
	for _, s := range document["Statement"].([]any) {
		list = append(list, s.(map[string]any))
	}
	return list
}

// texts returns a string or a list of strings as a list.
func texts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []string:
		return slices.Clone(value)
	case []any:
		var list []string
		for _, item := range value {
			list = append(list, item.(string))
		}
		return list
	}
	return nil
}

// summary returns the actions of a statement, as part of a mutation's name.
func summary(statement map[string]any) string {
	actions := texts(statement["Action"])
	if len(actions) == 1 {
		return actions[0]
	}
	return actions[0] + " … " + actions[len(actions)-1]
}

func clone(document map[string]any) map[string]any {
	var copied map[string]any
	if err := json.Unmarshal([]byte(asText(document)), &copied); err != nil {
		panic(err)
	}
	return copied
}

func asText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}
