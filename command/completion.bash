# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completes the command lines of dgen, dgen-bench and dgen-measure in bash. The options are those that
# the program's own --help lists, so none can be missing here.

# The values of an option that has a fixed set of them.
_dgen_values()
{
	case $1 in
	--compress-codec) echo lz4 zstd deflate lzo ;;
	--codec | dgen-measure-c) echo lz4 lz4hc zstd deflate lzo none ;;
	--backend) echo io_uring libaio null fio: ;;
	--numa-mode) echo auto force disabled ;;
	esac
}

_dgen()
{
	local IFS=$' \t\n' current=$2 option=$3 values options

	COMPREPLY=()
	# readline parts --option=value at the sign, as COMP_WORDBREAKS says.
	[[ $current != = ]] || current=
	[[ $option != = ]] || option=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $option != -c ]] || option=${1##*/}-c
	values=$(_dgen_values "$option")
	if [[ $values ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
	elif [[ $current = -* ]]; then
		options=$("$1" --help 2>/dev/null | sed -nE 's/^ +(-[a-zA-Z], )?(--[a-z-]+=?).*/\2/p')
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		[[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null || :
	else
		compopt -o filenames 2>/dev/null || :
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
	fi
}

complete -F _dgen dgen dgen-bench dgen-measure
