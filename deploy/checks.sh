# What the checks of deploy/ share. Sourced after tests/services.sh, not run.
passed=0 failed=0 skipped=0

check() { # check NAME STATUS
    if [ "$2" = 0 ]; then
        passed=$((passed + 1)) && echo "ok      $1"
    else
        failed=$((failed + 1)) && echo "FAILED  $1"
    fi
}

# The last line, in the form that tests/run adds up, and the exit code.
closing() {
    echo "checks: $passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
    exit
}

# skip WHAT: says plainly what is not checked here, and ends.
skip() {
    echo "SKIPPED $1"
    skipped=$((skipped + 1))
    closing
}

# wanted COMMAND PACKAGE…: like `need`, but what cannot be had here is skipped, and said so.
wanted() {
    (need "$@") || skip "everything of $0: $1 is not on this machine and cannot be installed"
}

# until_ready OPS_PORT SECONDS [PID]: until /readyz says yes; a process that ended is not waited for.
until_ready() {
    local left=$(($2 * 10))
    until python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$1/readyz', timeout=1)" 2>/dev/null; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        [ -z "${3:-}" ] || kill -0 "$3" 2>/dev/null || return 1
        sleep 0.1
    done
}
