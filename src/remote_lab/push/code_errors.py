"""What can go wrong with the code on a remote: sh/code.sh and sh/repair.sh."""

from remote_lab.errors import LOCKED, OVERTAKEN, REMOTE_EDITED, Rule

CUT = Rule(
    "^cut$",
    "A push is changing the code on {name}, or was cut off while it did.",
    "Nothing was changed.",
    "To complete it: {push}",
)
_ROOM = "Is the disk full, or your quota? Make room, then: {push}"

RULES = (
    Rule(
        r"^dirty\t.*(overwritten|would lose)",
        "{name} would lose files that are not in git: {why}",
        "Its working tree is as it was.",
        "Move those files away there, then: {push}",
        REMOTE_EDITED,
    ),
    Rule(
        r"^parted\t(?P<branch>[^\t\n]*)",
        "The branch {branch} on {name} has commits that were made there.",
        "They were not touched, and no code was pushed.",
        "Check it out there (git checkout {quoted}), then save them here: {save}",
        REMOTE_EDITED,
    ),
    OVERTAKEN,
    Rule(r"\Acut\b", CUT.what, CUT.unchanged, CUT.todo),
    Rule(
        r"^atwork\b",
        "git is running in {place} on {name}, where a push was cut off.",
        "The code there is part old, part new; the next push completes it.",
        "Wait until that git ends, then: {push}",
    ),
    Rule(
        r"^half\t",
        "{name} could not write all of the code: {why}",
        "It is part old, part new there; the next push completes it.",
        _ROOM,
    ),
    LOCKED,
    # git's checkout, too, may lack room: even to report so.
    Rule(
        r"^dirty\t",
        "{name} can't write to {place}: {why}",
        "The code there is as it was.",
        _ROOM,
    ),
    Rule(
        r"^(nowrite|incomplete)\b",
        "{name} can't write{to}: {reason}",
        "The code there is as it was.",
        _ROOM,
    ),
    Rule(
        "",
        "{name} did not accept the code: {reason}",
        "It is as it was.",
        "Look there: {look_at_code}",
    ),
)
