#compdef dgen dgen-bench dgen-measure
# SPDX-License-Identifier: GPL-2.0-only
# The options are those that the program's own --help lists.
_arguments -s -- '*:file:_files'
