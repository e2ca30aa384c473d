package template

import "fmt"

// node is a place in a template.
type node struct {
	place string
	value any
}

// at is the property name of the node; a property that is absent has the value nil.
func (n node) at(name string) node {
	object, _ := n.value.(map[string]any)
	return node{place: n.place + "." + name, value: object[name]}
}

// reader evaluates properties and keeps the first error, so that a project reads as a list of its properties.
type reader struct {
	evaluator
	err error
}

func (r *reader) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

// text is the evaluated property, empty if it is absent.
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
		r.note(fmt.Errorf("template: %s is %T where a list is needed", n.place, n.value))
	}
	items := make([]node, len(list))
	for i, value := range list {
		items[i] = node{place: fmt.Sprintf("%s[%d]", n.place, i), value: value}
	}
	return items
}
