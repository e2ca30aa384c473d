package lint

import (
	"encoding/json"
	"io"
)

// WriteJSON writes the findings as a JSON object with the list "findings".
func WriteJSON(w io.Writer, findings []Finding) error {
	return encode(w, struct {
		Findings []Finding `json:"findings"`
	}{append([]Finding{}, findings...)})
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
