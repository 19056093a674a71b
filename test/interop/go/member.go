package main

import (
	"bytes"
	"encoding/hex"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/memberlist"
)

// member is one member of a cluster and what memberlist asks of its application.
type member struct {
	name       string
	config     *memberlist.Config
	transport  *transport
	broadcasts *memberlist.TransmitLimitedQueue
	list       atomic.Pointer[memberlist.Memberlist]

	lock  sync.Mutex
	meta  []byte
	state []byte
}

// broadcast is a message that no other message displaces.
type broadcast []byte

func (b broadcast) Invalidates(memberlist.Broadcast) bool { return false }
func (b broadcast) Message() []byte                       { return b }
func (b broadcast) Finished()                             {}

func (m *member) size() int {
	if list := m.list.Load(); list != nil {
		return list.NumMembers()
	}
	return 1
}

func (m *member) setMeta(meta []byte) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.meta = bytes.Clone(meta)
}

func (m *member) setState(state []byte) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.state = bytes.Clone(state)
}

func (m *member) NodeMeta(int) []byte {
	m.lock.Lock()
	defer m.lock.Unlock()
	return bytes.Clone(m.meta)
}

func (m *member) NotifyMsg(message []byte) {
	say(event{Event: "message", Node: m.name, Hex: hex.EncodeToString(message)})
}

func (m *member) GetBroadcasts(overhead, limit int) [][]byte {
	return m.broadcasts.GetBroadcasts(overhead, limit)
}

func (m *member) LocalState(join bool) []byte {
	m.lock.Lock()
	defer m.lock.Unlock()
	say(event{Event: "localState", Node: m.name, Join: join, Hex: hex.EncodeToString(m.state)})
	return bytes.Clone(m.state)
}

func (m *member) MergeRemoteState(state []byte, join bool) {
	say(event{Event: "mergeState", Node: m.name, Join: join, Hex: hex.EncodeToString(state)})
}

func (m *member) tell(kind string, node *memberlist.Node) {
	say(event{Event: kind, Node: m.name, Name: node.Name, Address: node.Address(), Hex: hex.EncodeToString(node.Meta)})
}

func (m *member) NotifyJoin(node *memberlist.Node)   { m.tell("join", node) }
func (m *member) NotifyLeave(node *memberlist.Node)  { m.tell("leave", node) }
func (m *member) NotifyUpdate(node *memberlist.Node) { m.tell("update", node) }

func (m *member) NotifyConflict(existing, other *memberlist.Node) {
	say(event{Event: "conflict", Node: m.name, Name: existing.Name, Address: existing.Address(), Other: other.Address()})
}
