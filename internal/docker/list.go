package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/distribution/reference"
	"github.com/docker/go-units"

	"github.com/layercache/layercache/internal/docker/real"
	"github.com/layercache/layercache/internal/docker/store"
)

// row is one line of `docker images`, with the names of docker's fields.
//
// https://github.com/docker/cli/blob/v28.5.2/cli/command/formatter/image.go
type row map[string]string

// headers are the titles of the columns.
var headers = row{
	"ID": "IMAGE ID", "Repository": "REPOSITORY", "Tag": "TAG", "Digest": "DIGEST", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT",
	"Size": "SIZE", "Containers": "CONTAINERS", "SharedSize": "SHARED SIZE", "UniqueSize": "UNIQUE SIZE",
}

// The formats of docker, by the flags.
const (
	tableFormat        = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
	tableDigestsFormat = "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
	rawFormat          = "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"
	rawDigestsFormat   = "repository: {{.Repository}}\ntag: {{.Tag}}\ndigest: {{.Digest}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"
)

// formatOf returns the format that docker uses for the value of --format and the other flags.
func (d *docker) formatOf() string {
	format := cmp.Or(d.call.Format, "table")
	switch {
	case format == "table" && d.call.Quiet:
		return "{{.ID}}"
	case format == "table" && d.call.Digests:
		return tableDigestsFormat
	case format == "table":
		return tableFormat
	case format == "raw" && d.call.Quiet:
		return "image_id: {{.ID}}"
	case format == "raw" && d.call.Digests:
		return rawDigestsFormat
	case format == "raw":
		return rawFormat
	case format == "json":
		return "{{json .}}"
	}
	return format
}

// list lists the kept images and those of docker.
func (d *docker) list(ctx context.Context) error {
	kept, err := d.rows()
	if errors.Is(err, errOtherFilter) {
		if _, missing := real.Find(); missing != nil {
			return d.fail(failed, "layercache: a filter of `docker images` is unknown: without docker there are reference, dangling and label")
		}
		return d.delegate(ctx, "layercache does not know a filter of it, so the images that it built are not listed")
	}
	if err != nil {
		return err
	}
	path, err := real.Find()
	if err == nil {
		if len(kept) == 0 {
			return d.delegate(ctx, "")
		}
		others, err := d.rowsOfDocker(ctx, path)
		if err != nil {
			d.say("the images of docker are not listed: %v", err)
		}
		kept = append(kept, others...)
	}
	return d.write(kept)
}

// rows returns the rows of the kept images that match the filters.
func (d *docker) rows() ([]row, error) {
	filters := slices.Clone(d.call.Filters)
	if len(d.call.Names) > 0 {
		filters = append(filters, "reference="+d.call.Names[0])
	}
	if err := checkFilters(filters); err != nil {
		return nil, err
	}
	described := map[string]inspected{}
	for _, image := range d.images {
		var err error
		if described[image.Folder], err = d.describe(image); err != nil {
			return nil, err
		}
	}
	images := slices.Clone(d.images)
	slices.SortStableFunc(images, func(a, b store.Image) int {
		return described[b.Folder].created().Compare(described[a.Folder].created())
	})
	var rows []row
	for _, image := range images {
		rows = append(rows, d.rowsOf(image, described[image.Folder], filters)...)
	}
	return rows, nil
}

// rowsOf returns the rows of one image: one for each name.
func (d *docker) rowsOf(image store.Image, described inspected, filters []string) []row {
	names := image.Names
	if len(names) == 0 {
		names = []string{""}
	}
	created := described.created()
	var rows []row
	for _, name := range names {
		if !matches(filters, name, described) {
			continue
		}
		r := row{
			"ID": image.ID.String(), "Repository": "<none>", "Tag": "<none>", "Digest": "<none>", "Containers": "N/A", "SharedSize": "N/A", "UniqueSize": "N/A",
			"CreatedAt": created.Local().Format("2006-01-02 15:04:05 -0700 MST"), "CreatedSince": units.HumanDuration(time.Since(created)) + " ago",
			"Size": units.HumanSizeWithPrecision(float64(described.Size), 3),
		}
		if !d.call.NoTrunc {
			r["ID"] = image.ID.Hex[:shortID]
		}
		if parsed, err := reference.ParseNormalizedNamed(name); err == nil {
			r["Repository"] = reference.FamiliarName(parsed)
			r["Tag"] = parsed.(reference.Tagged).Tag()
			digest := image.Root.Digest.String()
			if matches(filters, parsed.Name()+"@"+digest, described) && slices.Contains(image.Pushed, parsed.Name()) {
				r["Digest"] = digest
			}
		}
		rows = append(rows, r)
	}
	return rows
}

