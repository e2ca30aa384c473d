package validation

import (
	"fmt"
	"math"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// CheckMinutes adds a problem unless the duration is nil or a whole number of minutes in a range of CodeBuild's. The CDK
// would report fractions only at the end of synthesis, one at a time.
func (p *Problems) CheckMinutes(prop string, duration awscdk.Duration, least, most int) {
	if duration == nil {
		return
	}
	if *duration.IsUnresolved() {
		p.Add(prop, "is not known at synthesis", "give a number of minutes")
		return
	}
	p.checkMinutes(prop, *duration.ToMinutes(&awscdk.TimeConversionOptions{Integral: jsii.Bool(false)}), least, most)
}

// CheckMinutesNumber is CheckMinutes for a number of minutes. It reports whether the CDK can make a Duration of it.
func (p *Problems) CheckMinutesNumber(prop string, minutes float64, least, most int) bool {
	if IsAmount(minutes) {
		return true
	}
	p.checkMinutes(prop, minutes, least, most)
	return false
}

func (p *Problems) checkMinutes(prop string, minutes float64, least, most int) {
	switch {
	case !(minutes >= float64(least) && minutes <= float64(most)):
		p.Add(prop, fmt.Sprintf("%v minutes is out of CodeBuild's range", minutes), fmt.Sprintf("give %d to %d minutes", least, most))
	case minutes != math.Trunc(minutes):
		p.Add(prop, fmt.Sprintf("%v minutes is not a whole number", minutes), fmt.Sprintf("give whole minutes, %d to %d", least, most))
	}
}

// IsAmount reports whether the CDK can make a Duration or a Size of the number. For others its process throws.
func IsAmount(n float64) bool { return n >= 0 && !math.IsInf(n, 1) }
