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

# The stages. What was not said is not passed on, so that each tool decides.

jobs() {
    # shellcheck disable=SC2086
    exec dccd-config jobs ${loud:+"$loud"} ${config:+"--config=$config"} ${exchange:+"--exchange=$exchange"} \
        ${kind:+"--kind=$kind"} ${pairs:+--pairs $pairs}
}

plan() {
    # shellcheck disable=SC2086
    exec dccd-plan $planning ${loud:+"$loud"} ${config:+"--config=$config"} ${start:+"--start=$start"} \
        ${end:+"--end=$end"}
}

fetch() {
    exec dccd-fetch ${loud:+"$loud"} ${config:+"--config=$config"}
}

write() {
    exec dccd-write ${loud:+"$loud"} ${config:+"--config=$config"}
}

record() {
    exec dccd-health record --summary ${loud:+"$loud"} ${config:+"--config=$config"}
}

# What is planned, done; or with --dry-run only what it would take.
compose_run() {
    if [ -n "$dry_run" ]; then
        planning="$planning --estimate"
        pipeline jobs -- plan
    else
        pipeline jobs plan fetch -- write record
    fi
}
