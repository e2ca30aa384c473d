package start

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// member is a followed build: a single one, or one of a batch.
type member struct {
	id string
	// name is the build's identifier in its batch; empty for a single build.
	name string
	now  types.Build
	log  logStream
	// shownPhases are the phases whose ends have been shown.
	shownPhases map[types.BuildPhaseType]bool
	// ended is true when the build had ended at the last read of its log, isRead when that read found nothing
	// new.
	ended, isRead bool
	// shownUnavailable is true when the missing log has been reported.
	shownUnavailable bool
}

func newMember(id, name string) *member {
	return &member{id: id, name: name, shownPhases: map[types.BuildPhaseType]bool{}}
}

// show writes what is new since the last call. over is true when the batch has ended, whatever the build's
// own status.
func (m *member) show(ctx context.Context, c *Client, s *screen, over bool) error {
	wasEnded := m.ended
	m.ended = over || m.now.BuildComplete || isFinal(m.now.BuildStatus)
	for _, line := range newlyEnded(m.now.Phases, m.log.unavailable == "", m.shownPhases) {
		s.note("%s%s", m.prefix(), line)
	}
	label := ""
	if m.name != "" {
		label = m.name + " | "
	}
	fresh, err := m.log.read(ctx, c, m.now.Logs, func(message string) { s.event(label, message) })
	if err != nil {
		return err
	}
	if m.log.unavailable != "" && !m.shownUnavailable {
		m.shownUnavailable = true
		s.note("%s%s: showing only its phases", m.prefix(), m.log.unavailable)
	}
	hasLog := m.log.unavailable == "" && m.now.Logs != nil && m.now.Logs.StreamName != nil
	m.isRead = m.ended && (!hasLog || wasEnded && !fresh)
	return nil
}

func (m *member) prefix() string {
	if m.name == "" {
		return ""
	}
	return m.name + ": "
}
