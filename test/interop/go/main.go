// A peer for the interop tests: members of hashicorp/memberlist in one process, driven by lines of JSON.
//
// Each line of standard input is a command and gets one reply with its id; what happens in between is told in events.
// The log of memberlist goes to standard error. The process ends with its standard input.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

var (
	name          = flag.String("name", "go", "name of the member; with -count, what the names begin with")
	count         = flag.Int("count", 1, "members in this process, called NAME-0 and so on if there are several")
	bind          = flag.String("bind", "127.0.0.1", "address to bind")
	port          = flag.Int("port", 0, "port to bind, 0 for any")
	label         = flag.String("label", "", "label of the cluster")
	keys          = flag.String("keys", "", "keys in hex, with commas between; the first is the primary one")
	join          = flag.String("join", "", "addresses to join, with commas between")
	profile       = flag.String("profile", "local", "timers: lan, wan or local")
	meta          = flag.String("meta", "", "metadata in hex")
	state         = flag.String("state", "", "user state for push/pulls, in hex")
	delegate      = flag.String("delegate", "0,0,0", "versions of the application: min, max, current")
	protocol      = flag.Int("protocol", 2, "protocol version to speak")
	verifyIn      = flag.Bool("verify-incoming", true, "with keys: refuse what is not encrypted")
	verifyOut     = flag.Bool("verify-outgoing", true, "with keys: encrypt what is sent")
	mapped        = flag.Bool("mapped", false, "advertise the address in its 16-byte IPv4-mapped form")
	loss          = flag.Float64("loss", 0, "share of the datagrams that are dropped when sent")
	compress      = flag.Bool("compress", true, "compress what is sent")
	tcpPings      = flag.Bool("tcp-pings", true, "ping over TCP where UDP stays silent")
	probeInterval = flag.Duration("probe-interval", 0, "")
	probeTimeout  = flag.Duration("probe-timeout", 0, "")
	gossip        = flag.Duration("gossip-interval", 0, "")
	pushPull      = flag.Duration("push-pull-interval", 0, "")
	deadTime      = flag.Duration("gossip-to-the-dead", 0, "")
	deadReclaim   = flag.Duration("dead-reclaim", 0, "")
	suspicionMult = flag.Int("suspicion-mult", 0, "")
	checks        = flag.Int("indirect-checks", 0, "")
)

type command struct {
	ID     int      `json:"id"`
	Cmd    string   `json:"cmd"`
	Node   string   `json:"node"`
	To     string   `json:"to"`
	Hex    string   `json:"hex"`
	Seeds  []string `json:"seeds"`
	Ports  []int    `json:"ports"`
	Rate   float64  `json:"rate"`
	Millis int      `json:"millis"`
}

type view struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	Meta    string `json:"meta"`
}

type reply struct {
	Event   string   `json:"event"`
	ID      int      `json:"id"`
	Error   string   `json:"error"`
	Joined  int      `json:"joined"`
	Health  int      `json:"health"`
	Members []view   `json:"members"`
	Keys    []string `json:"keys"`
}

