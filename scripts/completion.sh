# shellcheck shell=sh
# Sourced by dccd, not run: completion for bash, zsh and fish.
#
# What a shell asks for dccd itself, one function here answers, so that the shells agree and commands, flags,
# exchanges and pairs are those that are there when the key is pressed. The programs write their own scripts.

# complete_words WORD... CURRENT: prints what may stand in the place of CURRENT, one per line, after the words that
# precede it. Nothing means a file.
complete_words() {
    if [ $# -le 1 ]; then
        {
            commands
            printf '%s\n' help --help --version --install-completion --show-completion
        } | complete_begun "${1:-}"
        return
    fi
    name=$1
    shift
    flag=
    config=
    exchange=
    plain=0
    while [ $# -gt 1 ]; do
        case $flag:$1 in
        *:-*) flag=$1 ;;
        -c:* | --config:*) config=$1 flag= ;;
        -e:* | --exchange:*) exchange=$1 flag= ;;
        --pairs:*) ;;
        :*)
            plain=$((plain + 1))
            [ "$plain" != 1 ] || exchange=$1
            ;;
        *) flag= ;;
        esac
        shift
    done
    complete_candidates "$1" 2>/dev/null | sort -u | complete_begun "$1"
}

complete_begun() {
    awk -v begun="$1" 'index($0, begun) == 1'
}

complete_candidates() {
    case $flag:$1 in
    --pairs:-*) complete_flags ;;
    -e:* | --exchange:*) complete_exchanges ;;
    --pair:* | --pairs:*) complete_pairs ;;
    --kind:*) printf '%s\n' candle trade book funding open_interest ;;
    --span:*) printf '%s\n' 1m 5m 15m 30m 1h 4h 1d 1w ;;
    --channels:*) printf '%s\n' trades book candles funding ;;
    -c:* | --config:* | --*-path:* | --*-dir:*) ;;
    *) complete_place ;;
    esac
}

# A flag, or what stands without one.
complete_place() {
    case $name-$plain in
    --install-completion-* | --show-completion-*) printf '%s\n' bash fish zsh ;;
    help-*) commands ;;
    fetch-0 | read-0 | stream-0) complete_exchanges ;;
    fetch-1 | read-1 | stream-*) complete_pairs ;;
    esac
    complete_flags
}

# The flags of a command, and the commands in it as long as none is named.
complete_flags() {
    case $name in help | -* | *[!A-Za-z0-9_-]*) return ;; esac
    "dccd-$name" --help </dev/null | awk -v plain="$plain" '
        /^[A-Z].*:$/ { section = $0 }
        /^Example/ { exit }
        section == "Commands:" && /^  [a-z]/ && plain == 0 { print $1 }
        /^ +-/ && match($0, /--[a-z][a-z-]*/) { print substr($0, RSTART, RLENGTH) }'
}

complete_exchanges() {
    dccd-fetch --capabilities --json </dev/null | sed -n 's/.*"exchange":"\([^"]*\)".*/\1/p'
}

complete_pairs() {
    dccd-config jobs --quiet ${config:+"--config=$config"} ${exchange:+"--exchange=$exchange"} </dev/null |
        sed -n 's/.*"pair":"\([^"]*\)".*/\1/p'
}

# The shell that was named, else the one that runs us, else the one of the user.
complete_shell() {
    shell=${1:-}
    if [ -z "$shell" ]; then
        shell=$(cat "/proc/$PPID/comm" 2>/dev/null) || shell=
        case $shell in
        bash | fish | zsh) ;;
        *) shell=${SHELL:-} shell=${shell##*/} ;;
        esac
    fi
    case $shell in
    bash | fish | zsh) ;;
    *)
        printf "dccd: there is no completion for the shell '%s'; name bash, fish or zsh\n" "$shell" >&2
        exit 2
        ;;
    esac
}

complete_show() {
    complete_shell "${1:-}"
    "complete_for_$shell"
}

complete_for_bash() {
    cat <<'BASH'
# Words are taken from the line, since bash breaks them at the colon of a pair too.
_dccd() {
    local line="${COMP_LINE:0:COMP_POINT}" words word
    read -ra words <<< "$line"
    if [[ $line == *[[:space:]] ]]; then words+=(""); fi
    word="${words[-1]}"
    mapfile -t COMPREPLY < <(dccd --complete "${words[@]:1}" 2>/dev/null)
    if [[ $word == *:* ]]; then COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}"); fi
}
complete -o default -F _dccd dccd
BASH
}

complete_for_zsh() {
    cat <<'ZSH'
#compdef dccd
_dccd() {
    local -a found
    found=(${(f)"$(dccd --complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)"})
    if (( $#found )); then compadd -- $found; else _files; fi
}
if [ "$funcstack[1]" = _dccd ]; then _dccd "$@"; else compdef _dccd dccd; fi
ZSH
}

complete_for_fish() {
    cat <<'FISH'
function __dccd_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    test -n "$current"; or set current ''
    set -l found (dccd --complete $words[2..-1] $current 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path $current
    end
end
complete -c dccd -f -a '(__dccd_complete)'
FISH
}

complete_install() {
    complete_shell "${1:-}"
    case $shell in
    bash) folder=${BASH_COMPLETION_USER_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/bash-completion}/completions ;;
    fish) folder=${XDG_CONFIG_HOME:-$HOME/.config}/fish/completions ;;
    zsh) folder=$HOME/.zfunc ;;
    esac
    mkdir -p "$folder"
    complete_file dccd "complete_for_$shell"
    for name in $(commands); do
        # What is no program of ours has nothing to say.
        complete_file "dccd-$name" complete_of "$name" || :
    done
    "complete_load_$shell"
    printf '%s completion installed in %s\n' "$shell" "$folder"
    echo 'Completion will take effect once you restart the terminal'
}

complete_of() {
    tool=$(command -v "dccd-$1")
    # A script would take the flag for its own.
    [ "$(head -c 2 "$tool" | tr -d '\0')" != '#!' ] && "$tool" --completions "$shell" </dev/null 2>/dev/null
}

# Writes a completion file, all of it or nothing.
complete_file() {
    case $shell in
    bash) file=$folder/$1 ;;
    fish) file=$folder/$1.fish ;;
    zsh) file=$folder/_$1 ;;
    esac
    shift
    if "$@" >"$file.part"; then
        mv "$file.part" "$file"
    else
        rm -f "$file.part"
        return 1
    fi
}

# The package bash-completion finds the folder by itself.
complete_load_bash() {
    [ ! -r /usr/share/bash-completion/bash_completion ] || return 0
    complete_line "$HOME/.bashrc" "for file in '$folder'/dccd*; do . \"\$file\"; done"
}

complete_load_fish() {
    :
}

complete_load_zsh() {
    complete_line "${ZDOTDIR:-$HOME}/.zshrc" 'fpath+=~/.zfunc; autoload -Uz compinit; compinit'
}

# Adds a line to a file that has it not.
complete_line() {
    grep -qsxF -e "$2" "$1" || printf '%s\n' "$2" >>"$1"
}
