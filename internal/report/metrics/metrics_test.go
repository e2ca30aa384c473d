package metrics

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/layercache/layercache/internal/report"
)

func TestUnknownValuesAreLeftOut(t *testing.T) {
	ratio, saved := 0.75, 12.5
	r := &report.Report{Verdict: "partly-used", Exported: "failed", HitRatio: &ratio, OverheadSeconds: 2, Seconds: report.Seconds{Total: 30}}
	assert.ElementsMatch(t, []Datum{
		{"OverheadSeconds", "Seconds", 2, ""}, {"TotalSeconds", "Seconds", 30, ""}, {"ExportFailures", "Count", 1, ""}, {"ImportFailures", "Count", 0, ""}, {"HitRatio", "None", 0.75, ""},
	}, FromReport(r))
	r.SavedSeconds = &saved
	assert.Contains(t, FromReport(r), Datum{"SavedSeconds", "Seconds", 12.5, ""})
	assert.Contains(t, FromReport(&report.Report{Verdict: "import-failed"}), Datum{"ImportFailures", "Count", 1, ""})
	r.Mounts = []report.Mount{{ID: "go", Restored: true, RestoreSeconds: 1.5}}
	assert.Subset(t, FromReport(r), []Datum{{"MountRestoreSeconds", "Seconds", 1.5, ""}, {"MountFailures", "Count", 0, ""}})
	r.Mounts[0].Problem = "not saved: 403"
	assert.Contains(t, FromReport(r), Datum{"MountFailures", "Count", 1, ""})
}

func TestPut(t *testing.T) {
	var got url.Values
	var authorization string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.NoError(t, r.ParseForm())
		got, authorization = r.PostForm, r.Header.Get("Authorization")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<ErrorResponse>\n  not allowed</ErrorResponse>"))
	}))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_CLOUDWATCH", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
	t.Setenv("AWS_REGION", "eu-west-1")

	require.NoError(t, Put(t.Context(), "layercache", "shop & co", []Datum{{"HitRatio", "None", 0.5, ""}, {"TotalSeconds", "Seconds", 3, ""}}))
	assert.Equal(t, url.Values{
		"Action": {"PutMetricData"}, "Version": {"2010-08-01"}, "Namespace": {"layercache"},
		"MetricData.member.1.MetricName": {"HitRatio"}, "MetricData.member.1.Unit": {"None"}, "MetricData.member.1.Value": {"0.5"},
		"MetricData.member.1.Dimensions.member.1.Name": {"App"}, "MetricData.member.1.Dimensions.member.1.Value": {"shop & co"},
		"MetricData.member.2.MetricName": {"TotalSeconds"}, "MetricData.member.2.Unit": {"Seconds"}, "MetricData.member.2.Value": {"3"},
		"MetricData.member.2.Dimensions.member.1.Name": {"App"}, "MetricData.member.2.Dimensions.member.1.Value": {"shop & co"},
	}, got)
	assert.Contains(t, authorization, "Credential=AKIDEXAMPLE/")
	assert.Contains(t, authorization, "/eu-west-1/monitoring/aws4_request")

	status = http.StatusForbidden
	err := Put(t.Context(), "layercache", "shop", nil)
	assert.ErrorContains(t, err, "403")
	assert.ErrorContains(t, err, "not allowed")
	assert.NotContains(t, err.Error(), "s3cret")
}

func TestTheEndpointIsInTheRegionsPartition(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1":     "https://monitoring.eu-west-1.amazonaws.com/",
		"cn-north-1":    "https://monitoring.cn-north-1.amazonaws.com.cn/",
		"us-gov-west-1": "https://monitoring.us-gov-west-1.amazonaws.com/",
	} {
		got, err := endpoint(t.Context(), region)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestTargetsHaveADimensionOfTheirOwn(t *testing.T) {
	data := FromReport(&report.Report{Targets: []*report.Report{{Target: "api", Verdict: "import-failed"}}})
	assert.Contains(t, data, Datum{"ImportFailures", "Count", 1, "api"})
	assert.Contains(t, data, Datum{"ImportFailures", "Count", 1, ""}, "a failure of a target is one of all")
	values, err := url.ParseQuery(form("layercache", "shop", []Datum{{"ImportFailures", "Count", 1, "api"}}))
	require.NoError(t, err)
	assert.Equal(t, "Target", values.Get("MetricData.member.1.Dimensions.member.2.Name"))
	assert.Equal(t, "api", values.Get("MetricData.member.1.Dimensions.member.2.Value"))
}
