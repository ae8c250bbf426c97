# shellcheck shell=sh
# Sourced, not run. Joins commands by pipes as `a | b | c` does, with what plain sh lacks: the status of every
# stage counts, a signal to the script reaches the sources, and no stage outlives another that died.
#
#     pipeline STAGE... [-- STAGE...]      each a function that ends in `exec`
#
# Stages before `--` are sources, else the first one is. On TERM, INT or HUP the sources alone are told to stop; the
# others see the end of their input, commit what they have, and end by themselves. The same happens when a stage
# fails in a way that leaves the others nothing to do; a source that ends with 1, 65 or 75 did most of its work.
# A stage may look whether there is a file $pipeline_told: then such a signal came. It never meets HUP itself.
#
# The status is that of the last stage that failed, else 0; after a signal that was heeded 128 + its number.

pipeline() {
    pipeline_count=0
    pipeline_watchers=
    pipeline_sources=1
    [ -n "${pipeline_heeds:-}" ] || pipeline_heed
    pipeline_dir=$(pipeline_try mktemp -d "${pipeline_home:-${TMPDIR:-/tmp}}/dccd-pipeline.XXXXXX") || return "${pipeline_came:-74}"
    pipeline_told=$pipeline_dir/told
    pipeline_connect said
    exec 9<&6 8>&5 5>&- 6<&-
    # A signal that came before there was somebody to tell.
    [ -z "$pipeline_came" ] || pipeline_tell "$pipeline_came"
    # Commands in the background read /dev/null unless told otherwise.
    if [ -e /dev/fd/0 ]; then exec 3<&0; else exec 3</dev/null; fi
    while [ $# -gt 0 ]; do
        pipeline_count=$((pipeline_count + 1))
        [ "${2:-}" != -- ] || pipeline_sources=$pipeline_count
        if [ $# -gt 1 ]; then
            pipeline_connect pipe
            pipeline_try rm -f "$pipeline_dir/pipe"
        else
            exec 5>&1
        fi
        pipeline_stage "$pipeline_count" "$1" &
        pipeline_watchers="$pipeline_watchers $!"
        exec 3<&- 5>&-
        [ $# -eq 1 ] || exec 3<&6 6<&-
        shift
        [ "${1:-}" != -- ] || shift
    done
    exec 8>&-
    pipeline_watch &
    pipeline_watcher=$!
    exec 9<&-
    pipeline_nudge
    # A signal ends this waiting at whatever moment it comes, which it would not if all this were read here.
    pipeline_wait "$pipeline_watcher"
    # All is over, but for what has to be removed.
    trap '' TERM INT HUP
    # shellcheck disable=SC2086
    wait $pipeline_watchers || :
    pipeline_try rm -rf "$pipeline_dir"
    [ -n "${pipeline_heeds:-}" ] || trap - TERM INT HUP
    return "$pipeline_waited"
}

# A signal to all of us ends what runs for us, too; once.
pipeline_try() {
    "$@" || "$@"
}

# From here on a signal is for the pipe, even if it comes before the pipe is there. Who calls this with pipeline_heeds
# set has something to remove, and to remove it undisturbed: signals are ignored when `pipeline` has returned.
pipeline_heed() {
    pipeline_came=
    pipeline_dir=
    trap 'pipeline_tell 143' TERM
    trap 'pipeline_tell 130' INT
    trap 'pipeline_tell 129' HUP
}

# Says that a signal came, to whoever minds the stages. Opened for both directions, the pipe waits for nobody.
pipeline_tell() {
    pipeline_came=$1
    pipeline_interrupted=yes
    if [ -n "$pipeline_dir" ] && [ -p "$pipeline_dir/said" ]; then
        : >"$pipeline_told"
        echo "0 signal $1" 1<>"$pipeline_dir/said"
    fi
}

# A pipe of that name, whose ends are 5 and 6. It is opened for both directions first, so that no end waits for the
# other.
pipeline_connect() {
    # mksh keeps a copy of the first descriptor that is closed, which must not be the end of a pipe.
    exec 4</dev/null
    exec 4<&-
    mkfifo "$pipeline_dir/$1" || [ -p "$pipeline_dir/$1" ] || mkfifo "$pipeline_dir/$1"
    # shellcheck disable=SC2094
    exec 4<>"$pipeline_dir/$1" 5>"$pipeline_dir/$1" 6<"$pipeline_dir/$1" 4>&-
}

# Runs a stage beside the others; says on 8 which process it is, and later how it ended.
pipeline_stage() {
    exec 6<&-
    pipeline_begin "$1" "$2" <&3 >&5 3<&- 5>&- 9<&- &
    # A signal to all of us is a signal to the stage, whose end has still to be told.
    trap 'pipeline_interrupted=yes' TERM INT HUP
    exec 3<&- 5>&- 9<&-
    echo "$1 runs $!" >&8
    pipeline_wait "$!"
    echo "$1 ended $pipeline_waited" >&8
}

# A signal before this would meet the traps of the shell it was made from, and be lost.
pipeline_begin() {
    # A terminal that is gone ends the sources, as TERM does, and what they said is for the others to keep.
    trap '' HUP
    echo "$1 ready -" >&8
    exec 8>&-
    "$2"
}

# mksh and zsh heed a signal that comes just before they wait only when another child has ended; this one does soon.
pipeline_nudge() {
    if [ -n "${KSH_VERSION:-}${ZSH_VERSION:-}" ]; then sleep 1 >/dev/null 2>&1 & fi
}

# Waits until a process has ended. A signal, whose trap sets pipeline_interrupted, does not end the waiting.
pipeline_wait() {
    pipeline_waited=
    while :; do
        pipeline_interrupted=
        pipeline_now=0
        # Without the shell's own word on how it was killed.
        wait "$1" 2>/dev/null || pipeline_now=$?
        # Interrupted after it had ended: there is nothing more to wait for.
        [ "$pipeline_now" != 127 ] || [ -z "$pipeline_waited" ] || return 0
        pipeline_waited=$pipeline_now
        [ -n "$pipeline_interrupted" ] || return 0
    done
}

# Minds what the stages say until the last of them has ended, and ends with the status of the pipe.
pipeline_watch() {
    trap '' TERM INT HUP
    # Running stages as NUMBER:PROCESS, and those that heed signals; which failed last in the pipe, and how.
    pipeline_running=
    pipeline_ready=' '
    pipeline_failed=0
    pipeline_status=0
    pipeline_ends=0
    pipeline_signal=
    pipeline_stops=
    pipeline_reminders=0
    while [ "$pipeline_ends" -lt "$pipeline_count" ]; do
        # Nobody is left who could say something: somebody killed what watches a stage.
        read -r pipeline_stage pipeline_said pipeline_value <&9 || exit "${pipeline_signal:-137}"
        case $pipeline_said in
        runs) pipeline_running="$pipeline_running $pipeline_stage:$pipeline_value" ;;
        ready) pipeline_ready="$pipeline_ready$pipeline_stage " ;;
        ended) pipeline_ended ;;
        signal)
            pipeline_signal=$pipeline_value
            pipeline_stop
            continue
            ;;
        remind)
            pipeline_repeat
            continue
            ;;
        esac
        [ -z "$pipeline_stops" ] || [ "$pipeline_said" = ended ] || pipeline_stop "$pipeline_stage"
    done
    case $pipeline_signal-$pipeline_status in
    ?*-1 | ?*-65 | ?*-75 | ?*-129 | ?*-130 | ?*-143) exit "$pipeline_signal" ;;
    esac
    exit "$pipeline_status"
}

