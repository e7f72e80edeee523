package notify

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	"github.com/farebox/farebox/policy/alert"
)

// maxSubject bounds the subject, in characters: what is longer is in the text.
const maxSubject = 120

// message is an e-mail as it is sent.
func (m *Mail) message(to *mail.Address, n *alert.Notice) []byte {
	var b bytes.Buffer
	domain := m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	for _, h := range [][2]string{
		{"From", m.from.String()},
		{"To", to.String()},
		{"Subject", mime.QEncoding.Encode("utf-8", subject(n.Title()))},
		{"Date", m.o.Now().Format(time.RFC1123Z)},
		{"Message-ID", "<" + n.ID() + "@" + domain + ">"}, // the same when the same is sent again
		{"Auto-Submitted", "auto-generated"},              // RFC 3834: no answer of a machine, please
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(mailText(n))) // to memory
	_ = w.Close()
	return b.Bytes()
}

// subject is one line without what could end it.
func subject(title string) string {
	title = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, "Farebox: "+title)
	if runes := []rune(title); len(runes) > maxSubject {
		return string(runes[:maxSubject-1]) + "…"
	}
	return title
}

func mailText(n *alert.Notice) string {
	var b strings.Builder
	lines := n.Lines()
	for i := range n.Alerts {
		a := &n.Alerts[i]
		fmt.Fprintf(&b, "%s\r\n    %s, alert %d\r\n\r\n", lines[i], a.At.UTC().Format(time.RFC3339), a.Number)
	}
	return b.String()
}
