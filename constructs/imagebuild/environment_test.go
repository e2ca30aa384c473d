package imagebuild

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/variables"
)

func TestEveryPropInTheTableOfVariablesExists(t *testing.T) {
	for _, v := range variables.All() {
		if v.Prop == "" {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			props := reflect.TypeFor[ImageBuildProps]()
			for name := range strings.SplitSeq(v.Prop, ".") {
				field, ok := props.FieldByName(name)
				require.True(t, ok, "%s has no field %s", props, name)
				if props = field.Type; props.Kind() == reflect.Pointer {
					props = props.Elem()
				}
			}
			assert.NotNil(t, props)
		})
	}
}