// errOtherFilter means that a filter is not known here.
var errOtherFilter = errors.New("unknown filter")

// checkFilters returns errOtherFilter unless every filter is known.
func checkFilters(filters []string) error {
	for _, filter := range filters {
		if key, _, _ := strings.Cut(filter, "="); key != "reference" && key != "dangling" && key != "label" {
			return errOtherFilter
		}
	}
	return nil
}

// matches reports whether an image with the name, which may be empty, passes all filters. Several filters for
// references pass if one does, as in docker.
func matches(filters []string, name string, described inspected) bool {
	references, matched := 0, false
	for _, filter := range filters {
		key, value, _ := strings.Cut(filter, "=")
		switch {
		case key == "reference":
			references++
			matched = matched || matchesReference(value, name)
		case key == "dangling" && value != fmt.Sprint(name == ""), key == "label" && !matchesLabel(value, described):
			return false
		}
	}
	return references == 0 || matched
}

// matchesReference reports whether a name fits a pattern, with or without its tag.
func matchesReference(pattern, name string) bool {
	parsed, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return false
	}
	whole, err := reference.FamiliarMatch(pattern, parsed)
	if err != nil {
		return false
	}
	part, _ := path.Match(pattern, reference.FamiliarName(parsed))
	return whole || part
}

func matchesLabel(wanted string, described inspected) bool {
	if described.Config == nil {
		return false
	}
	key, value, hasValue := strings.Cut(wanted, "=")
	label, ok := described.Config.Labels[key]
	return ok && (!hasValue || label == value)
}

// rowsOfDocker returns the rows of the images that docker has, without those that were loaded from the store.
func (d *docker) rowsOfDocker(ctx context.Context, path string) ([]row, error) {
	args := []string{"images", "--digests", "--format", "{{json .}}"}
	if d.call.All {
		args = append(args, "--all")
	}
	if d.call.NoTrunc {
		args = append(args, "--no-trunc")
	}
	for _, filter := range d.call.Filters {
		args = append(args, "--filter", filter)
	}
	cmd := exec.CommandContext(ctx, path, append(args, d.call.Names...)...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := quiet(cmd); err != nil {
		return nil, err
	}
	var rows []row
	for line := range bytes.Lines(stdout.Bytes()) {
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("read the list of docker: %w", err)
		}
		named, err := store.Normalize(r["Repository"] + ":" + r["Tag"])
		loaded := func(image store.Image) bool { return slices.Contains(image.Loaded, named) }
		if err != nil || !slices.ContainsFunc(d.images, loaded) {
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// write writes the rows in the format that the call asks for.
func (d *docker) write(rows []row) error {
	format, isTable := strings.CutPrefix(d.formatOf(), "table")
	format = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(strings.Trim(format, " "))
	parsed, err := parseTemplate(format)
	if err != nil {
		return d.fail(failed, "template parsing error: %v", err)
	}
	parsed.Option("missingkey=error")
	var text bytes.Buffer
	for _, r := range rows {
		if err := parsed.Execute(&text, r); err != nil {
			return d.fail(failed, "template parsing error: %v", err)
		}
		text.WriteByte('\n')
	}
	if !isTable {
		_, err := io.Copy(d.Stdout, &text)
		return err
	}
	table := tabwriter.NewWriter(d.Stdout, 10, 1, 3, ' ', 0)
	if err := parsed.Funcs(headerFunctions).Execute(table, maps.Clone(headers)); err != nil {
		return d.fail(failed, "template parsing error: %v", err)
	}
	fmt.Fprintln(table)
	_, err = io.Copy(table, &text)
	return errors.Join(err, table.Flush())
}
