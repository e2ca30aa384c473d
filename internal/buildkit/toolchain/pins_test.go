package toolchain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pinned has all programs of this package by the names of their functions.
var pinned = map[string]func() Program{"Buildkitd": Buildkitd, "Buildx": Buildx}

// A machine that has already compiled a program does not check its module again, so this test does.
func TestEveryModuleHasItsPinnedChecksum(t *testing.T) {
	for name, program := range pinned {
		t.Run(name, func(t *testing.T) {
			dir, err := download(t.Context(), program())
			require.NoError(t, err)
			assert.DirExists(t, dir)
			other := program()
			other.Sum = "h1:" + other.Sum[4:] + "="
			_, err = download(t.Context(), other)
			assert.ErrorContains(t, err, "changed after it was pinned")
		})
	}
}

func TestTheTestsKnowEveryProgram(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "program.go", nil, 0)
	require.NoError(t, err)
	var functions []string
	for _, declaration := range file.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Recv != nil || function.Type.Results == nil {
			continue
		}
		if result, ok := function.Type.Results.List[0].Type.(*ast.Ident); ok && result.Name == "Program" {
			functions = append(functions, function.Name.Name)
			assert.Contains(t, pinned, function.Name.Name)
		}
	}
	assert.Len(t, functions, len(pinned))
}
