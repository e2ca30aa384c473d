package attach

import (
	"fmt"

	"github.com/layercache/layercache/constructs/internal/ecrname"
	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/validation"
)

// checkProps returns the problems of all props but Project.
func checkProps(props *AttachmentProps) validation.Problems {
	var problems validation.Problems
	if props.Cache == nil {
		problems.Add("Cache", "is missing", "give a cacherepo.CacheRepository")
	}
	for i, image := range imagesOf(props) {
		at := fmt.Sprintf("Images[%d]", i)
		switch {
		case image == nil:
			problems.Add(at, "is missing", "give an awsecr.Repository, or leave it out")
		case props.Cache != nil && ecrname.Same(image, props.Cache.Repository()):
			problems.Add(at, "is the cache repository: pushing the image would overwrite the cache", "use a separate repository for the images")
		}
	}
	return append(problems, helperasset.Check(props.HelperZip)...)
}
