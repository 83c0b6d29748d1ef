package rpc
import ("testing";"fmt";"os";"time";"bufio";"sync/atomic";"golang.org/x/sys/unix")
func pipeSize(f *os.File, n int) { rc,_:=f.SyscallConn(); rc.Control(func(fd uintptr){ unix.FcntlInt(fd, unix.F_SETPIPE_SZ, n)}) }
func BenchmarkExp(b *testing.B) {
 for _, n := range []int{65536, 32768,16384, 8192} {
  b.Run(fmt.Sprint("out",n), func(b *testing.B){
			c, r, _ := benchFiles(b, testOptions)
			pipeSize(r,n)
			b.SetBytes(8192)
			var left atomic.Int64
			left.Store(int64(b.N))
			c.AddSource(&outputSource{payload: make([]byte, 8192), left: &left}).Ready()
			in := bufio.NewReaderSize(r, 64<<10)
			for range b.N { if _, err := readFrame(in); err != nil { b.Fatal(err) } }
  })
  b.Run(fmt.Sprint("lat",n), func(b *testing.B){
			c, r, w := benchFiles(b, testOptions)
			pipeSize(r,n)
			for range 64 { c.AddSource(&outputSource{payload: make([]byte, 64<<10)}).Ready() }
			benchPing(b, &slowReader{r: r, rate: 5<<20, start: time.Now()}, w)
  })
 }
}
