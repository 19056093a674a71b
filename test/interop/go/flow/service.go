package main

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect"

	grintav1 "grinta.test/interop/flow/gen/grinta/v1"
)

// A host as somebody would write it who has read docs/protocol.md and nothing else. Its endpoints:
//
//	echo      gives back what it gets
//	busy      takes nobody
//	moody     fails at the first message, with an error of its own
//	rude      leaves at the first message, without a word
//	counting  says that it has sent one message more than it has
type service struct{}

type stream = connect.BidiStream[grintav1.Frame, grintav1.Frame]

func accepted() *grintav1.Frame {
	return &grintav1.Frame{Kind: &grintav1.Frame_Accepted{Accepted: &grintav1.Accepted{}}}
}

func rejected(reason grintav1.RejectReason) *grintav1.Frame {
	return &grintav1.Frame{Kind: &grintav1.Frame_Rejected{Rejected: &grintav1.Rejected{Reason: reason}}}
}

func end(count uint64) *grintav1.Frame {
	return &grintav1.Frame{Kind: &grintav1.Frame_End{End: &grintav1.End{Count: count}}}
}

func fail(reason grintav1.FailReason, encoded string) *grintav1.Frame {
	return &grintav1.Frame{Kind: &grintav1.Frame_Fail{Fail: &grintav1.Fail{Reason: reason, Error: []byte(encoded)}}}
}

func (service) Open(_ context.Context, calls *stream) error {
	first, err := calls.Receive()
	if err != nil {
		return err
	}
	open := first.GetOpen()
	switch {
	case open == nil:
		return calls.Send(fail(grintav1.FailReason_FAIL_REASON_PROTOCOL_VIOLATION, ""))
	case open.Endpoint == "busy":
		return calls.Send(rejected(grintav1.RejectReason_REJECT_REASON_ENDPOINT_BUSY))
	case open.Endpoint != "echo" && open.Endpoint != "moody" && open.Endpoint != "rude" && open.Endpoint != "counting":
		return calls.Send(rejected(grintav1.RejectReason_REJECT_REASON_ENDPOINT_NOT_FOUND))
	}
	if err := calls.Send(accepted()); err != nil {
		return err
	}
	var count uint64
	inMessage := false
	for {
		frame, err := calls.Receive()
		if errors.Is(err, io.EOF) {
			// Neither End nor Fail: the flow is broken, and there is nobody to tell.
			return nil
		}
		if err != nil {
			return err
		}
		switch kind := frame.Kind.(type) {
		case *grintav1.Frame_Data:
			switch open.Endpoint {
			case "moody":
				return calls.Send(fail(grintav1.FailReason_FAIL_REASON_DOMAIN, `{"_tag":"Banned","until":"tomorrow"}`))
			case "rude":
				return nil
			}
			count += uint64(len(kind.Data.Messages))
			if kind.Data.Partial {
				count--
			}
			inMessage = kind.Data.Partial
			if err := calls.Send(frame); err != nil {
				return err
			}
		case *grintav1.Frame_End:
			if inMessage || kind.End.Count != count {
				return calls.Send(fail(grintav1.FailReason_FAIL_REASON_PROTOCOL_VIOLATION, ""))
			}
			if open.Endpoint == "counting" {
				count++
			}
			return calls.Send(end(count))
		case *grintav1.Frame_Fail:
			return nil
		default:
			return calls.Send(fail(grintav1.FailReason_FAIL_REASON_PROTOCOL_VIOLATION, ""))
		}
	}
}
