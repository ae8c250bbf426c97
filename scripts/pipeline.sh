# shellcheck shell=sh
# Sourced, not run. Joins commands by pipes as `a | b | c` does, with what plain sh lacks:
# the status of every stage counts, and a signal to the script reaches the source.
#
#     pipeline STAGE...      each a function that ends in `exec`, or a command without arguments
#
# The status is that of the last stage that failed, else 0. On TERM or INT the first stage alone is told to
# stop; the others see the end of their input, commit what they have, and end by themselves.

pipeline() {
    pipeline_dir=$(mktemp -d "${TMPDIR:-/tmp}/dccd-pipeline.XXXXXX") || return 74
    pipeline_pids=
    pipeline_signal=
    trap pipeline_stop TERM INT
    # Commands in the background read /dev/null unless told otherwise.
    if [ -e /dev/fd/0 ]; then exec 3<&0; else exec 3</dev/null; fi
    while [ $# -gt 1 ]; do
        # Opened for both directions first, so that no end waits for the other.
        mkfifo "$pipeline_dir/pipe"
        # shellcheck disable=SC2094
        exec 4<>"$pipeline_dir/pipe" 5>"$pipeline_dir/pipe" 6<"$pipeline_dir/pipe" 4>&-
        rm -f "$pipeline_dir/pipe"
        "$1" <&3 >&5 3<&- 5>&- 6<&- &
        pipeline_pids="$pipeline_pids $!"
        exec 3<&6 5>&- 6<&-
        shift
    done
    "$1" <&3 3<&- &
    pipeline_pids="$pipeline_pids $!"
    exec 3<&-
    rmdir "$pipeline_dir"
    # A signal that came before the source was there has told nobody.
    [ -z "$pipeline_signal" ] || pipeline_stop
    pipeline_status=0
    for pipeline_pid in $pipeline_pids; do
        pipeline_wait "$pipeline_pid" || pipeline_status=$?
    done
    trap - TERM INT
    return "$pipeline_status"
}

# TERM even for INT: a terminal has sent INT to the source already, and a second one kills.
pipeline_stop() {
    pipeline_signal=yes
    for pipeline_source in $pipeline_pids; do
        kill -s TERM "$pipeline_source" 2>/dev/null || :
        return 0
    done
}

# Waits for one stage; a signal only interrupts the wait.
pipeline_wait() {
    while :; do
        pipeline_signal=
        pipeline_ended=0
        wait "$1" || pipeline_ended=$?
        [ -n "$pipeline_signal" ] || return "$pipeline_ended"
        kill -0 "$1" 2>/dev/null || return "$pipeline_ended"
    done
}
