# shellcheck shell=sh
# Sourced, not run. What the commands that are pipes have in common: flags, help, and the stages.
#
# Pairs and names of exchanges hold no spaces, so a list of them is words in a variable. Nothing is a pattern.
set -f

here=$(dirname "$(readlink -f "$0")")
command=dccd-$(basename "$0" | sed 's/^dccd-//')
# The tools lie beside the scripts, or on the PATH.
PATH=$here:$PATH
export PATH
# shellcheck source=scripts/pipeline.sh
. "$here/pipeline.sh"

config=
exchange=
pairs=
kind=
start=
end=
dry_run=
# Further flags of dccd-plan.
planning=
parallel=
# What dccd-fetch calls its progress, if somebody puts it together with that of others.
progress=
loud=

# Reads flags into the variables above. What a command has no use for is not in its list: compose_flags 'LIST' "$@"
compose_flags() {
    known=" $1 --config --help --quiet --verbose "
    shift
    while [ $# -gt 0 ]; do
        flag=$1
        shift
        case $flag in
        -h) flag=--help ;;
        -q) flag=--quiet ;;
        -v) flag=--verbose ;;
        -c) flag=--config ;;
        -e) flag=--exchange ;;
        --*=*)
            set -- "${flag#*=}" "$@"
            flag=${flag%%=*}
            ;;
        esac
        case $known in
        *" $flag "*) ;;
        *) complain "there is no flag or argument $flag" ;;
        esac
        # shellcheck disable=SC2034 # parallel is for those who source this
        case $flag in
        --help) compose_help ;;
        --quiet) loud=-q ;;
        --verbose) loud=-v ;;
        --dry-run) dry_run=yes ;;
        --parallel) parallel=yes ;;
        *)
            [ -n "${1:-}" ] || complain "$flag needs a value"
            compose_value "$flag" "$1"
            shift
            ;;
        esac
        [ "$flag" != --pairs ] || while [ $# -gt 0 ]; do
            case $1 in -*) break ;; esac
            compose_value --pairs "$1"
            shift
        done
    done
}

compose_value() {
    case $1 in
    --config) config=$2 ;;
    --exchange) exchange=$2 ;;
    --kind) kind=$2 ;;
    --start) start=$2 ;;
    --end) end=$2 ;;
    --pairs)
        case $2 in *[[:space:]]*) complain "'$2' is no pair" ;; esac
        pairs="$pairs $2"
        ;;
    esac
}

complain() {
    printf '%s: %s; see %s --help\n' "$command" "$1" "$command" >&2
    exit 2
}

# The comment on top of a script is its help.
compose_help() {
    sed -n '/^# /,/^[^#]/ { s/^# \{0,1\}//p; }' "$0"
    exit 0
}

# What follows of the jobs that are listed for how they are planned.
heed_jobs() {
    :
}

# The stages. What was not said is not passed on, so that each tool decides.

jobs() {
    # shellcheck disable=SC2086
    exec dccd-config jobs ${loud:+"$loud"} ${config:+"--config=$config"} ${exchange:+"--exchange=$exchange"} \
        ${kind:+"--kind=$kind"} ${pairs:+--pairs $pairs}
}

plan() {
    # shellcheck disable=SC2086
    exec dccd-plan $planning ${loud:+"$loud"} ${config:+"--config=$config"} ${start:+"--start=$start"} \
        ${end:+"--end=$end"} <"$listed"
}

fetch() {
    exec dccd-fetch ${loud:+"$loud"} ${config:+"--config=$config"} ${progress:+"--progress=$progress"}
}

write() {
    exec dccd-write ${loud:+"$loud"} ${config:+"--config=$config"}
}

record() {
    exec dccd-health record --summary --jobs="$listed" --interrupted-if="$pipeline_told" ${loud:+"$loud"} \
        ${config:+"--config=$config"}
}

# Does what is planned, or with --dry-run only says what it would take, and exits.
# shellcheck disable=SC2034 # some of this is for pipeline.sh
compose_run() {
    # There is something to remove, whatever comes.
    pipeline_heeds=yes
    pipeline_heed
    compose_dir=$(pipeline_try mktemp -d "${TMPDIR:-/tmp}/$command.XXXXXX") || exit "${pipeline_came:-74}"
    pipeline_home=$compose_dir
    compose_status=0
    compose_all || compose_status=$?
    # What did not break was interrupted.
    case $pipeline_came-$compose_status in
    ?*-1 | ?*-65 | ?*-75 | ?*-129 | ?*-130 | ?*-143) compose_status=$pipeline_came ;;
    esac
    trap '' TERM INT HUP
    rm -rf "$compose_dir"
    exit "$compose_status"
}

# The jobs are listed before anything begins, so that one of which nothing is heard is missed in the end.
compose_all() {
    listed=$compose_dir/jobs
    (jobs) >"$listed" || return
    heed_jobs
    # Filters that no job meets do not stand for every dataset of the store.
    if [ ! -s "$listed" ] && [ -n "$exchange$pairs$kind" ]; then
        planning=${planning#--gaps}
    fi
    exchanges=$(sed -n 's/.*"exchange":"\([^"]*\)".*/\1/p' "$listed" | sort -u)
    if [ -n "$dry_run" ]; then
        planning="$planning --estimate"
        pipeline plan
    elif [ -n "$parallel" ] && [ "$(printf '%s\n' "$exchanges" | wc -l)" -gt 1 ]; then
        # shellcheck source=scripts/beside.sh
        . "$here/beside.sh"
        side_by_side
    else
        compose_ended=0
        compose_pipe || compose_ended=$?
        compose_sum "$listed"
        return "$compose_ended"
    fi
}

# The pipe for the jobs that are listed; what it counted stands beside them.
compose_pipe() {
    pipeline plan fetch -- write record >"$listed.counts"
}

# Adds up what was counted of the lists: compose_sum LIST...
compose_sum() {
    successes=0
    failures=0
    for list; do
        counts=$(sed -n 's/^Done\. successes=\([0-9]*\) failures=\([0-9]*\)$/\1 \2/p' "$list.counts")
        # What counts may have died as well.
        [ -n "$counts" ] || counts="0 $(compose_uncounted "$list")"
        successes=$((successes + ${counts% *}))
        failures=$((failures + ${counts#* }))
    done
    printf 'Done. successes=%s failures=%s\n' "$successes" "$failures"
}

# The jobs of a list, unless they were interrupted.
compose_uncounted() {
    if [ -n "$pipeline_came" ]; then echo 0; else grep -c . "$1" || :; fi
}
