source tools/mill/build.sh
source tools/mill/fuzz.sh

help_test() {
  cat <<'HELP'
usage: ./mill test [-x] [--jobs N] [--long] [PART | FILE]...

Sets up and passes every test; or only the parts and files (tests/conformance/test_logs.py) named:
HELP
  python3 tools/mill/testing/run.py --list
  cat <<'HELP'

Files of tests run side by side, each with servers of its own: N at once (default: two more than there are
cores, since tests mostly wait). Tests that measure time or memory are marked `alone` and run by themselves at
the end. The sanitizers' build goes on meanwhile. Each job's output is in .cache/log/test/; a table at the end
says what took longest. -x stops at the first failure.

--long runs only what takes too long for every change: storms, soaks, large data, every fuzzer for five
minutes. docs/long-tests.md says when each ran last, and with what result.
HELP
}

run_test() {
  python3 tools/mill/testing/run.py --check "$@" || exit
  setup_for_test
  build_preset release tidemill
  python3 tools/mill/testing/run.py "$@"
}
