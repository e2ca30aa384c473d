package validation

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/assert"
)

func TestCheckSchedule(t *testing.T) {
	for _, c := range []struct{ name, expression, wrong, fix string }{
		{"a rate", "rate(1 day)", "", ""},
		{"a rate in the plural", "rate(12 hours)", "", ""},
		{"every day at three", "cron(0 3 * * ? *)", "", ""},
		{"lists, ranges, steps and names", "cron(0/15,50 8-17 ? JAN-MAR,dec MON-FRI 2026-2030)", "", ""},
		{"the last weekday of a month", "cron(0 3 LW * ? *)", "", ""},
		{"the weekday nearest to a day", "cron(0 3 15W * ? *)", "", ""},
		{"the second Tuesday of a month", "cron(0 3 ? * 3#2 *)", "", ""},
		{"the last Friday of a month", "cron(0 3 ? * FRIL *)", "", ""},
		{"a step over every value", "cron(*/10 * * * ? *)", "", ""},
		{"the plural for 1", "rate(1 days)", `"rate(1 days)" has the plural of a unit for 1`, `write "rate(1 day)"`},
		{"the singular for 2", "rate(2 day)", `"rate(2 day)" has the singular of a unit for 2`, `write "rate(2 days)"`},
		{"a rate of nothing", "rate(0 days)", `"rate(0 days)" is not a rate`, `give a whole number of at least 1, such as "rate(1 day)"`},
		{"a rate in weeks", "rate(1 week)", `"rate(1 week)" has the unit "week", which EventBridge does not have`, `give minutes, hours or days, such as "rate(7 days)"`},
		{"two asterisks for days", "cron(0 3 * * * *)", `"cron(0 3 * * * *)" has no "?" for the day of month or the day of week, and EventBridge requires one`, `write "cron(0 3 * * ? *)"`},
		{"a day of week without a question mark", "cron(0 3 * * MON *)", `"cron(0 3 * * MON *)" has no "?" for the day of month or the day of week, and EventBridge requires one`, `write "cron(0 3 ? * MON *)"`},
		{"two question marks", "cron(0 3 ? * ? *)", `"cron(0 3 ? * ? *)" has "?" for both the day of month and the day of week`, `write "cron(0 3 * * ? *)"`},
		{"both days", "cron(0 3 1 * MON *)", `"cron(0 3 1 * MON *)" sets both the day of month and the day of week, and EventBridge takes only one`, `write "?" for one of the two`},
		{"the five fields of crontab", "cron(0 3 * * *)", `"cron(0 3 * * *)" does not have the 6 fields minute, hour, day of month, month, day of week and year, with one space between them`, `write one such as "cron(0 3 * * ? *)"`},
		{"two spaces", "cron(0  3 * * ? *)", `"cron(0  3 * * ? *)" does not have the 6 fields minute, hour, day of month, month, day of week and year, with one space between them`, `write one such as "cron(0 3 * * ? *)"`},
		{"an hour after the last one", "cron(0 24 * * ? *)", `"cron(0 24 * * ? *)" has the hour "24"`, "give 0 to 23, in UTC, or *"},
		{"Sunday as 0", "cron(0 3 ? * 0 *)", `"cron(0 3 ? * 0 *)" has the day of week "0"`, "give 1 (Sunday) to 7 (Saturday), SUN to SAT, or ? or *"},
		{"a step of 0", "cron(0/0 3 * * ? *)", `"cron(0/0 3 * * ? *)" has the minute "0/0"`, "give 0 to 59, or *"},
		{"a question mark for the hour", "cron(0 ? * * ? *)", `"cron(0 ? * * ? *)" has the hour "?"`, "give 0 to 23, in UTC, or *"},
		{"a cron expression without cron()", "0 3 * * ? *", `"0 3 * * ? *" is not an EventBridge schedule`, `write "cron(0 3 * * ? *)"`},
		{"a rate without rate()", "1 day", `"1 day" is not an EventBridge schedule`, `write "rate(1 day)"`},
		{"a wrong rate without rate()", "1 days", `"1 days" is not an EventBridge schedule`, `write "rate(1 day)"`},
		{"a wrong cron expression without cron()", "0 3 * * * *", `"0 3 * * * *" is not an EventBridge schedule`, `write "cron(0 3 * * ? *)"`},
		{"a word", "daily", `"daily" is not an EventBridge schedule`, `write "rate(1 day)" or "cron(0 3 * * ? *)"`},
		{"nothing", "", `"" is not an EventBridge schedule`, `write "rate(1 day)" or "cron(0 3 * * ? *)"`},
		{"a value that CloudFormation fills in", *awscdk.Fn_ImportValue(&[]string{"Schedule"}[0]), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, fix := CheckSchedule(c.expression)
			assert.Equal(t, [2]string{c.wrong, c.fix}, [2]string{wrong, fix})
		})
	}
}
