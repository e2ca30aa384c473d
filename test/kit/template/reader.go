package template

import "fmt"

// node is a value and its position in a template.
type node struct {
	place string
	value any
}

// at returns the named property of the node; the value of an absent property is nil.
func (n node) at(name string) node {
	object, _ := n.value.(map[string]any)
	return node{place: n.place + "." + name, value: object[name]}
}

// reader evaluates properties and keeps the first error, so callers need not check each one.
type reader struct {
	evaluator
	err error
}

func (r *reader) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// text returns the evaluated property, or "" if it is absent.
func (r *reader) text(n node) string {
	if n.value == nil || r.err != nil {
		return ""
	}
	value, err := r.evaluator.text(n.place, n.value)
	r.note(err)
	return value
}

func (r *reader) items(n node) []node {
	list, ok := n.value.([]any)
	if !ok && n.value != nil {
		r.note(fmt.Errorf("template: %s is %T, but a list is needed", n.place, n.value))
	}
	items := make([]node, len(list))
	for i, value := range list {
		items[i] = node{place: fmt.Sprintf("%s[%d]", n.place, i), value: value}
	}
	return items
}
