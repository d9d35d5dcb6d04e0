"""Importing files: staged as text, mapped to fields, and made into records by a run.

    file = stage(path, "contacts.csv", module, user)     # read into the database, by the clock
                                                          # if it is large: leave_unread
    assign(file, module, user, {"Mail": "email"})         # where the guess was wrong
    run = start(file, module, default_policy(file.mapping), user)
    outcome(run)                                          # once it has ended

Whatever is wrong with the file raises `tabular.BadFile`; with the mapping, `BadMapping`; with the
policy, `BadPolicy`. Each message can be shown as it is.
"""

from massadmin.imports.keeping import drop_file, drop_old_files
from massadmin.imports.mapping import (
    FULL_NAME,
    BadMapping,
    assign,
    set_mapping,
    targets,
)
from massadmin.imports.models import ImportFile
from massadmin.imports.outcomes import Outcome, error_lines, outcome, write_errors
from massadmin.imports.policy import BadPolicy, Policy, default_policy, warnings
from massadmin.imports.staging import limits_of, restage, sample_rows, stage
from massadmin.imports.starting import preview, start
from massadmin.imports.unread import (
    NO_ROWS,
    leave_to_read_again,
    leave_unread,
    read_unread,
    reads_quickly,
)

__all__ = [
    "FULL_NAME",
    "NO_ROWS",
    "BadMapping",
    "BadPolicy",
    "ImportFile",
    "Outcome",
    "Policy",
    "assign",
    "default_policy",
    "drop_file",
    "drop_old_files",
    "error_lines",
    "leave_to_read_again",
    "leave_unread",
    "limits_of",
    "outcome",
    "preview",
    "read_unread",
    "reads_quickly",
    "restage",
    "sample_rows",
    "set_mapping",
    "stage",
    "start",
    "targets",
    "warnings",
    "write_errors",
]
