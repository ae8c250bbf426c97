# shellcheck shell=sh
# Sourced by compose.sh, not run. One pipe for each exchange, side by side: a slow one holds up no other. What they
# count is added up when all have ended.
#
# shellcheck disable=SC2034,SC2154 # its variables are those of compose.sh and pipeline.sh

side_by_side() {
    sides=
    lists=
    for side in $exchanges; do
        lists="$lists $listed-$side"
        grep -F "\"exchange\":\"$side\"" "$listed" >"$listed-$side"
        : >"$listed-$side.counts"
    done
    trap 'sides_tell 143' TERM
    trap 'sides_tell 130' INT
    trap 'sides_tell 129' HUP
    # A signal to all of us may have cut a list short.
    [ -z "$pipeline_came" ] || return "$pipeline_came"
    sides_screen
    for side in $exchanges; do
        one_side "$side" &
        sides="$sides $!"
    done
    [ -z "$screen" ] || exec 5>&-
    sides_ended=0
    pipeline_nudge
    for side in $sides; do
        pipeline_wait "$side"
        [ "$(severity "$pipeline_waited")" -le "$(severity "$sides_ended")" ] || sides_ended=$pipeline_waited
    done
    [ -z "$screen" ] || wait "$screen" || :
    # shellcheck disable=SC2086
    compose_sum $lists
    return "$sides_ended"
}

# In a shell of its own, which heeds signals by itself.
one_side() {
    pipeline_heed
    # What came before this met the traps of the shell it was made from.
    [ ! -e "$compose_dir/told" ] || pipeline_tell 143
    if [ -n "$screen" ]; then
        exec 2>&5 5>&-
        progress=$1
    fi
    listed=$listed-$1
    side_ended=0
    compose_pipe || side_ended=$?
    [ -z "$screen" ] || echo "progress $1 over" >&2
    exit "$side_ended"
}

sides_tell() {
    pipeline_came=$1
    pipeline_interrupted=yes
    : >"$compose_dir/told"
    for told in $sides; do
        kill -s TERM "$told" 2>/dev/null || :
    done
}

# Which of two statuses says more: that something broke, that a job will not heal, that it may, that it was interrupted.
severity() {
    case $1 in
    0) echo 0 ;;
    129 | 130 | 143) echo 1 ;;
    75) echo 2 ;;
    65) echo 3 ;;
    *) echo 4 ;;
    esac
}

# Several bars on one terminal would be none, so that what all say goes through one pipe, whose end is 5.
sides_screen() {
    screen=
    if [ -t 2 ] && [ "$loud" != -q ]; then
        # Where the pipe is made.
        pipeline_dir=$compose_dir
        pipeline_connect screen
        show_all &
        screen=$!
        exec 6<&-
    fi
}

# Makes one line of what every dccd-fetch says of its progress, and passes on all else.
show_all() {
    trap '' TERM INT HUP
    exec <&6 >&2 5>&- 6<&-
    shares=
    shown=
    while IFS= read -r line; do
        case $line in
        'progress '*)
            # shellcheck disable=SC2086
            set -- $line
            take_share "$2" "$3" "${4:-0}" "${5:-0}"
            show_shares
            ;;
        *) printf '\r\033[K%s\n%s' "$line" "$shown" ;;
        esac
    done
    printf '\r\033[K'
}

# Keeps the share of an exchange as NAME:DONE:WANTED:SECONDS, in the place that it has.
take_share() {
    kept=
    mine=$1:$2:$3:$4
    for share in $shares; do
        if [ "${share%%:*}" = "$1" ]; then
            # One that is over has done all that it wanted to.
            rest=${share#*:*:}
            [ "$2" != over ] || mine=$1:over:${rest%%:*}:0
            share=$mine
            mine=
        fi
        kept="$kept $share"
    done
    shares="$kept $mine"
}

# As in `42 %, 3 m left: binance 40 %  kraken 61 %  okx done`; what is longer than a line is cut off. No process is
# started, since this is done often.
show_shares() {
    all_done=0
    all_wanted=0
    all_left=0
    each=
    for share in $shares; do
        name=${share%%:*}
        left=${share##*:}
        rest=${share#*:}
        has_done=${rest%%:*}
        rest=${rest#*:}
        wanted=${rest%%:*}
        all_wanted=$((all_wanted + wanted))
        if [ "$has_done" = over ]; then
            each="$each  $name done"
            all_done=$((all_done + wanted))
        else
            each="$each  $name $((wanted > 0 ? has_done * 100 / wanted : 0)) %"
            all_done=$((all_done + has_done))
        fi
        if [ "$left" = - ] || [ "$all_left" = - ]; then
            all_left=-
        elif [ "$left" -gt "$all_left" ]; then
            all_left=$left
        fi
    done
    shown="$((all_wanted > 0 ? all_done * 100 / all_wanted : 0)) %"
    case $all_left in
    -) ;;
    ? | ??) shown="$shown, $all_left s left" ;;
    *) shown="$shown, $((all_left / 60)) m left" ;;
    esac
    shown="$shown:${each# }"
    # A terminal has eighty columns at least.
    printf '\r\033[K%.79s' "$shown"
}
