package caddytest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// ports has every port that was returned.
var ports = struct {
	sync.Mutex
	used map[int]bool
}{used: make(map[int]bool)}

// FreePort returns a TCP port of the loopback interface that nobody listens on now, and
// that it has not returned before. It panics if there is none. The port is below those
// that systems choose for connections, so that no connection takes it meanwhile.
func FreePort() int {
	const lowest, highest = 15000, 32000
	ports.Lock()
	defer ports.Unlock()
	for range 1000 {
		port := lowest + rand.IntN(highest-lowest)
		if ports.used[port] {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		l.Close()
		ports.used[port] = true
		return port
	}
	panic("no port is free")
}

// FreeAddress returns a free address, "127.0.0.1:<port>".
func FreeAddress() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(FreePort())) }

// FreeLocalhost returns a free address, "localhost:<port>".
func FreeLocalhost() string { return net.JoinHostPort("localhost", strconv.Itoa(FreePort())) }

// Accepts reports whether somebody listens at an address.
func Accepts(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		conn.Close()
	}
	return err == nil
}
