#!/usr/bin/env bash
# The script of action.yml: codeopt verify BASE:FILE HEAD:FILE for each file that differs, as Markdown into the job's summary.
#
# CODEOPT_FILES    files, or FILE:FUNCTION, one a line
# CODEOPT_BASE     the revision to compare with; "" or zeros (a branch that is new): HEAD's parent
# CODEOPT_HEAD     the revision to check (HEAD)
# CODEOPT_OPTIONS  further options of codeopt verify, quoted as in a shell; nothing in them is run
# CODEOPT_REQUIRE  same: the step fails where behaviour differs or a file cannot be checked; faster: and where one is not
#                  faster; nothing: it only reports
# GITHUB_STEP_SUMMARY, GITHUB_OUTPUT: files that are added to; without them the summary goes to stdout
set -uo pipefail

head=${CODEOPT_HEAD:-HEAD}
base=${CODEOPT_BASE:-}
require=${CODEOPT_REQUIRE:-same}
summary=${GITHUB_STEP_SUMMARY:-/dev/stdout}
case $require in
same | faster | nothing) ;;
*)
    echo "codeopt: require is '$require': one of same, faster, nothing" >&2
    exit 2
    ;;
esac
[[ $base =~ ^0*$ ]] && base=$head~1
if ! git cat-file -e "$base^{commit}" 2>/dev/null && ! git fetch --quiet --no-tags --depth=1 origin "$base" 2>/dev/null; then
    echo "codeopt: no revision $base here: give actions/checkout fetch-depth: 0" >&2
    exit 2
fi
options=()
if [[ -n ${CODEOPT_OPTIONS:-} ]]; then
    split=$(xargs -r -n1 printf '%s\n' <<<"$CODEOPT_OPTIONS") || {
        echo "codeopt: options cannot be split into words: check the quotes" >&2
        exit 2
    }
    mapfile -t options <<<"$split"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
result=unchanged failed=0
tell() { printf '### `%s`: %s\n\n' "${1//\`/\'}" "$2" >>"$summary"; }
worse() { # the worst of all results is the result
    local -A rank=([unchanged]=0 [faster]=1 [same]=2 [different]=3 [error]=4)
    ((rank[$1] > rank[$result])) && result=$1
    return 0
}

echo "## codeopt verify" >>"$summary"
echo >>"$summary"
while IFS= read -r item; do
    item=${item#"${item%%[![:space:]]*}"}
    item=${item%"${item##*[![:space:]]}"}
    [[ -n $item ]] || continue
    file=${item%%:*}
    if ! git cat-file -e "$head:./$file" 2>/dev/null; then
        tell "$item" "not in $head"
        if ! git cat-file -e "$base:./$file" 2>/dev/null; then
            echo "codeopt: no $file in $base or $head" >&2
            worse error
        fi
        continue
    fi
    if ! git cat-file -e "$base:./$file" 2>/dev/null; then
        tell "$item" "new: there is nothing to compare it with"
        continue
    fi
    if git diff --quiet "$base" "$head" -- "$file"; then
        tell "$item" "unchanged"
        continue
    fi
    codeopt verify "$base:$item" "$head:$item" --markdown "${options[@]}" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    if ((code == 0)); then
        worse faster
    elif ((code == 1)) && head -n 1 "$work/out" | grep -q ': same behaviour, [^`]*$'; then
        worse same
    elif ((code == 1)); then
        worse different
        echo "::error file=$file::codeopt: it does not do the same any more"
    else
        worse error
        tell "$item" "could not be checked"
        { echo '~~~~text' && sed 's/^~~~/ ~~~/' "$work/err" && echo '~~~~'; } >"$work/out"
        cat "$work/err" >&2
    fi
    cat "$work/out" >>"$summary"
    echo >>"$summary"
done <<<"${CODEOPT_FILES:-}"

[[ -n ${GITHUB_OUTPUT:-} ]] && echo "result=$result" >>"$GITHUB_OUTPUT"
case $require:$result in
nothing:* | *:unchanged | *:faster | same:same) ;;
*) failed=1 ;;
esac
exit $failed
