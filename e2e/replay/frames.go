package replay

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
)

// frame is one message of AWS's event stream: lengths, their checksum, headers,
// payload, and the checksum of it all.
// https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html
func frame(event, payload string) []byte {
	const fixed, text = 16, 7 // bytes beside headers and payload; the type of a header that is a text
	var headers []byte
	for _, h := range [...][2]string{{":event-type", event}, {":content-type", JSON}, {":message-type", "event"}} {
		headers = append(headers, byte(len(h[0])))
		headers = append(append(headers, h[0]...), text)
		headers = binary.BigEndian.AppendUint16(headers, uint16(len(h[1])))
		headers = append(headers, h[1]...)
	}
	out := binary.BigEndian.AppendUint32(nil, uint32(fixed+len(headers)+len(payload)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(headers)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, headers...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// chunk is a message of InvokeModelWithResponseStream: an event of the model's
// maker within.
func chunk(event string) []byte {
	b, err := json.Marshal(map[string]string{"bytes": base64.StdEncoding.EncodeToString([]byte(event)), "p": "abcdefgh"})
	if err != nil {
		panic(err) // texts always marshal
	}
	return frame("chunk", string(b))
}
