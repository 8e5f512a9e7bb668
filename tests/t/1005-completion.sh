#!/usr/bin/env bash
# The shells complete: keys are typed into bash and zsh on a terminal, fish is asked; what comes of
# it is what the program would have got.
. "$(dirname "$0")/../lib.sh"
need_cmd python3

for shell in bash zsh fish; do
	exits "completion $shell" 0 "$COREHEAP" completion "$shell"
	cp stdout "script.$shell"
done
exits 'a shell that there is none for: exit 2' 2 "$COREHEAP" completion tcsh
like 'says which there are' "$(cat stderr)" 'bash, zsh and fish'
exits 'no shell: exit 2' 2 "$COREHEAP" completion

# ---- what bash is offered is what help lists ----
offered() # WORD...: completes the last of them
{
	bash --norc --noprofile -c '
		compopt() { :; }
		. ./script.bash
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		_coreheap && printf "%s\n" "${COMPREPLY[@]}"' bash - "$@" | sort
}
commands=$("$COREHEAP" help | sed -n '/^usage/,/^Options/s/^  \([a-z][a-z]*\) .*/\1/p' | sort)
ok 'help lists commands' test "$(wc -l <<<"$commands")" -ge 13
is 'bash is offered every command' "$(offered coreheap '' | grep -vxFf <(ls -A))" "$commands"
for command in $commands; do
	is "bash is offered the options of $command" "$(offered coreheap "$command" -)" \
		"$("$COREHEAP" help "$command" | sed -n '/^Options/,$s/^  \(-., \)\?\(--[a-z-]*\).*/\2/p' | sort)"
	formats=$("$COREHEAP" help "$command" | sed -n 's/^Formats: //p' | sed 's/, /\n/g' | sort)
	[ "$formats" != text ] || formats= # no choice, no option
	is "bash is offered the formats of $command" "$(offered coreheap "$command" --format = '')" "$formats"
done
is 'of a core, the options of summary' "$(offered coreheap core -)" "$(offered coreheap summary -)"

# ---- keys ----
mkdir -p keys/cores
cd keys || exit 1
touch core.1 'core two'
cat >type.py <<'PY'
"""type.py SHELL SCRIPT LINE...: types the lines; prints the words that coreheap would have got."""
import os, pty, re, select, sys
shell, script, *lines = sys.argv[1:]
argv = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
setup = {"bash": "bind 'set bell-style none'; ", "zsh": "unsetopt beep; autoload -U compinit; compinit -D -u; "}
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PS1="")
    os.execvp(argv[0], argv)
def send(text, mark):
    os.write(fd, text.encode())
    got = b""
    while mark not in got and select.select([fd], [], [], 20)[0]:
        try:
            got += os.read(fd, 65536)
        except OSError:
            break
    return got
send(setup[shell] + "source " + script + "; coreheap() { printf '<%s>' \"$@\"; echo E''ND; }; echo REA''DY\n", b"READY")
for line in lines:
    found = re.findall(rb"<.*>(?=END)", send(line.replace("TAB", "\t") + "\n", b"END"))
    print(found[-1].decode() if found else "nothing")
PY
typed=(
	'coreheap leaTAB' '<leaks>'
	'coreheap leaks --no-siTAB' '<leaks><--no-sites>'
	'coreheap leaks --format csTAB' '<leaks><--format><csv>'
	'coreheap leaks --format=jsonlTAB' '<leaks><--format=jsonl>'
	'coreheap leaks core.TAB --sort reTAB' '<leaks><core.1><--sort><retained>'
	'coreheap blocks --reach definite,indTAB' '<blocks><--reach><definite,indirect>'
	'coreheap core.TAB --jTAB' '<core.1><--json>'
	'coreheap help suTAB' '<help><summary>'
	'coreheap completion fTAB' '<completion><fish>'
	'coreheap leaks --debug-dir=cTAB' '<leaks><--debug-dir=cores>'
	'coreheap explain core\ TAB' '<explain><core two>'
	'coreheap diff core.TAB core.TAB' '<diff><core.1><core.1>'
	'coreheap leaks -o core.TAB' '<leaks><-o><core.1>'
)
keys=()
want=()
for ((i = 0; i < ${#typed[@]}; i += 2)); do
	keys+=("${typed[i]}")
	want+=("${typed[i + 1]}")
done
for shell in bash zsh; do
	if ! python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
		skip "keys typed into $shell" 'no terminal can be had here (/dev/pts)'
	elif ! command -v "$shell" >/dev/null; then
		skip "keys typed into $shell" "$shell is not installed"
	else
		python3 type.py "$shell" "$OUT/script.$shell" "${keys[@]}" >got 2>&1
		for ((i = 0; i < ${#keys[@]}; i++)); do
			is "$shell: ${keys[i]}" "$(sed -n "$((i + 1)){s|/>|>|;p}" got)" "${want[i]}"
		done
	fi
done
if command -v fish >/dev/null; then
	asked()
	{
		HOME=$OUT fish --no-config -c "source ../script.fish; complete -C '$1'" | cut -f 1 |
			tr '\n' ' '
	}
	is 'fish: commands' "$(asked 'coreheap leak')" 'leaks '
	is 'fish: no command twice' "$(asked 'coreheap leaks leak')" ''
	is 'fish: options' "$(asked 'coreheap leaks --form')" '--format '
	is 'fish: formats' "$(asked 'coreheap explain --format ')" 'json text '
	is 'fish: lists' "$(asked 'coreheap blocks --reach definite,ind')" 'definite,indirect '
	is 'fish: the core instead of a command' "$(asked 'coreheap core.1 --jso')" '--json '
	is 'fish: files' "$(asked 'coreheap diff core.1 core.')" 'core.1 '
	is 'fish: only what the command takes' "$(asked 'coreheap summary --sor')" ''
	is 'fish: names' "$(asked 'coreheap completion ')" 'bash fish zsh '
else
	skip 'fish' 'fish is not installed'
fi
plan_done