pipeline_ended() {
    pipeline_ends=$((pipeline_ends + 1))
    pipeline_left=
    for pipeline_entry in $pipeline_running; do
        [ "${pipeline_entry%%:*}" = "$pipeline_stage" ] || pipeline_left="$pipeline_left $pipeline_entry"
    done
    pipeline_running=$pipeline_left
    [ "$pipeline_value" != 0 ] || return 0
    pipeline_is_source=
    [ "$pipeline_stage" -gt "$pipeline_sources" ] || pipeline_is_source=yes
    # That a stage stopped because another failed says nothing.
    if [ "$pipeline_is_source$pipeline_stops$pipeline_value" = yesyes143 ] && [ "$pipeline_status" != 0 ]; then
        return 0
    fi
    if [ "$pipeline_stage" -gt "$pipeline_failed" ]; then
        pipeline_failed=$pipeline_stage
        pipeline_status=$pipeline_value
    fi
    case $pipeline_is_source-$pipeline_value in
    yes-1 | yes-65 | yes-75) ;;
    *) pipeline_stop ;;
    esac
}

# Tells the sources to stop, or one of them, and each once: TERM even for INT, since a terminal has sent INT already,
# and a second one kills.
pipeline_stop() {
    [ -n "$pipeline_stops" ] || pipeline_remind
    pipeline_stops=yes
    for pipeline_entry in $pipeline_running; do
        pipeline_number=${pipeline_entry%%:*}
        case $pipeline_number-$pipeline_ready in
        "${1:-$pipeline_number}-"*" $pipeline_number "*)
            pipeline_ready="${pipeline_ready%%" $pipeline_number "*} ${pipeline_ready#*" $pipeline_number "}"
            [ "$pipeline_number" -gt "$pipeline_sources" ] || kill -s TERM "${pipeline_entry#*:}" 2>/dev/null || :
            ;;
        esac
    done
}

# mksh and zsh may lose a signal that comes just before a stage becomes its program: sources that still run after a
# second are told again, some times.
pipeline_remind() {
    if [ -n "${KSH_VERSION:-}${ZSH_VERSION:-}" ] && [ "$pipeline_reminders" -lt 5 ]; then
        pipeline_reminders=$((pipeline_reminders + 1))
        {
            sleep 1
            [ ! -p "$pipeline_dir/said" ] || echo "0 remind -" 1<>"$pipeline_dir/said"
        } </dev/null >/dev/null 2>&1 9<&- &
    fi
}

pipeline_repeat() {
    for pipeline_entry in $pipeline_running; do
        [ "${pipeline_entry%%:*}" -gt "$pipeline_sources" ] || kill -s TERM "${pipeline_entry#*:}" 2>/dev/null || :
    done
    pipeline_remind
}
