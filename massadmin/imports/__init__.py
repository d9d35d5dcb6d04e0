"""Importing files: staged as text, mapped to fields, and made into records by a run.

    file = stage(path, "contacts.csv", module, user)     # read into the database
    assign(file, module, user, {"Mail": "email"})         # where the guess was wrong
    run = start(file, module, default_policy(file.mapping), user)
    outcome(run)                                          # once it has ended

Nobody waits while a large file is read and its import started: `leave_unread` and
`leave_unstarted` leave that to the clock, which calls `do_errands`.

Whatever is wrong with the file raises `tabular.BadFile`; with the mapping, `BadMapping`; with the
policy, `BadPolicy`. Each message can be shown as it is.
"""

from massadmin.imports.errands import do_errands
from massadmin.imports.keeping import drop_file, drop_old_files
from massadmin.imports.mapping import (
    FULL_NAME,
    BadMapping,
    assign,
    set_mapping,
    targets,
)
from massadmin.imports.models import ImportFile
from massadmin.imports.outcomes import (
    Outcome,
    error_lines,
    keep_cancelled_outcomes,
    outcome,
    write_errors,
)
from massadmin.imports.policy import BadPolicy, Policy, default_policy, warnings
from massadmin.imports.staging import limits_of, restage, sample_rows, stage
from massadmin.imports.starting import preview, start
from massadmin.imports.unread import (
    NO_ROWS,
    leave_to_read_again,
    leave_unread,
    reads_quickly,
)
from massadmin.imports.unstarted import call_off, leave_unstarted, starts_quickly

__all__ = [
    "FULL_NAME",
    "NO_ROWS",
    "BadMapping",
    "BadPolicy",
    "ImportFile",
    "Outcome",
    "Policy",
    "assign",
    "call_off",
    "default_policy",
    "do_errands",
    "drop_file",
    "drop_old_files",
    "error_lines",
    "keep_cancelled_outcomes",
    "leave_to_read_again",
    "leave_unread",
    "leave_unstarted",
    "limits_of",
    "outcome",
    "preview",
    "reads_quickly",
    "restage",
    "sample_rows",
    "set_mapping",
    "stage",
    "start",
    "starts_quickly",
    "targets",
    "warnings",
    "write_errors",
]
