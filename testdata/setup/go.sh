#!/usr/bin/env bash
# Prints the go command to use. A go that can fetch toolchains by itself (1.21 or later) is used as it is: go.mod says which version
# it needs. Otherwise that toolchain is fetched as a module, with Debian's go, and kept in the cache.
set -euo pipefail

version=1.26.8
have=$(go env GOVERSION 2>/dev/null || true)
if [[ $have =~ ^go1\.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge 21 ]; then
  command -v go
  exit 0
fi
case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) echo "no go 1.21 or later, and no toolchain known for $(uname -m)" >&2; exit 1 ;;
esac
root=${XDG_CACHE_HOME:-$HOME/.cache}/conbroker/go$version
if [ ! -x "$root/bin/go" ]; then
  here=$(cd "$(dirname "$0")" && pwd)
  "$here/need.sh" go:golang-go
  echo "fetching the go $version toolchain" >&2
  scratch=$(mktemp -d)
  trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
  (cd "$scratch" && GOPATH=$scratch/path GOFLAGS=-modcacherw go mod download "golang.org/toolchain@v0.0.1-go$version.linux-$arch" >&2)
  unpacked=$scratch/path/pkg/mod/golang.org/toolchain@v0.0.1-go$version.linux-$arch
  # Files of a module have no execute bits before Go 1.21.
  chmod +x "$unpacked"/bin/* "$unpacked"/pkg/tool/*/*
  mkdir -p "$(dirname "$root")"
  mv -T "$unpacked" "$root" 2>/dev/null || [ -x "$root/bin/go" ]
fi
echo "$root/bin/go"
