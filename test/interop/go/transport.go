package main

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// attemptsMax is how often a port that was free for TCP may be taken for UDP.
const attemptsMax = 10

// transport is the usual one, with faults: datagrams are lost when sent, and none pass to or from some ports.
type transport struct {
	*memberlist.NetTransport
	packets chan *memberlist.Packet

	lock    sync.Mutex
	loss    float64
	blocked map[string]bool
}

func newTransport(config *memberlist.Config, port int) (*transport, error) {
	var inner *memberlist.NetTransport
	var err error
	for range attemptsMax {
		inner, err = memberlist.NewNetTransport(&memberlist.NetTransportConfig{
			BindAddrs: []string{config.BindAddr},
			BindPort:  port,
			Logger:    config.Logger,
		})
		if err == nil || port != 0 {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	made := &transport{NetTransport: inner, packets: make(chan *memberlist.Packet)}
	go func() {
		for packet := range inner.PacketCh() {
			if !made.isBlocked(packet.From.String()) {
				made.packets <- packet
			}
		}
	}()
	return made, nil
}

func (t *transport) setLoss(rate float64) {
	t.lock.Lock()
	defer t.lock.Unlock()
	t.loss = rate
}

func (t *transport) setBlocked(ports []int) {
	blocked := make(map[string]bool)
	for _, port := range ports {
		blocked[strconv.Itoa(port)] = true
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	t.blocked = blocked
}

func (t *transport) isBlocked(address string) bool {
	_, port, err := net.SplitHostPort(address)
	t.lock.Lock()
	defer t.lock.Unlock()
	return err == nil && t.blocked[port]
}

func (t *transport) isLost(address string) bool {
	if t.isBlocked(address) {
		return true
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	return rand.Float64() < t.loss
}

func (t *transport) FinalAdvertiseAddr(ip string, port int) (net.IP, int, error) {
	address, final, err := t.NetTransport.FinalAdvertiseAddr(ip, port)
	if err != nil {
		return nil, 0, err
	}
	if *mapped {
		return address.To16(), final, nil
	}
	if ipv4 := address.To4(); ipv4 != nil {
		address = ipv4
	}
	return address, final, nil
}

func (t *transport) WriteTo(bytes []byte, address string) (time.Time, error) {
	if t.isLost(address) {
		return time.Now(), nil
	}
	return t.NetTransport.WriteTo(bytes, address)
}

func (t *transport) WriteToAddress(bytes []byte, address memberlist.Address) (time.Time, error) {
	if t.isLost(address.Addr) {
		return time.Now(), nil
	}
	return t.NetTransport.WriteToAddress(bytes, address)
}

func (t *transport) PacketCh() <-chan *memberlist.Packet {
	return t.packets
}
