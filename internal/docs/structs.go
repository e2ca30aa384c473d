package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/printer"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
)

// structDoc is an exported struct.
type structDoc struct {
	name string
	// doc is its documentation in one paragraph, markdown the same with its paragraphs and lists.
	doc, markdown string
	fields        []fieldDoc
}

// fieldDoc is an exported field.
type fieldDoc struct {
	name string
	// key is the field's name in JSON; empty if it has no tag.
	key string
	// kind is the field's type as text, typ as syntax.
	kind string
	typ  ast.Expr
	// doc is the documentation of the field up to "Default:", fallback the text after it.
	doc, fallback string
	required      bool
	tag           reflect.StructTag
}

// structsIn returns the exported structs of the package in the folder, in the order of file names and lines.
func structsIn(folder string) ([]structDoc, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	var found []structDoc
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			found = append(found, structsOf(declaration, files)...)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no exported struct", folder)
	}
	return found, nil
}

// structsOf returns the exported structs of one declaration.
func structsOf(declaration ast.Decl, files *token.FileSet) []structDoc {
	general, ok := declaration.(*ast.GenDecl)
	if !ok || general.Tok != token.TYPE {
		return nil
	}
	var found []structDoc
	for _, spec := range general.Specs {
		named := spec.(*ast.TypeSpec)
		body, ok := named.Type.(*ast.StructType)
		if !ok || !named.Name.IsExported() {
			continue
		}
		doc := general.Doc.Text()
		if named.Doc != nil {
			doc = named.Doc.Text()
		}
		s := structDoc{name: named.Name.Name, doc: oneParagraph(doc), markdown: markdown(doc)}
		for _, field := range body.Fields.List {
			for _, name := range field.Names {
				if name.IsExported() {
					s.fields = append(s.fields, fieldOf(name.Name, field, files))
				}
			}
		}
		if len(s.fields) > 0 {
			found = append(found, s)
		}
	}
	return found
}

func fieldOf(name string, field *ast.Field, files *token.FileSet) fieldDoc {
	var kind bytes.Buffer
	_ = printer.Fprint(&kind, files, field.Type)
	f := fieldDoc{name: name, kind: kind.String(), typ: field.Type}
	if field.Tag != nil {
		f.tag = reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
		f.key, _, _ = strings.Cut(f.tag.Get("json"), ",")
	}
	text := oneParagraph(field.Doc.Text())
	f.doc, f.fallback, _ = strings.Cut(text, "Default:")
	f.doc, f.fallback = strings.TrimSpace(f.doc), strings.TrimSpace(f.fallback)
	f.required = strings.Contains(f.doc, "Required.")
	return f
}

// markdown returns a doc comment with its paragraphs and lists. The Markdown of go/doc would escape names such as A_B.
func markdown(text string) string {
	var parser comment.Parser
	unwrapped := comment.Printer{TextWidth: -1}
	return strings.TrimSpace(string(unwrapped.Text(parser.Parse(text))))
}

func oneParagraph(text string) string { return strings.Join(strings.Fields(text), " ") }

// reachable returns the root struct and the structs of its fields, in the order of their first use.
func reachable(structs []structDoc, root string) []structDoc {
	byName := map[string]structDoc{}
	for _, s := range structs {
		byName[s.name] = s
	}
	var ordered []structDoc
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		s, known := byName[name]
		if !known || seen[name] {
			return
		}
		seen[name] = true
		ordered = append(ordered, s)
		for _, f := range s.fields {
			visit(elementName(f.typ))
		}
	}
	visit(root)
	return ordered
}

// elementName returns the name of the type inside pointers, lists and maps.
func elementName(typ ast.Expr) string {
	switch t := typ.(type) {
	case *ast.StarExpr:
		return elementName(t.X)
	case *ast.ArrayType:
		return elementName(t.Elt)
	case *ast.MapType:
		return elementName(t.Value)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// jsonType returns the name of a Go type for people who write JSON.
func jsonType(typ ast.Expr) string {
	switch t := typ.(type) {
	case *ast.StarExpr:
		return jsonType(t.X)
	case *ast.ArrayType:
		return "list of " + jsonType(t.Elt)
	case *ast.MapType:
		return "object of " + jsonType(t.Value)
	case *ast.SelectorExpr:
		return "time"
	case *ast.Ident:
		switch t.Name {
		case "bool":
			return "true or false"
		case "float64", "int", "int64":
			return "number"
		}
		return t.Name
	}
	return ""
}

// writeFields writes a table of fields. heading is the heading of the first column.
func writeFields(page *bytes.Buffer, heading string, fields []fieldDoc, name, kind func(fieldDoc) string) {
	fmt.Fprintf(page, "| %s | type | meaning | default |\n|---|---|---|---|\n", heading)
	for _, f := range fields {
		fallback := f.fallback
		if f.required {
			fallback = "required"
		}
		fmt.Fprintf(page, "| `%s` | `%s` | %s | %s |\n", name(f), escapePipes(kind(f)), escapePipes(f.doc), escapePipes(fallback))
	}
	page.WriteString("\n")
}
