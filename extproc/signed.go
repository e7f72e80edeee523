package extproc

import (
	"net/url"
	"strings"

	"github.com/farebox/farebox/extproc/wire"
)

// drop takes headers off what goes upstream, but for those that an AWS signature
// covers: without them the provider would refuse the call.
func (st *stream) drop(in *wire.Message, names ...string) {
	covers, signed := signature(in)
	if !signed {
		st.reply.Drop = append(st.reply.Drop, names...)
		return
	}
	for _, name := range names {
		if !strings.Contains(covers, ";"+name+";") {
			st.reply.Drop = append(st.reply.Drop, name)
		}
	}
}

// signature reports whether a request is signed with a key of AWS, and which
// headers that covers beside body and path, as ";host;x-amz-date;". The signature
// stands in a header, for one region (AWS4-HMAC-SHA256) or for several
// (AWS4-ECDSA-P256-SHA256), or in the query of a URL that was made for others.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
func signature(in *wire.Message) (covers string, signed bool) {
	list := ""
	if auth := in.Header("authorization"); strings.HasPrefix(auth, "AWS4-") {
		_, list, _ = strings.Cut(auth, "SignedHeaders=")
		list, _, _ = strings.Cut(list, ",")
		return ";" + strings.TrimSpace(list) + ";", true
	}
	query := queryOf(in.Header(":path"))
	if !strings.Contains(query, "X-Amz-Signature=") {
		return "", false
	}
	_, list, _ = strings.Cut(query, "X-Amz-SignedHeaders=")
	list, _, _ = strings.Cut(list, "&")
	if decoded, err := url.QueryUnescape(list); err == nil {
		list = decoded
	}
	return ";" + list + ";", true
}
