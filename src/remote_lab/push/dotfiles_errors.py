"""What can go wrong with the dotfiles on a remote: sh/apply.sh and sh/back.sh."""

from remote_lab.errors import LOCKED, REMOTE_EDITED, Rule
from remote_lab.remote_failures import BUSY, NO_SUDO

AS_WAS = "{name} is as it was."

_BEHIND_LINK = (
    "{name} can't write to {file}, the file that a link of yours leads to: {reason}"
)
RULES: tuple[Rule, ...] = (
    Rule(
        r"^clashes\b",
        "Changed on {name} since the last push, and changed here too: {changed}.",
        AS_WAS,
        "Copy what you want of it into home/remote, then: {push_force}   (what is there"
        " now is kept: {undo})",
        REMOTE_EDITED,
    ),
    LOCKED,
    Rule(
        r"^foreign\t(?P<path>[^\t\n]*)",
        "~/{path} on {name} is there already, and is not ours.",
        AS_WAS,
        "Move it away: {move}   then: {push}",
    ),
    Rule(
        r"(?is)\Anowrite\b.*\n.*(not a directory|file exists)",
        "{name} can't write{to}: {reason}",
        AS_WAS,
        "Something is where a folder has to be. Move it away there, then: {push}",
    ),
    Rule(
        # Some shells end at once, with no record, where a file can't be made.
        r"(?is)\A(nowrite\b|\n.*(no space left|quota|read-only))",
        "{name} can't write{to}: {reason}",
        AS_WAS,
        "Is the disk full, your quota, or the home read-only? Look with: {look_at_disk}"
        "   (df -i, where files are counted)",
    ),
    Rule(
        r"^stopped\b",
        "{name} can't write{to}: {reason}",
        "The lab is stopped. Otherwise {name} is as it was.",
        "Is the disk full, your quota, or the home read-only? Look with: {look_at_disk}"
        "   (df -i, where files are counted)",
    ),
    Rule(
        r"^incomplete\b",
        "What was sent to {name} did not arrive whole: {reason}",
        AS_WAS,
        "If the disk is full, make room; if tar or gzip is missing, ask for it; then:"
        " {push}",
    ),
    NO_SUDO,
    Rule(
        r"^never\b",
        "There is nothing of this project on {name}: it was never pushed there, or has"
        " been removed.",
        "",
        "{push}",
    ),
    Rule(
        r"^owed\t(?P<file>[^\t\n]*)",
        _BEHIND_LINK,
        "An earlier push or undo has to write it first; this one changed nothing.",
        "Once it can be written: {push}",
    ),
    Rule(
        r"^unsettled\b",
        "{name} can't bring to its disk what was written: {reason}",
        "All is in place, but a power cut now could undo it.",
        "Look at the disk: {look_at_disk}   then: {push}",
    ),
    Rule(
        r"^behind\t(?P<file>[^\t\n]*)\tundo\b",
        _BEHIND_LINK,
        "All else is in place, and nothing is half written.",
        "Once it can be written, it will be: {undo}",
    ),
    Rule(
        r"^behind\t(?P<file>[^\t\n]*)",
        _BEHIND_LINK,
        "All else is in place, and nothing is half written.",
        "Once it can be written, it will be: {push}",
    ),
    Rule(
        r"^remains\t(?P<path>[^\t\n]*)",
        "{name} can't delete ~/{path}: {reason}",
        "Nothing of the project is in use there any more.",
        "Fix that, then again: {remove}",
    ),
    BUSY,
    Rule(
        r"^first\t0*[1-9]",
        "This was the first push to {name}: there is none before it.",
        AS_WAS,
        "To remove all of it: {remove_yes}",
    ),
    Rule(
        r"^first\b",
        "This was the first push to {name}: there is none before it.",
        AS_WAS,
        "To remove all of it: {remove}",
    ),
    Rule(
        r"^pruned\t(?P<generation>[^\t\n]*)",
        "The generation before, {generation}, is no longer kept.",
        AS_WAS,
        "Take the former files from git, then: {push}",
    ),
    Rule("", "{name} did not accept the dotfiles: {reported}", AS_WAS, "{doctor}"),
)
# A limit of the account was met, and the remote reports nothing that explains more.
LIMIT = Rule(
    r"\A(nowrite|incomplete)?(\t.*)?(\n|\Z)",
    "A limit of the account on {name} is too low for this: {limit}",
    AS_WAS,
    "Look at them: {look_at_limits}   and ask its admin.",
)
