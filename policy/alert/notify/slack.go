package notify

import (
	"context"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/alert"
)

// idle is how long a connection is kept for the next message.
const idle = 30 * time.Second

// Slack posts to an incoming webhook.
// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
type Slack struct {
	url Secret
	poster
}

// NewSlack makes a notifier of the webhook whose address is in a file.
func NewSlack(address Secret, h HTTP) *Slack { return &Slack{address, newPoster(h)} }

// marks is how Slack takes what would be markup.
var marks = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// icons are of severities.
var icons = map[string]string{"info": ":information_source:", "warning": ":warning:", "critical": ":red_circle:", "emergency": ":rotating_light:"}

// Notify implements alert.Notifier: a message with a line for each alert.
func (s *Slack) Notify(ctx context.Context, n alert.Notice) error {
	lines := n.Lines()
	for i := range lines {
		lines[i] = icons[n.Alerts[i].Severity] + " " + marks.Replace(lines[i])
	}
	body, err := encode(map[string]any{"text": strings.Join(lines, "\n"), "unfurl_links": false})
	if err != nil {
		return err
	}
	to, err := s.url.read()
	if err != nil {
		return err
	}
	return s.post(ctx, to, body, nil)
}
