package imagebuild

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"

	"github.com/layercache/layercache/constructs/internal/helperasset"
	"github.com/layercache/layercache/constructs/validation"
)

// architectureWord in HelperZip stands for the architecture.
const architectureWord = "{arch}"

func (p *ImageBuildProps) helperZip(architecture Architecture) *string {
	if p.HelperZip == nil {
		return nil
	}
	zip := strings.ReplaceAll(*p.HelperZip, architectureWord, string(architecture))
	return &zip
}

// helperZips returns the paths of the zips with the helper and its builder.
func helperZips(props *ImageBuildProps) (map[Architecture]string, []validation.Problem) {
	zips := map[Architecture]string{}
	var found []validation.Problem
	for _, architecture := range props.architectures() {
		zip, problem := helperasset.Zip(props.helperZip(architecture), string(architecture))
		if problem != nil {
			found = append(found, *problem)
		}
		zips[architecture] = zip
	}
	return zips, found
}

func checkHelperZip(props *ImageBuildProps) []validation.Problem {
	architectures := props.architectures()
	if props.HelperZip != nil && len(architectures) > 1 && !strings.Contains(*props.HelperZip, architectureWord) {
		return []validation.Problem{{
			Prop:  "HelperZip",
			Wrong: fmt.Sprintf("%q is one zip, and Build.Platforms need two", *props.HelperZip),
			Fix:   "write " + architectureWord + " where the names of the two differ",
		}}
	}
	var found []validation.Problem
	for _, architecture := range architectures {
		found = append(found, helperasset.Check(props.helperZip(architecture))...)
	}
	return found
}

// helperSources are the helpers as secondary sources of the project: one that
// the buildspec finds as "layercache", or in a batch one for each architecture.
func (u *unit) helperSources(zips map[Architecture]string) *[]awscodebuild.ISource {
	if len(zips) == 1 {
		return &[]awscodebuild.ISource{helperasset.Source(u.shared, u.role, zips[u.props.Architecture])}
	}
	return &[]awscodebuild.ISource{
		helperasset.SourceFor(u.shared, u.role, zips[AMD64], string(AMD64)),
		helperasset.SourceFor(u.shared, u.role, zips[ARM64], string(ARM64)),
	}
}
