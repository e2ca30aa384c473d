package lifecycle_test

import (
	"fmt"

	"github.com/aws/jsii-runtime-go"

	"github.com/layercache/layercache/constructs/lifecycle"
)

// Keep the newest five images of pull requests.
func ExampleRender() {
	text, problems := lifecycle.Render("LifecycleRules", &[]*lifecycle.Rule{
		{TagStatus: lifecycle.Tagged, TagPatterns: jsii.Strings("pr-*"), MaxCount: jsii.Number(5)},
	})

	fmt.Println(text, len(problems))
	// Output: {"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["pr-*"],"countType":"imageCountMoreThan","countNumber":5},"action":{"type":"expire"}}]} 0
}
