package cache

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhoElseWritesACache(t *testing.T) {
	api := Writer{Images: []string{"images:api"}, Dockerfile: "Dockerfile", Arguments: map[string]string{"SERVICE": "a", "SHA": "1"}}
	with := func(change func(*Writer)) Writer {
		w := api
		change(&w)
		return w
	}
	web := with(func(w *Writer) {
		w.Images, w.Arguments = []string{"images:web"}, map[string]string{"SERVICE": "w", "SHA": "1"}
	})
	cases := []struct {
		name string
		// last and before wrote the cache.
		last, before Writer
		// dockerfile is the digest of the Dockerfile now; it was "1".
		dockerfile string
		want       *Clash
	}{
		{"nobody", Writer{}, Writer{}, "1", nil},
		{"the same build", api, api, "1", nil},
		{"the same build with a new tag", with(func(w *Writer) { w.Images = []string{"images:v1"} }), api, "1", nil},
		{"the same image with further tags", with(func(w *Writer) { w.Images = []string{"images:v1", "images:api"} }), web, "1", nil},
		{"another Dockerfile", with(func(w *Writer) { w.Dockerfile = "web.Dockerfile" }), Writer{}, "1", &Clash{Writer: "images:api (Dockerfile web.Dockerfile)"}},
		{"another context", with(func(w *Writer) { w.Context, w.Dockerfile = "web", "web/Dockerfile" }), Writer{}, "1", &Clash{Writer: "images:api (Dockerfile web/Dockerfile)"}},
		{"another target", with(func(w *Writer) { w.Target = "test" }), Writer{}, "1", &Clash{Writer: "images:api (Dockerfile Dockerfile, target test)"}},
		{"the same from another repository", with(func(w *Writer) { w.Source = "team/b" }), Writer{}, "1", nil},
		{"another image repository that takes turns with another Dockerfile", with(func(w *Writer) { w.Images = []string{"team/images:api"} }), api, "2", &Clash{Writer: "team/images:api (Dockerfile Dockerfile)", SameSource: true}},
		{"another image repository with another Dockerfile, for the first time", with(func(w *Writer) { w.Images = []string{"team/images:api"} }), Writer{}, "2", nil},
		{"another image repository of the same source", with(func(w *Writer) { w.Images = []string{"team/images:api"} }), Writer{}, "1", nil},
		{"another tag, for the first time", web, Writer{}, "1", nil},
		{"another tag that takes turns with other arguments", web, api, "1", &Clash{Writer: "images:web (Dockerfile Dockerfile)", SameSource: true}},
		{"another tag that takes turns with the same arguments", with(func(w *Writer) { w.Images = []string{"images:prod"} }), api, "1", nil},
		{"a build without an image", with(func(w *Writer) { w.Images = nil }), Writer{}, "1", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			older, record := &Record{}, &Record{Inputs: Inputs{Dockerfile: "1"}}
			older.SetWriter(c.before, nil)
			record.SetWriter(c.last, older)
			assert.Equal(t, c.want, record.Clash(api, c.dockerfile))
		})
	}
	unknown := func(tag string) *Record { return &Record{Writer: Writer{Images: []string{"images:" + tag}}} }
	last := unknown("web")
	last.SetWriter(last.Writer, unknown("api"))
	assert.Equal(t, &Clash{Writer: "images:web", SameSource: true}, last.Clash(unknown("api").Writer, ""), "a Dockerfile that is not a file")
	assert.Nil(t, (*Record)(nil).Clash(api, ""), "without a record nothing is known")
}

func TestARecordKeepsTheLastWriters(t *testing.T) {
	var record *Record
	for i := range 3 * maxWriters {
		next := &Record{}
		next.SetWriter(Writer{Images: []string{"images:" + string(rune('a'+i))}}, record)
		record = next
	}
	assert.Len(t, record.Earlier, maxWriters)
	assert.Equal(t, []string{"images:w"}, record.Earlier[0].Images, "the latest comes first")
	again := &Record{}
	again.SetWriter(record.Earlier[0], record)
	assert.Equal(t, record.Writer, again.Earlier[0])
	assert.Len(t, again.Earlier, maxWriters)
}
