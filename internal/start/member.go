package start

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

// member is a build that is followed: the one, or one of a batch.
type member struct {
	id string
	// name is the build's identifier in its batch; empty for a build that stands alone.
	name string
	now  types.Build
	log  logStream
	// told are the phases whose ends have been told.
	told map[types.BuildPhaseType]bool
	// ended says that the build was complete when its log was last read, isRead that nothing came after that.
	ended, isRead bool
	toldSilent    bool
}

func newMember(id, name string) *member {
	return &member{id: id, name: name, told: map[types.BuildPhaseType]bool{}}
}

// show writes what is new since the last time; over says that nothing runs any more, whatever the build's own status.
func (m *member) show(ctx context.Context, c *Client, s *screen, over bool) error {
	wasEnded := m.ended
	m.ended = over || m.now.BuildComplete || isFinal(m.now.BuildStatus)
	for _, line := range newlyEnded(m.now.Phases, m.log.silent == "", m.told) {
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
	if m.log.silent != "" && !m.toldSilent {
		m.toldSilent = true
		s.note("%s%s: following its phases alone", m.prefix(), m.log.silent)
	}
	hasLog := m.log.silent == "" && m.now.Logs != nil && m.now.Logs.StreamName != nil
	m.isRead = m.ended && (!hasLog || wasEnded && !fresh)
	return nil
}

func (m *member) prefix() string {
	if m.name == "" {
		return ""
	}
	return m.name + ": "
}
