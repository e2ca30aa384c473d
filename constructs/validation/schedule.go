package validation

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The forms of schedules: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
var (
	cronForm = regexp.MustCompile(`^cron\((.*)\)$`)
	rateForm = regexp.MustCompile(`^rate\((-?[0-9]+) ([a-z]+)\)$`)
	// bareRate is a rate without "rate(…)".
	bareRate = regexp.MustCompile(`^[0-9]+ [a-z]+$`)
)

const (
	scheduleFix = `write "rate(1 day)" or "cron(0 3 * * ? *)"`
	cronFields  = "minute, hour, day of month, month, day of week and year"
	cronLength  = 6
	// The fields of which one is "?".
	dayOfMonth, dayOfWeek = 2, 4
)

// CheckSchedule returns what is wrong with an EventBridge schedule, "rate(…)" or "cron(…)", and the fix, or "". A schedule
// that CloudFormation fills in is not checked.
func CheckSchedule(expression string) (wrong, fix string) {
	if !IsLiteral(&expression) {
		return "", ""
	}
	if match := rateForm.FindStringSubmatch(expression); match != nil {
		return checkRate(expression, match[1], match[2])
	}
	if match := cronForm.FindStringSubmatch(expression); match != nil {
		return checkCron(expression, strings.Split(match[1], " "))
	}
	wrong, fix = fmt.Sprintf("%q is not an EventBridge schedule", expression), scheduleFix
	whole := ""
	switch {
	case bareRate.MatchString(expression):
		whole = "rate(" + expression + ")"
	case len(strings.Split(expression, " ")) == cronLength:
		whole = "cron(" + expression + ")"
	default:
		return wrong, fix
	}
	if _, fix = CheckSchedule(whole); fix == "" {
		fix = fmt.Sprintf("write %q", whole)
	}
	return wrong, fix
}

// checkRate checks the number and the unit of a rate. A rate of 1 has the unit in the singular, all others in the plural.
func checkRate(expression, number, unit string) (wrong, fix string) {
	singular := strings.TrimSuffix(unit, "s")
	n, err := strconv.Atoi(number)
	switch {
	case !slices.Contains([]string{"minute", "hour", "day"}, singular):
		return fmt.Sprintf("%q has the unit %q, which EventBridge does not have", expression, unit), `give minutes, hours or days, such as "rate(7 days)"`
	case err != nil || n < 1:
		return fmt.Sprintf("%q is not a rate", expression), `give a whole number of at least 1, such as "rate(1 day)"`
	case n == 1 && unit != singular:
		return fmt.Sprintf("%q has the plural of a unit for 1", expression), fmt.Sprintf(`write "rate(1 %s)"`, singular)
	case n != 1 && unit == singular:
		return fmt.Sprintf("%q has the singular of a unit for %d", expression, n), fmt.Sprintf(`write "rate(%d %ss)"`, n, singular)
	}
	return "", ""
}

func checkCron(expression string, fields []string) (wrong, fix string) {
	if len(fields) != cronLength || slices.Contains(fields, "") {
		return fmt.Sprintf("%q does not have the 6 fields %s, with one space between them", expression, cronFields), `write one such as "cron(0 3 * * ? *)"`
	}
	for i, field := range fields {
		if kind := cronKinds[i]; !kind.accepts(field) {
			return fmt.Sprintf("%q has the %s %q", expression, kind.name, field), kind.fix
		}
	}
	return checkDays(expression, fields)
}

// checkDays requires that exactly one of the two fields for days is "?".
func checkDays(expression string, fields []string) (wrong, fix string) {
	month, week := fields[dayOfMonth], fields[dayOfWeek]
	corrected := slices.Clone(fields)
	switch {
	case (month == "?") != (week == "?"):
		return "", ""
	case month == "?":
		wrong = `has "?" for both the day of month and the day of week`
		corrected[dayOfMonth] = "*"
	case week == "*":
		wrong = `has no "?" for the day of month or the day of week, and EventBridge requires one`
		corrected[dayOfWeek] = "?"
	case month == "*":
		wrong = `has no "?" for the day of month or the day of week, and EventBridge requires one`
		corrected[dayOfMonth] = "?"
	default:
		return fmt.Sprintf("%q sets both the day of month and the day of week, and EventBridge takes only one", expression), `write "?" for one of the two`
	}
	return fmt.Sprintf("%q %s", expression, wrong), fmt.Sprintf(`write "cron(%s)"`, strings.Join(corrected, " "))
}

// cronKind is one field of a cron expression.
type cronKind struct {
	name, fix   string
	least, most int
	// names are the names of the values, beginning with that of least.
	names []string
	// special matches the further values of the field.
	special *regexp.Regexp
}

var cronKinds = []cronKind{
	{name: "minute", fix: "give 0 to 59, or *", least: 0, most: 59},
	{name: "hour", fix: "give 0 to 23, in UTC, or *", least: 0, most: 23},
	{name: "day of month", fix: "give 1 to 31, L for the last day, or ? or *", least: 1, most: 31, special: regexp.MustCompile(`^(?:\?|L|LW|L-[1-9][0-9]?|(?:[1-9]|[12][0-9]|3[01])W)$`)},
	{name: "month", fix: "give 1 to 12, JAN to DEC, or *", least: 1, most: 12,
		names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{name: "day of week", fix: "give 1 (Sunday) to 7 (Saturday), SUN to SAT, or ? or *", least: 1, most: 7,
		names:   []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"},
		special: regexp.MustCompile(`^(?:\?|L|(?:[1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(?:L|#[1-5]))$`)},
	{name: "year", fix: "give 1970 to 2199, or *", least: 1970, most: 2199},
}

// accepts reports whether EventBridge accepts the field: values, ranges and steps, separated by commas.
func (k cronKind) accepts(field string) bool {
	if k.special != nil && k.special.MatchString(strings.ToUpper(field)) {
		return true
	}
	for item := range strings.SplitSeq(field, ",") {
		values, step, stepped := strings.Cut(item, "/")
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
			return false
		}
		if values == "*" {
			continue
		}
		first, last, ranged := strings.Cut(values, "-")
		if !k.has(first) || ranged && !k.has(last) {
			return false
		}
	}
	return true
}

// has reports whether the field has the value, as a number or by name.
func (k cronKind) has(value string) bool {
	if slices.Contains(k.names, strings.ToUpper(value)) {
		return true
	}
	n, err := strconv.ParseUint(value, 10, 16)
	return err == nil && int(n) >= k.least && int(n) <= k.most
}