type event struct {
	Event   string `json:"event"`
	Node    string `json:"node"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Other   string `json:"other"`
	Hex     string `json:"hex"`
	Join    bool   `json:"join"`
}

var printing sync.Mutex

func say(line any) {
	printing.Lock()
	defer printing.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		os.Exit(1)
	}
}

func viewOf(node *memberlist.Node) view {
	return view{Name: node.Name, Address: node.Address(), Meta: hex.EncodeToString(node.Meta)}
}

func unhex(text string) []byte {
	bytes, err := hex.DecodeString(text)
	if err != nil {
		log.Fatalf("not hex: %q", text)
	}
	return bytes
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func configFor(self string) *memberlist.Config {
	var config *memberlist.Config
	switch *profile {
	case "lan":
		config = memberlist.DefaultLANConfig()
	case "wan":
		config = memberlist.DefaultWANConfig()
	default:
		config = memberlist.DefaultLocalConfig()
	}
	config.Name = self
	config.Label = *label
	config.BindAddr = *bind
	config.ProtocolVersion = uint8(*protocol)
	config.EnableCompression = *compress
	config.DisableTcpPings = !*tcpPings
	config.GossipVerifyIncoming = *verifyIn
	config.GossipVerifyOutgoing = *verifyOut
	config.DeadNodeReclaimTime = *deadReclaim
	config.Logger = log.New(os.Stderr, self+" ", log.Lmicroseconds)
	set := func(target *time.Duration, value time.Duration) {
		if value > 0 {
			*target = value
		}
	}
	set(&config.ProbeInterval, *probeInterval)
	set(&config.ProbeTimeout, *probeTimeout)
	set(&config.GossipInterval, *gossip)
	set(&config.PushPullInterval, *pushPull)
	set(&config.GossipToTheDeadTime, *deadTime)
	if *suspicionMult > 0 {
		config.SuspicionMult = *suspicionMult
	}
	if *checks > 0 {
		config.IndirectChecks = *checks
	}
	if _, err := fmt.Sscanf(*delegate, "%d,%d,%d",
		&config.DelegateProtocolMin, &config.DelegateProtocolMax, &config.DelegateProtocolVersion); err != nil {
		log.Fatalf("not three versions: %q", *delegate)
	}
	if listed := split(*keys); len(listed) > 0 {
		ring := make([][]byte, len(listed))
		for i, key := range listed {
			ring[i] = unhex(key)
		}
		keyring, err := memberlist.NewKeyring(ring, ring[0])
		if err != nil {
			log.Fatal(err)
		}
		config.Keyring = keyring
	}
	return config
}

func start(self string) *member {
	config := configFor(self)
	transport, err := newTransport(config, *port)
	if err != nil {
		log.Fatal(err)
	}
	transport.setLoss(*loss)
	config.Transport = transport
	config.BindPort = transport.GetAutoBindPort()
	config.AdvertisePort = config.BindPort
	made := &member{name: self, config: config, transport: transport, meta: unhex(*meta), state: unhex(*state)}
	made.broadcasts = &memberlist.TransmitLimitedQueue{NumNodes: made.size, RetransmitMult: config.RetransmitMult}
	config.Delegate, config.Events, config.Conflict = made, made, made
	list, err := memberlist.Create(config)
	if err != nil {
		log.Fatal(err)
	}
	made.list.Store(list)
	return made
}

func find(list *memberlist.Memberlist, called string) (*memberlist.Node, error) {
	for _, node := range list.Members() {
		if node.Name == called {
			return node, nil
		}
	}
	return nil, fmt.Errorf("no member is called %q", called)
}

func (m *member) run(c command, answer *reply) (err error) {
	list, bytes := m.list.Load(), unhex(c.Hex)
	switch c.Cmd {
	case "join":
		answer.Joined, err = list.Join(c.Seeds)
	case "members":
		answer.Health = list.GetHealthScore()
		for _, node := range list.Members() {
			answer.Members = append(answer.Members, viewOf(node))
		}
	case "meta":
		m.setMeta(bytes)
		err = list.UpdateNode(10 * time.Second)
	case "state":
		m.setState(bytes)
	case "reliable", "bestEffort":
		node, missing := find(list, c.To)
		if missing != nil {
			return missing
		}
		if c.Cmd == "reliable" {
			err = list.SendReliable(node, bytes)
		} else {
			err = list.SendBestEffort(node, bytes)
		}
	case "broadcast":
		m.broadcasts.QueueBroadcast(broadcast(bytes))
	case "installKey":
		err = m.config.Keyring.AddKey(bytes)
	case "useKey":
		err = m.config.Keyring.UseKey(bytes)
	case "removeKey":
		err = m.config.Keyring.RemoveKey(bytes)
	case "keys":
		for _, key := range m.config.Keyring.GetKeys() {
			answer.Keys = append(answer.Keys, hex.EncodeToString(key))
		}
	case "loss":
		m.transport.setLoss(c.Rate)
	case "block":
		m.transport.setBlocked(c.Ports)
	case "leave":
		err = list.Leave(time.Duration(c.Millis) * time.Millisecond)
	case "shutdown":
		err = list.Shutdown()
	default:
		err = errors.New("no such command")
	}
	return err
}

func main() {
	flag.Parse()
	members := make(map[string]*member)
	var first *member
	for i := range *count {
		self := *name
		if *count > 1 {
			self = fmt.Sprintf("%s-%d", *name, i)
		}
		made := start(self)
		members[self] = made
		if first == nil {
			first = made
		}
		say(event{Event: "up", Node: self, Address: fmt.Sprintf("%s:%d", *bind, made.config.BindPort)})
		if seeds := split(*join); len(seeds) > 0 {
			if _, err := made.list.Load().Join(seeds); err != nil {
				say(event{Event: "joinFailed", Node: self, Other: err.Error()})
			}
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			log.Fatal(err)
		}
		if c.Cmd == "quit" {
			return
		}
		target := first
		if c.Node != "" {
			target = members[c.Node]
		}
		answer := reply{Event: "reply", ID: c.ID, Members: []view{}, Keys: []string{}}
		if target == nil {
			answer.Error = "no such member here"
		} else if err := target.run(c, &answer); err != nil {
			answer.Error = err.Error()
		}
		say(answer)
	}
}
