// A peer for the interop tests: grinta's flows in the words of connect-go, from both ends, with code that is generated from
// grinta's proto files as any Go program would.
//
// With -call it opens one call, and is driven by lines of JSON: {"send": FRAME}, {"finish": true}, {"cancel": true}. It tells
// {"frame": FRAME} of each frame that comes, and {"over": CODE} at the end. With -recode it reads frames in hex, and tells of
// each what it is and how this program writes it. Otherwise it serves, and tells its {"port": PORT}.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	grintav1 "grinta.test/interop/flow/gen/grinta/v1"
	"grinta.test/interop/flow/gen/grinta/v1/grintav1connect"
)

var (
	call     = flag.String("call", "", "URL of the host to call; without it the program serves")
	protocol = flag.String("protocol", "connect", "connect, grpc or grpcweb")
	recode   = flag.Bool("recode", false, "read frames in hex and write them again")
	timeout  = flag.Int("timeout", 0, "deadline of the call in milliseconds, 0 for none")
)

type line struct {
	Send   json.RawMessage `json:"send,omitempty"`
	Finish bool            `json:"finish,omitempty"`
	Cancel bool            `json:"cancel,omitempty"`
	Frame  json.RawMessage `json:"frame,omitempty"`
	Hex    string          `json:"hex,omitempty"`
	Over   string          `json:"over,omitempty"`
	Port   int             `json:"port,omitempty"`
}

var printing sync.Mutex

func say(told line) {
	printing.Lock()
	defer printing.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(told); err != nil {
		os.Exit(1)
	}
}

func main() {
	flag.Parse()
	switch {
	case *call != "":
		open()
	case *recode:
		write()
	default:
		serve()
	}
}

func write() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		bytes, err := hex.DecodeString(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		frame := new(grintav1.Frame)
		if err := proto.Unmarshal(bytes, frame); err != nil {
			log.Fatal(err)
		}
		text, err := protojson.Marshal(frame)
		if err != nil {
			log.Fatal(err)
		}
		if bytes, err = proto.Marshal(frame); err != nil {
			log.Fatal(err)
		}
		say(line{Frame: text, Hex: hex.EncodeToString(bytes)})
	}
}

func open() {
	// HTTP/2 without TLS, with prior knowledge.
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	var options []connect.ClientOption
	switch *protocol {
	case "grpc":
		options = append(options, connect.WithGRPC())
	case "grpcweb":
		options = append(options, connect.WithGRPCWeb())
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if *timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(*timeout)*time.Millisecond)
		defer cancel()
	}
	stream := grintav1connect.NewFlowServiceClient(client, *call, options...).Open(ctx)
	go drive(stream, cancel)
	for {
		frame, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			say(line{Over: "ok"})
			break
		}
		if err != nil {
			log.Print(err)
			say(line{Over: connect.CodeOf(err).String()})
			break
		}
		text, err := protojson.Marshal(frame)
		if err != nil {
			log.Fatal(err)
		}
		say(line{Frame: text})
	}
	// The process ends with its standard input, which the test closes.
	select {}
}

func drive(stream *connect.BidiStreamForClient[grintav1.Frame, grintav1.Frame], cancel func()) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var told line
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			log.Fatal(err)
		}
		switch {
		case told.Finish:
			if err := stream.CloseRequest(); err != nil {
				log.Print(err)
			}
		case told.Cancel:
			// net/http hears of it only when the body of the request has something to say, or is over.
			cancel()
			_ = stream.CloseRequest()
		default:
			frame := new(grintav1.Frame)
			if err := protojson.Unmarshal(told.Send, frame); err != nil {
				log.Fatal(err)
			}
			if err := stream.Send(frame); err != nil {
				log.Print(err)
			}
		}
	}
	os.Exit(0)
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(grintav1connect.NewFlowServiceHandler(service{}))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: mux, Protocols: protocols}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	say(line{Port: listener.Addr().(*net.TCPAddr).Port})
	log.Fatal(server.Serve(listener))
}
