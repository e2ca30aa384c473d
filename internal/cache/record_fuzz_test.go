package cache

import "testing"

// A record comes from a registry, so anyone who may push there controls its content.
func FuzzDecode(f *testing.F) {
	content, err := encode(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(`{"version":1,"steps":[{"seconds":-1}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := decode(content)
		if err == nil && r != nil && r.Version != RecordVersion {
			t.Fatal("a record of another version was accepted")
		}
	})
}
