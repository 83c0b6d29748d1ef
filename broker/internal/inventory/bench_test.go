package inventory

import (
	"fmt"
	"testing"
	"time"

	"github.com/conbroker/conbroker/broker/internal/address"
	"github.com/conbroker/conbroker/broker/internal/driver"
)

// many fills a store with 10,000 machines on 10 hosts.
func many(b *testing.B) *Store {
	s, _ := open(b)
	for h := range 10 {
		var machines []driver.Machine
		for i := range 1000 {
			m := testMachine("XEN", fmt.Sprintf("tst%d", h*1000+i))
			m.UUID = fmt.Sprintf("%032x", h*1000+i)
			machines = append(machines, m)
		}
		if err := s.Put(fmt.Sprintf("lab%02d", h), "XEN", machines, nil, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkQuery asks for one of 10,000 machines: warm is a broker that runs, cold a process that has just started.
func BenchmarkQuery(b *testing.B) {
	s := many(b)
	for name, a := range map[string]address.Address{
		"label": {Label: "tst7777"}, "mac": {MAC: "00:50:56:13:11:99"}, "filename": {Filename: "tst7777/tst7777.conf"}, "all": {},
	} {
		b.Run("warm/"+name, func(b *testing.B) {
			s.Query(Filter{})
			for b.Loop() {
				s.Query(Filter{Address: a})
			}
		})
		b.Run("cold/"+name, func(b *testing.B) {
			for b.Loop() {
				Open(s.dir).Query(Filter{Address: a})
			}
		})
	}
}
