"""What no log may hold: numbers of documents, of telephones, and who somebody is at WeChat."""

import re

FORMS = (
    # Eighteen digits with a date in the middle; of longer numbers and of hexadecimal no part.
    re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0\d|1[0-2])[0-3]\d{4}[0-9Xx](?![0-9A-Za-z])"),
    # A mobile number.
    re.compile(r"(?<![0-9A-Za-z.:-])1[3-9]\d{9}(?![0-9A-Za-z])"),
    # Openids as WeChat's begin, as those that are pretended do, and as the stories' do.
    re.compile(r"(?<![0-9A-Za-z_-])o[0-9A-Za-z_-]{27}(?![0-9A-Za-z_-])"),
    re.compile(r"pretend-[a-z0-9]"),
    re.compile(r"(?<![0-9A-Za-z/_-])o-[a-z]{3,}"),
)


def lines(text, words=()):
    """The numbers of lines that hold any of it, or one of `words`."""
    return [n for n, line in enumerate(text.splitlines(), 1)
            if any(form.search(line) for form in FORMS) or any(word in line for word in words)]
